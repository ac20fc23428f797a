use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Approve, Host, Notify, Output, Question};
use crate::fault::Period;
use crate::scenario::written::{HttpForm, Probe, Tolerance};
use crate::text::{Field, Form, Never, Pairs, Scalar};

/// `steady_state`, the name of one of its probes, or a probe of the playbook's own.
pub type ProbeForm = Form<String, Probe>;
/// How often a failed attempt is made again: a number, or all of it.
pub type RetryForm = Form<u32, Retry>;

/// Where to go: a step, or a list of steps with their conditions.
pub type NextForm = Form<String, Never, Vec<Field<Form<String, NextEntry>>>>;

/// One entry of a playbook: a name, exactly one action, and where it leads.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["id"]))]
pub struct Step {
    /// Its name; in expressions a `-` is written `_`.
    #[schemars(extend("pattern" = "^[a-z][a-z0-9-]*$"))]
    pub id: Field<String>,
    /// Its title, for people.
    pub title: Field<String>,
    /// Who does it.
    pub role: Field<String>,
    /// Where to look.
    pub links: Field<Vec<Field<String>>>,
    /// A person does this.
    pub manual: Field<String>,
    /// What that person must answer.
    pub questions: Field<Vec<Field<Question>>>,
    /// People agree. A list is the roles that may.
    pub approve: Field<Form<Never, Approve, Vec<Field<String>>>>,
    /// A request is sent. A word is its URL.
    pub http: Field<HttpForm>,
    /// A command runs, without a shell.
    pub run: Field<Vec<Field<Scalar>>>,
    /// Environment variables of the command, beside `PATH`, `HOME`, `LANG` and `TZ`.
    pub env: Field<Pairs<Scalar>>,
    /// Which answer (`status`, `body`, `json`) or exit status (`exit`) is a success.
    pub tolerance: Field<Tolerance>,
    /// It is waited until this is good. A word is `steady_state` or the name of one of its probes.
    pub probe: Field<ProbeForm>,
    /// Somebody is told. A word is the text.
    pub notify: Field<Form<String, Notify>>,
    /// The agent acts on a host.
    pub host: Field<Host>,
    /// The step is skipped unless this holds.
    pub when: Field<String>,
    /// Where to go afterwards: the first entry that holds; absent: the next in file order. A word is a step.
    pub next: Field<NextForm>,
    /// How often a failed attempt is made again; absent: never. A number is its `attempts`.
    pub retry: Field<RetryForm>,
    /// When one attempt is given up; absent: `30s`, and `10m` where people must answer.
    pub timeout: Field<Period>,
    /// How long it should take; scored, not enforced.
    pub budget: Field<Period>,
    /// What must turn good afterwards. A word is its `probe`.
    pub verify: Field<Form<String, Verify>>,
    /// What a failure leads to: `stop`, `continue`, or a step; absent: `stop`.
    pub on_failure: Field<String>,
    /// What is kept of the result, by name: `${steps.ID.NAME}`. A word is a `stdout`.
    pub outputs: Field<Pairs<Form<String, Output>>>,
    /// Whether it changes the system; absent: `run`, `host`, and `http` other than GET and HEAD do.
    pub mutates: Field<bool>,
    /// The way back, taken after recovery.
    pub undo: Field<Undo>,
    /// The playbook ends with this step.
    pub end: Field<bool>,
}

/// Where to go.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["go"]))]
pub struct NextEntry {
    /// On this condition; absent: always.
    pub when: Field<String>,
    /// To this step.
    pub go: Field<String>,
}

/// How often a failed attempt is made again.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["attempts"]))]
pub struct Retry {
    /// How many attempts at most, the first included: 1 to 20.
    pub attempts: Field<u32>,
    /// How long before the next one; absent: `5s`.
    pub delay: Field<Period>,
}

/// What must turn good after a step.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["probe"]))]
pub struct Verify {
    /// What: `steady_state`, the name of one of its probes, or a probe of its own.
    pub probe: Field<ProbeForm>,
    /// How soon after the step was done; absent: `1m`.
    pub within: Field<Period>,
}

/// The way back of a step: exactly one of `http`, `run` and `host`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Undo {
    /// A request is sent. A word is its URL.
    pub http: Field<HttpForm>,
    /// A command runs, without a shell.
    pub run: Field<Vec<Field<Scalar>>>,
    /// Environment variables of the command.
    pub env: Field<Pairs<Scalar>>,
    /// Which answer or exit status is a success.
    pub tolerance: Field<Tolerance>,
    /// The agent acts on a host.
    pub host: Field<Host>,
    /// When one attempt is given up; absent: `30s`.
    pub timeout: Field<Period>,
    /// How often a failed attempt is made again; absent: never.
    pub retry: Field<RetryForm>,
}
