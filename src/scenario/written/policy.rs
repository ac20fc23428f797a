use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::{Percent, Period};
use crate::text::Field;

/// What is allowed. A plan above a ceiling is refused, never clipped.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Which faults.
    pub faults: Field<FaultPolicy>,
    /// The largest share of traffic that a fault may hit; absent: 100%, in production 1%.
    pub percent_max: Field<Percent>,
    /// The longest `max` of a fault.
    pub duration_max: Field<Period>,
    /// How many faults may be on at once.
    pub concurrent_max: Field<u32>,
    /// When drills may run, for example `Mon-Thu 09:00-16:00`.
    pub windows: Field<Vec<Field<String>>>,
    /// Who must agree.
    pub approvals: Field<Approvals>,
}

/// Which faults are allowed.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FaultPolicy {
    /// Kinds that are refused.
    pub deny: Field<Vec<Field<String>>>,
}

/// Who must agree.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Approvals {
    /// Groups or persons.
    pub from: Field<Vec<Field<String>>>,
    /// How many of them.
    pub count: Field<u32>,
}
