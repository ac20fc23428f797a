use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AlarmMatch, Tolerance};
use crate::fault::{Percent, Period};
use crate::text::Field;

/// What stops every fault at once: exactly one of `probe`, `budget`, `alarm`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Abort {
    /// A probe out of tolerance.
    pub probe: Field<String>,
    /// Its tolerance for this purpose; absent: its own.
    pub tolerance: Field<Tolerance>,
    /// Out of tolerance for this long; absent: at once.
    #[serde(rename = "for")]
    pub lasting: Field<Period>,
    /// An error budget, by the name of its objective …
    pub budget: Field<String>,
    /// … of which this much was spent.
    pub spent: Field<Percent>,
    /// An alarm that comes.
    pub alarm: Field<AlarmMatch>,
}
