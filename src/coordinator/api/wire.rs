//! The words of the HTTP API, version 1: what is sent to it. What it sends back are the office's own words, and those
//! of a running drill ([`control::wire`](crate::coordinator::control::wire)).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::coordinator::control::wire::{Changed, Halt, Note, Said, SetFault, Status, TEXT_MAX_BYTES};

/// The header that names the person in whose stead something is said.
pub const IN_STEAD_OF: &str = "in-stead-of";
/// The largest request body.
pub const BODY_MAX_BYTES: usize = 2 * 1024 * 1024;
/// How many files a bundle may have.
pub const FILES_MAX: usize = 256;
/// The longest name of a file, a person or an item.
pub const NAME_MAX_BYTES: usize = 200;

/// A game day with the text of every file that it refers to: what is approved is what runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// The path of the game day's file among `files`.
    #[schemars(length(min = 1, max = 200))]
    pub main: String,
    /// The files, by the paths under which they refer to each other.
    #[schemars(length(min = 1, max = 256))]
    pub files: Vec<BundleFile>,
}

/// One file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleFile {
    /// Its path, relative to the bundle.
    #[schemars(length(min = 1, max = 200))]
    pub path: String,
    /// What it says.
    pub text: String,
}

/// What is wrong with a file, and where; the words of `firedrill check --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileProblem {
    /// The file's path in the bundle.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// `error` or `warning`.
    pub severity: String,
    /// The stable name of the rule.
    pub rule: String,
    /// What is wrong: the thing, the value, the limit.
    pub message: String,
    /// The way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Why a request was not done (RFC 9457 `application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
    /// A few words for the kind of problem.
    pub title: String,
    /// The thing, the value, the limit and the way out.
    pub detail: String,
    /// What is wrong with the files that were sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<FileProblem>,
}

impl Problem {
    /// A problem with its status, its kind and its sentence.
    pub fn new(status: u16, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { status, title: title.into(), detail: detail.into(), problems: Vec::new() }
    }
}

/// The body of `approve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// The person in whose stead it is approved; the same as the header `In-Stead-Of`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub in_stead_of: Option<String>,
}

/// The body of `start`, `pause`, `resume`, `stop`, `close`, and of the lever's release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Why; may be empty where nobody has to say.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub reason: String,
}

/// The body of `answers`: to a preflight item, or to what an inject asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemAnswer {
    /// The preflight item's name, or the number of the run.
    #[schemars(length(min = 1, max = 200))]
    pub item: String,
    /// Whether it is as it should be. Absent where only words are asked for: yes.
    #[serde(default = "yes")]
    pub ok: bool,
    /// The answer, or what there is to say.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub text: String,
}

const fn yes() -> bool {
    true
}

/// The body of `waivers`: a preflight item that need not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waive {
    /// The preflight item's name.
    #[schemars(length(min = 1, max = 200))]
    pub item: String,
    /// Why not.
    #[schemars(length(min = 1, max = 4096))]
    pub reason: String,
}

/// The body of a game day's `notes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DayNote {
    /// What.
    #[schemars(length(min = 1, max = 4096))]
    pub text: String,
}

/// The body of `findings`: what is to be mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddFinding {
    /// What.
    #[schemars(length(min = 1, max = 4096))]
    pub title: String,
    /// Who mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub owner: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<jiff::civil::Date>,
    /// What kind of thing it is: `alarm`, `playbook`, `service`, `drill`, or a word of one's own.
    #[serde(default = "other")]
    #[schemars(length(min = 1, max = 200))]
    pub kind: String,
}

fn other() -> String {
    "other".to_owned()
}

/// The body of `reviews`: the answer to a question of the review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// The question, as the game day asks it, or its number from 1.
    #[schemars(length(min = 1, max = 4096))]
    pub question: String,
    /// The answer.
    #[schemars(length(min = 1, max = 4096))]
    pub answer: String,
}

/// The body of `GET /healthCheck`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// Always `ok`.
    pub status: String,
    /// The version of the program.
    pub version: String,
}
