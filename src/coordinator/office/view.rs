//! The office's words: the bundles it takes, and what it shows of game days, drills and how things stand. They are the
//! words of the HTTP API too.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::coordinator::control::Status;
use crate::drill::Summary;

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

/// A bundle that was taken, or would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Added {
    /// The id of the game day that was made of it, or would be.
    pub id: String,
    /// When it is due; absent: only when somebody starts it.
    pub due: Option<Timestamp>,
    /// Its runs, in their order.
    pub runs: Vec<RunLine>,
    /// What someone should look at.
    pub warnings: Vec<FileProblem>,
    /// What the files ask for and this version does not act on.
    pub not_acted_on: Vec<String>,
}

/// A game day in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GameDayLine {
    /// Its id: `<name>-<n>`.
    pub id: String,
    /// The name in its file.
    pub name: String,
    /// Its title.
    pub title: Option<String>,
    /// `draft`, `approved`, `preflight`, `running`, `paused`, `reviewing`, `closed` or `stopped`.
    pub state: String,
    /// Why it is there, in words; absent: that needs no words.
    pub why: Option<String>,
    /// The environment that it runs in.
    pub environment: Option<String>,
    /// When it was added.
    pub added: Timestamp,
    /// When it is due; absent: only when somebody starts it.
    pub due: Option<Timestamp>,
    /// Until when it may start by itself.
    pub deadline: Option<Timestamp>,
    /// How many runs it has.
    pub runs: u32,
    /// How many of them are over.
    pub done: u32,
    /// The drill that runs now.
    pub drill: Option<String>,
    /// How many lines its journal has.
    pub lines: u64,
    /// Whether its journal is closed: no line follows.
    pub closed: bool,
    /// What could not be done when it was over; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<Unfinished>,
}

/// What belongs to the end of a game day and could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unfinished {
    /// What, and why.
    pub why: String,
    /// How often it was tried since this process began.
    pub tries: u32,
    /// When it is tried again; absent: not before the server is started again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Timestamp>,
    /// Whether no try could change it.
    pub for_good: bool,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)?;
        match (self.again, self.for_good) {
            (Some(at), _) => write!(f, "; tried again at {} UTC", at.strftime("%F %T")),
            (None, true) => Ok(()),
            (None, false) => f.write_str("; tried again when the server is started again"),
        }
    }
}

/// A game day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GameDayView {
    /// What a list shows of it.
    pub line: GameDayLine,
    /// What it is to show.
    pub goal: Option<String>,
    /// Where every random decision comes from.
    pub seed: u64,
    /// How many must approve it.
    pub approvals_needed: u32,
    /// Who has.
    pub approvals: Vec<Approval>,
    /// What is looked at before it begins.
    pub preflight: Vec<PreflightLine>,
    /// Its runs, in their order.
    pub runs: Vec<RunLine>,
    /// What was found, by people and by the drills.
    pub findings: Vec<FindingLine>,
    /// What is asked when it is over.
    pub review: Vec<ReviewLine>,
    /// What was written down.
    pub notes: Vec<NoteLine>,
    /// What can be asked of it as it stands: `approve`, `start`, `pause`, `resume`, `stop`, `close`.
    pub may: Vec<String>,
    /// What its files ask for and this version does not act on.
    pub not_acted_on: Vec<String>,
    /// The paths of its files.
    pub files: Vec<String>,
    /// The hash of its journal's last line.
    pub head: String,
    /// Whether a person stopped it, who and why.
    pub stopped: Option<StoppedBy>,
}

/// Somebody's approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// Who approved.
    pub who: String,
    /// In whose stead; absent: in their own name.
    pub in_stead_of: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Who stopped a game day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoppedBy {
    /// Who.
    pub who: String,
    /// Why.
    pub reason: String,
}

/// One thing that is looked at before a game day begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PreflightLine {
    /// Its name, by which it is answered or waived.
    pub item: String,
    /// What is looked at, or the question, in words.
    pub what: String,
    /// `pending`, `passed`, `failed`, `unknown` or `waived`.
    pub state: String,
    /// Why, or who answered, in words.
    pub why: Option<String>,
    /// Whether people must answer it.
    pub ask: bool,
}

/// One run of a game day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunLine {
    /// Its number, from 1.
    pub run: u32,
    /// The scenario; absent: a question.
    pub scenario: Option<String>,
    /// `sham`: the same without its faults.
    pub control: Option<String>,
    /// The question; absent: a scenario.
    pub ask: Option<String>,
    /// The pause before it, in seconds.
    pub gap_secs: f64,
    /// `pending`, `waiting`, `beginning`, `running`, `ended`, `answered`, or `not-run` once the day is over.
    pub state: String,
    /// Its drill.
    pub drill: Option<String>,
    /// What people answered.
    pub answer: Option<String>,
    /// What its drill came to.
    pub exit: Option<u8>,
    /// The verdicts of its drill.
    pub words: Option<Words>,
}

/// The verdicts of a drill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Words {
    /// `confirmed` or `none`.
    pub effect: String,
    /// `seen` or `withstood`.
    pub impact: String,
    /// `confirmed`, `refuted` or `untested`.
    pub hypothesis: String,
    /// The words for its alarms; empty: it expects none.
    pub alarms: Vec<String>,
    /// What the playbook was worth; absent: it has none.
    pub playbook: Option<String>,
    /// What brought the service back.
    pub restored_by: String,
    /// Whether only what was meant to be harmed was harmed.
    pub contained: String,
    /// Whether nothing was left behind.
    pub clean: bool,
    /// `valid` or `invalid`.
    pub drill: String,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingLine {
    /// What.
    pub title: String,
    /// Its kind.
    pub kind: String,
    /// Who mends it.
    pub owner: Option<String>,
    /// By when.
    pub due: Option<String>,
    /// Who found it; absent: it follows from a drill.
    pub who: Option<String>,
    /// The run it follows from.
    pub run: Option<u32>,
}

/// A question that is asked when a game day is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReviewLine {
    /// The question.
    pub question: String,
    /// What was answered, each with by whom.
    pub answers: Vec<NoteLine>,
}

/// What somebody wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoteLine {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// What.
    pub text: String,
}

/// A drill in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrillLine {
    /// Its id.
    pub id: String,
    /// The scenario.
    pub scenario: String,
    /// The game day that it belongs to.
    pub gameday: Option<String>,
    /// Which run of it, from 1.
    pub run: Option<u32>,
    /// `sham`: without its faults.
    pub control: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// `running` or `over`.
    pub state: String,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What it came to.
    pub exit: Option<u8>,
    /// Its verdicts.
    pub words: Option<Words>,
    /// The coordinator died while it ran; it was ended afterwards.
    pub interrupted: bool,
    /// How many lines its journal has; 0: not counted yet.
    pub lines: u64,
    /// The hash of its journal's last line, once it is closed.
    pub head: Option<String>,
}

/// A drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrillView {
    /// What a list shows of it.
    pub line: DrillLine,
    /// How it stands; absent: it is over.
    #[schemars(with = "Option<serde_json::Value>")]
    pub status: Option<Status>,
    /// What it came to; absent: it runs.
    #[schemars(with = "Option<serde_json::Value>")]
    pub summary: Option<Summary>,
}

/// Which drills are meant. All that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DrillFilter {
    /// Of this game day.
    pub gameday: Option<String>,
    /// Of this scenario.
    pub scenario: Option<String>,
    /// `running` or `over`.
    pub state: Option<String>,
    /// At most so many; at most 500, 100 unless told.
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
    /// Older than this drill.
    pub before: Option<String>,
}

/// The lever: while it is engaged no drill starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeverView {
    /// Who halted.
    pub who: String,
    /// Why; may be empty.
    pub why: String,
    /// When.
    pub when: Option<Timestamp>,
}

/// How things stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// The version of firedrill.
    pub version: String,
    /// The time by the coordinator's clock.
    pub now: Timestamp,
    /// Who halted, while the lever is engaged.
    pub lever: Option<LeverView>,
    /// The drills that run.
    pub drills: Vec<DrillLine>,
    /// The game days that are under way.
    pub gamedays: Vec<GameDayLine>,
    /// The next one that is due.
    pub next: Option<GameDayLine>,
}

/// What was counted since this process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Numbers {
    /// Alarms that came in.
    pub alarms_in: u64,
    /// Lines that were appended to journals.
    pub append_count: u64,
    /// How long that took, all of it together.
    pub append_seconds_sum: f64,
}
