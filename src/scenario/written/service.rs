use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Probe, SteadyState};
use crate::fault::Period;
use crate::text::{Field, Form, Never};

/// The catalog entry of a thing under test.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["firedrill", "kind", "name"]))]
pub struct Service {
    /// The version of the syntax: `v1`.
    #[schemars(extend("const" = "v1"))]
    pub firedrill: Field<String>,
    /// `Service`.
    #[schemars(extend("const" = "Service"))]
    pub kind: Field<String>,
    /// Its name: a-z, 0-9 and `-`, the same as the file's.
    #[schemars(extend("pattern" = "^[a-z][a-z0-9-]*$"))]
    pub name: Field<String>,
    /// One sentence for people.
    pub title: Field<String>,
    /// Whose it is.
    pub owner: Field<String>,
    /// How urgent it is: 1 wakes someone, 2 pages in business hours, 3 makes tickets.
    #[schemars(extend("minimum" = 1, "maximum" = 3))]
    pub tier: Field<u32>,
    /// The services that it needs, `services/NAME.yaml`.
    pub depends_on: Field<Vec<Field<String>>>,
    /// Where people look.
    pub links: Field<Links>,
    /// What people do when it fails, `playbooks/NAME.yaml`.
    pub playbooks: Field<Vec<Field<String>>>,
    /// Who is told when it fails.
    pub paging: Field<Paging>,
    /// What holds when it is well. A list is its probes.
    pub steady_state: Field<Form<Never, SteadyState, Vec<Field<Probe>>>>,
    /// How it can fail, and which scenario shows that.
    pub failure_modes: Field<Vec<Field<FailureMode>>>,
    /// Its service level objective.
    pub slo: Field<String>,
    /// The list that it is held against.
    pub checklist: Field<String>,
}

/// Where people look.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Links {
    /// How it is made.
    pub diagram: Field<String>,
    /// How it is doing.
    pub dashboards: Field<Vec<Field<String>>>,
}

/// Who is told when it fails.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["receiver"]))]
pub struct Paging {
    /// Who.
    pub receiver: Field<String>,
    /// How soon they answer.
    pub ack_within: Field<Period>,
}

/// A way in which it can fail.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["id"]))]
pub struct FailureMode {
    /// What it is called elsewhere.
    pub id: Field<String>,
    /// What happens.
    pub title: Field<String>,
    /// The scenario that shows it, `scenarios/NAME.yaml`.
    pub scenario: Field<String>,
}
