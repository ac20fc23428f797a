use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::Field;

/// We believe …, it will result in …, we are confident when …
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hypothesis {
    /// We believe this …
    pub believe: Field<String>,
    /// … will result in this …
    pub result: Field<String>,
    /// … and are confident when these results are good: `alarms`, `playbook`, `contained`, `steady_state`, …
    pub confident_when: Field<Vec<Field<String>>>,
}

/// What the builders owe to those who operate. For readers.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Premortem {
    /// Which metrics will move.
    pub metrics: Field<Vec<Field<String>>>,
    /// What may go wrong beside the fault.
    pub risks: Field<Vec<Field<String>>>,
    /// How one sees that it works as designed.
    pub signs: Field<Vec<Field<String>>>,
    /// What to do if it does not.
    pub contingencies: Field<Vec<Field<String>>>,
}
