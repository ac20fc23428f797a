use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Abort, AlarmExpectation, AlarmSource, Expect, FaultEntry, Hypothesis, Load, PlaybookRef, Premortem,
    Probe, Route, Secret, SteadyState,
};
use crate::text::{Field, Form, Never, Pairs};

/// What goes wrong, and what is expected to happen then.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["firedrill", "kind", "name", "faults", "steady_state"]))]
pub struct Scenario {
    /// The version of the syntax: `v1`.
    #[schemars(extend("const" = "v1"))]
    pub firedrill: Field<String>,
    /// `Scenario`.
    #[schemars(extend("const" = "Scenario"))]
    pub kind: Field<String>,
    /// Its name: a-z, 0-9 and `-`, the same as the file's.
    #[schemars(extend("pattern" = "^[a-z][a-z0-9-]*$"))]
    pub name: Field<String>,
    /// One sentence for people.
    pub title: Field<String>,
    /// The service under test, `services/NAME.yaml`.
    pub service: Field<String>,
    /// The environments where it may run; absent: anywhere that its policy allows.
    pub environments: Field<Vec<Field<String>>>,
    /// Words to find it by.
    pub tags: Field<Vec<Field<String>>>,
    /// The entry in the service's failure modes that it tests.
    pub failure_mode: Field<String>,
    /// The incident that it comes from.
    pub from_incident: Field<String>,
    /// Where every random decision comes from; absent: chosen, printed and journalled.
    pub seed: Field<u64>,
    /// Secrets by name, used as `${secrets.NAME}`; they never leave memory.
    pub secrets: Field<Pairs<Secret>>,
    /// What is believed.
    pub hypothesis: Field<Hypothesis>,
    /// What the builders owe to those who operate.
    pub premortem: Field<Premortem>,
    /// Routes that this drill serves itself, by name.
    pub routes: Field<Pairs<Route>>,
    /// Traffic that the drill brings; absent: real traffic only.
    pub load: Field<Load>,
    /// What must hold before, and again after. A list is its probes.
    pub steady_state: Field<Form<Never, SteadyState, Vec<Field<Probe>>>>,
    /// What goes wrong.
    pub faults: Field<Vec<Field<FaultEntry>>>,
    /// What is expected of alarms, logs, other services and recovery. A list is its alarms.
    pub expect: Field<Form<Never, Expect, Vec<Field<AlarmExpectation>>>>,
    /// The playbook that is exercised. A word is its name.
    pub playbook: Field<Form<String, PlaybookRef>>,
    /// Where alarms come from when it runs alone; absent: the webhook listener.
    pub alarms: Field<Vec<Field<AlarmSource>>>,
    /// Any one of these stops every fault at once.
    pub abort: Field<Vec<Field<Abort>>>,
    /// Placebo variants that a game day may draw.
    pub controls: Field<Vec<Field<Control>>>,
    /// The service level objective whose budget is spent.
    pub slo: Field<String>,
}

/// A placebo variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// Everything but the fault.
    Sham,
    /// The fault, too weak to be felt.
    SubThreshold,
}
