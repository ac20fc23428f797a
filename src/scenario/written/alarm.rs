use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{Field, Form, Pairs, Scalar};

/// Which alarms: label and glob; a word is the `alertname`.
pub type AlarmMatch = Form<Scalar, Pairs<Scalar>>;

/// Where alarms come from: exactly one of the two.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlarmSource {
    /// The base URL of an Alertmanager.
    pub alertmanager: Field<String>,
    /// The base URL of a Prometheus.
    pub prometheus: Field<String>,
    /// `poll` asks it, `webhook` is told by it.
    pub mode: Field<AlarmMode>,
}

/// How alarms arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmMode {
    /// The drill asks.
    Poll,
    /// The drill is told.
    Webhook,
}
