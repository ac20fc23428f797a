use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Step, ValueKind};
use crate::fault::Period;
use crate::scenario::written::{AlarmMatch, Secret};
use crate::text::{Field, Form, Pairs, Scalar};

/// What people and machines do about a failure.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["firedrill", "kind", "name", "steps"]))]
pub struct Playbook {
    /// The version of the syntax: `v1`.
    #[schemars(extend("const" = "v1"))]
    pub firedrill: Field<String>,
    /// `Playbook`.
    #[schemars(extend("const" = "Playbook"))]
    pub kind: Field<String>,
    /// Its name: a-z, 0-9 and `-`, the same as the file's.
    #[schemars(extend("pattern" = "^[a-z][a-z0-9-]*$"))]
    pub name: Field<String>,
    /// One sentence for people.
    pub title: Field<String>,
    /// Whose it is.
    pub owner: Field<String>,
    /// The service that it is for, `services/NAME.yaml`.
    pub service: Field<String>,
    /// The alarms that call for it; any one starts it. A word is an `alertname`.
    pub triggers: Field<Vec<Field<AlarmMatch>>>,
    /// What it promises.
    pub objectives: Field<Objectives>,
    /// Values that are given when it is used, by name: `${inputs.NAME}`. A word is the default of a text.
    pub inputs: Field<Pairs<Form<Scalar, Input>>>,
    /// Secrets by name, used as `${secrets.NAME}`; they never leave memory.
    pub secrets: Field<Pairs<Secret>>,
    /// Whom one can call. A word is a name.
    pub contacts: Field<Vec<Field<Form<String, Contact>>>>,
    /// Without a good drill for so long, it is stale.
    pub review_after: Field<Period>,
    /// What is done, in this order unless a step says otherwise.
    pub steps: Field<Vec<Field<Step>>>,
}

/// What a playbook promises.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Objectives {
    /// From impact to recovery, at most.
    pub rto: Field<Period>,
    /// The span of data that may be lost, at most.
    pub rpo: Field<Period>,
}

/// A value that is given when the playbook is used.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Input {
    /// What it is; absent: `string`.
    #[serde(rename = "type")]
    pub kind: Field<ValueKind>,
    /// What it is when nothing is given; absent: it must be given.
    pub default: Field<Scalar>,
    /// The only values that it may have.
    pub choices: Field<Vec<Field<Scalar>>>,
}

/// Somebody to call.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name"]))]
pub struct Contact {
    /// Who.
    pub name: Field<String>,
    /// By what: a pager, a telephone.
    pub via: Field<String>,
    /// The address there.
    #[serde(rename = "ref")]
    pub reference: Field<Scalar>,
    /// How soon they answer.
    pub reach_within: Field<Period>,
}
