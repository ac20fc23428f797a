//! The words of the HTTP API, version 1: what is sent to it. What it sends back are the office's own words, and those
//! of a running drill ([`control::wire`](crate::coordinator::control::wire)).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::coordinator::control::wire::{Changed, Halt, Note, Said, SetFault, Status};
/// Why a request was not done (RFC 9457 `application/problem+json`).
pub use crate::coordinator::office::Refusal as Problem;
pub use crate::coordinator::office::{
    Added, Bundle, DrillFilter, DrillLine, DrillView, GameDayLine, GameDayView, Standing,
};

/// The header that names the person in whose stead something is said.
pub const IN_STEAD_OF: &str = "in-stead-of";
/// The largest request body.
pub const BODY_MAX_BYTES: usize = 2 * 1024 * 1024;
/// The longest name of an item or of anything in a path.
pub const NAME_MAX_BYTES: usize = 200;

/// The form of a person's name.
pub(super) const PERSON_PATTERN: &str = r"^[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
/// The form of a word that one chooses.
pub(super) const WORD_PATTERN: &str = "^[a-z][a-z0-9_-]*$";

/// The body of `approve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// The person in whose stead it is approved; the same as the header `In-Stead-Of`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 100), regex(pattern = PERSON_PATTERN))]
    pub in_stead_of: Option<String>,
}

/// The body of `start`, `pause`, `resume`, `stop`, `close`, and of the lever's release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Why; may be empty where nobody has to say.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub reason: String,
}

/// The answer of `close`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Closed {
    /// The questions of the review that nobody has answered; empty: none is open.
    pub unanswered: Vec<String>,
}

/// The body of `answers`: to an item of the preflight, or to a run that is a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["item"]}, {"required": ["run"]}]))]
pub struct ItemAnswer {
    /// The preflight item, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 200), regex(pattern = r"\S"))]
    pub item: Option<String>,
    /// The run, by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1, max = 100_000))]
    pub run: Option<u32>,
    /// Whether the item is as it should be.
    #[serde(default = "yes")]
    pub ok: bool,
    /// The answer to a run's question, or what there is to say about the item.
    #[serde(default)]
    #[schemars(length(max = 1024))]
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
    #[schemars(length(min = 1, max = 200), regex(pattern = r"\S"))]
    pub item: String,
    /// Why not.
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"\S"))]
    pub reason: String,
}

/// The body of a game day's `notes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DayNote {
    /// What.
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"\S"))]
    pub text: String,
}

/// The body of `findings`: what is to be mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddFinding {
    /// What.
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"\S"))]
    pub title: String,
    /// Who mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 100), regex(pattern = PERSON_PATTERN))]
    pub owner: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "jiff::civil::Date")]
    pub due: Option<jiff::civil::Date>,
    /// What kind of thing it is: `alarm`, `playbook`, `service`, `drill`, or a word of one's own.
    #[serde(default = "other")]
    #[schemars(length(min = 1, max = 50), regex(pattern = WORD_PATTERN))]
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
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"\S"))]
    pub question: String,
    /// The answer.
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"\S"))]
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

/// The body of `GET /v1/gamedays`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GameDays {
    /// All of them, the newest first.
    pub gamedays: Vec<GameDayLine>,
}

/// The body of `GET /v1/drills`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drills {
    /// Those that fit, the newest first.
    pub drills: Vec<DrillLine>,
    /// What `before` is for those that are older; absent: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// The body of `GET /v1/scenarios/{name}/history`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// The scenario.
    pub scenario: String,
    /// How many drills of it are over and count: each number below is out of so many.
    pub n: usize,
    /// How many of these passed.
    pub passed: usize,
    /// How many had each exit.
    pub exits: BTreeMap<u8, usize>,
    /// Its drills, the newest first, shams and those that still run among them.
    pub drills: Vec<DrillLine>,
}

/// What `?dry_run=true` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AddGameDay {
    /// Only check, and change nothing.
    pub dry_run: bool,
}

/// Where events begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EventsAfter {
    /// After the line with this number; the header `Last-Event-ID` says the same and goes first.
    #[schemars(with = "u64")]
    pub after: Option<u64>,
}

/// What a journal is held against.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VerifyAgainst {
    /// The hash that its last line must have, from elsewhere.
    #[schemars(with = "String", regex(pattern = "^[0-9a-f]{64}$"))]
    pub head: Option<String>,
}
