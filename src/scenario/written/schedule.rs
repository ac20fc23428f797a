use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::{Percent, Period};
use crate::text::Field;

/// When a fault that stands acts.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// The length of a turn, counted from arming. Needs `for`.
    pub every: Field<Period>,
    /// For how long of each turn, from its beginning, the fault acts. Needs `every`.
    #[serde(rename = "for")]
    pub lasts: Field<Period>,
    /// How long after arming the first turn begins; absent: at once.
    pub offset: Field<Period>,
    /// It acts in bursts over the connections or requests.
    pub bursts: Field<Bursts>,
}

/// Bursts by a chain of two states.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["enter", "leave"]))]
pub struct Bursts {
    /// The chance that a burst begins with the next one.
    pub enter: Field<Percent>,
    /// The chance that a burst is over with the next one; at least 1%.
    pub leave: Field<Percent>,
}
