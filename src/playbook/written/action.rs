use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::Period;
use crate::scenario::written::{ProcessKill, ProcessRestart};
use crate::text::{Field, Form, Scalar};

/// What kind of value it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ValueKind {
    /// A text.
    #[default]
    String,
    /// A number.
    Number,
    /// True or false.
    Boolean,
}

/// What a person must answer.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["id"]))]
pub struct Question {
    /// Its name, bare in the step's own `next`.
    pub id: Field<String>,
    /// What is asked.
    pub title: Field<String>,
    /// What an answer is; absent: `string`.
    #[serde(rename = "type")]
    pub kind: Field<ValueKind>,
    /// The only answers that there are.
    pub choices: Field<Vec<Field<Scalar>>>,
}

/// People agree.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["from"]))]
pub struct Approve {
    /// The roles that may.
    pub from: Field<Vec<Field<String>>>,
    /// How many different people must; absent: 1.
    pub count: Field<u32>,
    /// When nobody waits for them any longer; absent: `10m`.
    pub expires: Field<Period>,
}

/// Somebody is told.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["text"]))]
pub struct Notify {
    /// Who; absent: `internal`.
    pub audience: Field<String>,
    /// What.
    pub text: Field<String>,
}

/// The agent acts on a host: a target and exactly one deed.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["target"]))]
pub struct Host {
    /// Where: `host/local`, the host that runs the drill.
    pub target: Field<String>,
    /// Processes get a signal that ends them. A word is their `name`.
    pub process_kill: Field<Form<Scalar, ProcessKill>>,
    /// Processes are ended and started again as they were. A word is their `name`.
    pub process_restart: Field<Form<Scalar, ProcessRestart>>,
}

/// What is kept of a result: exactly one.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Output {
    /// The first group of this regular expression on standard output (`run`).
    pub stdout: Field<String>,
    /// The value at this path of the JSON answer, `$.a.b[0]` (`http`).
    pub json: Field<String>,
    /// This header of the answer (`http`).
    pub header: Field<String>,
}
