use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{Field, Form, Pairs, Scalar};

/// Which alarms: label and glob; a word is the `alertname`.
pub type AlarmMatch = Form<Scalar, Pairs<Scalar>>;

/// Where alarms come from: exactly one of the three.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlarmSource {
    /// The base URL of an Alertmanager.
    pub alertmanager: Field<String>,
    /// The base URL of a Prometheus.
    pub prometheus: Field<String>,
    /// Anything that posts JSON to `/v1/alarms/generic/NAME`; a word is its name.
    pub generic: Field<Form<String, Generic>>,
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

/// A system that posts JSON of its own form.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name"]))]
pub struct Generic {
    /// The last part of the path that it posts to.
    #[schemars(extend("pattern" = "^[a-z][a-z0-9-]*$"))]
    pub name: Field<String>,
    /// Where in its JSON each thing stands.
    pub mapping: Field<Mapping>,
}

/// Where each thing stands in a body: JSON paths. What is left out is looked for where most systems have it.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// The alarm's name.
    pub name: Field<String>,
    /// The word that says whether it fires or is over.
    pub status: Field<String>,
    /// When it began.
    pub starts_at: Field<String>,
    /// When it ended.
    pub ends_at: Field<String>,
    /// What tells it apart from others.
    pub key: Field<String>,
    /// How urgent it is.
    pub severity: Field<String>,
    /// Who got it.
    pub receiver: Field<String>,
    /// A map of labels.
    pub labels: Field<String>,
    /// A map of annotations.
    pub annotations: Field<String>,
}

impl Mapping {
    /// Each thing by its name.
    pub fn places(&self) -> [(&'static str, &Field<String>); 9] {
        [
            ("name", &self.name),
            ("status", &self.status),
            ("starts_at", &self.starts_at),
            ("ends_at", &self.ends_at),
            ("key", &self.key),
            ("severity", &self.severity),
            ("receiver", &self.receiver),
            ("labels", &self.labels),
            ("annotations", &self.annotations),
        ]
    }
}
