use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AlarmSource, EnvironmentRoute, Policy};
use crate::text::{Field, Pairs, Scalar};

/// Where scenarios may run, and what is allowed there.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["firedrill", "kind", "name"]))]
pub struct Environment {
    /// The version of the syntax: `v1`.
    #[schemars(extend("const" = "v1"))]
    pub firedrill: Field<String>,
    /// `Environment`.
    #[schemars(extend("const" = "Environment"))]
    pub kind: Field<String>,
    /// Its name: a-z, 0-9 and `-`, the same as the file's.
    #[schemars(extend("pattern" = "^[a-z][a-z0-9-]*$"))]
    pub name: Field<String>,
    /// Whether real users are here; then the defaults are strict (`percent_max` 1%).
    pub production: Field<bool>,
    /// What `${NAME}` stands for in scenarios that run here, unless `--set` says otherwise.
    pub variables: Field<Pairs<Scalar>>,
    /// Routes served by a `firedrill proxy` that outlives a drill, by name.
    pub routes: Field<Pairs<EnvironmentRoute>>,
    /// Which hosts may be named.
    pub hosts: Field<Hosts>,
    /// Where alarms come from.
    pub alarms: Field<Vec<Field<AlarmSource>>>,
    /// What is allowed.
    pub policy: Field<Policy>,
}

/// Which hosts may be named.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hosts {
    /// Labels and their values.
    pub labels: Field<Pairs<Vec<Field<Scalar>>>>,
}
