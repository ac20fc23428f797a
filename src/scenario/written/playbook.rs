use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::Field;

/// The playbook that is exercised.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name"]))]
pub struct PlaybookRef {
    /// Its name, `playbooks/NAME.yaml`.
    pub name: Field<String>,
    /// What starts it; absent: `alarm`.
    pub start: Field<PlaybookStart>,
}

/// What starts a playbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlaybookStart {
    /// The first alarm that matches its triggers, or any expected alarm.
    Alarm,
    /// The impact.
    Impact,
    /// A person.
    Manual,
}
