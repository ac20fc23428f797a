//! What happened when, as a picture needs it: curves, bars and marks on one time axis, each with its journal line.

mod builder;
mod planned;
#[cfg(test)]
mod tests;
mod thin;

pub(super) use builder::Builder;
pub use thin::POINTS_MAX;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::drill::event::Phase;

/// One drill on one time axis. All times are since the drill began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// When the last thing happened.
    pub length: Duration,
    /// Where the drill was.
    pub phases: Vec<Span>,
    /// From the impact to the end of the last alarm: detect, start, act, verify where a playbook acted, else noticing and
    /// restoring; then resetting.
    pub recovery: Vec<Span>,
    /// One for each probe, in the plan's order.
    pub curves: Vec<Curve>,
    /// One for each fault, in the plan's order.
    pub bars: Vec<Bar>,
    /// Alarms, in the order in which they began.
    pub alarms: Vec<AlarmLine>,
    /// Every time that a step was entered, in order.
    pub steps: Vec<StepLine>,
    /// Impact, recovery, stops, notes, actions of people.
    pub marks: Vec<Mark>,
}

/// A stretch of time with a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// The name, for people.
    pub name: String,
    /// From.
    pub from: Duration,
    /// To.
    pub to: Duration,
    /// The line of the journal that began it; absent for what was computed.
    pub line: Option<u64>,
}

/// What a probe measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// The probe.
    pub probe: String,
    /// What the values are.
    pub unit: Unit,
    /// Its samples in order of time, thinned to at most [`POINTS_MAX`] without losing an extreme.
    pub points: Vec<Point>,
    /// How many samples there were.
    pub samples: u64,
    /// Answers to the load that count for it, as the slowest and the number of failures of each stretch of time.
    pub load: Vec<Point>,
    /// How many answers there were.
    pub answers: u64,
    /// The lines of its tolerance that can be drawn.
    pub bounds: Vec<Bound>,
    /// When it was out of tolerance, and why.
    pub violations: Vec<Span>,
    /// Whether its first violation is the impact.
    pub is_impact: bool,
    /// Whether one violation stops the drill.
    pub is_invariant: bool,
}

/// What the values of a curve are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// How long it took, in milliseconds.
    Milliseconds,
    /// A measured number.
    Number,
}

/// One point of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// When.
    pub at: Duration,
    /// How much.
    pub value: f64,
    /// How many samples failed here.
    pub failures: u32,
    /// The line of the journal.
    pub line: u64,
}

/// A line of a tolerance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bound {
    /// What it bounds: `p95`, `at most`, `at least`.
    pub name: String,
    /// In the curve's unit.
    pub value: f64,
    /// Whether larger values are out of tolerance.
    pub is_upper: bool,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bar {
    /// Its id.
    pub fault: String,
    /// What it is.
    pub kind: String,
    /// Where.
    pub target: String,
    /// Its parameters in words.
    pub words: String,
    /// When it was applied; absent: never.
    pub applied: Option<Duration>,
    /// When its effect was first seen.
    pub effective: Option<Duration>,
    /// When it was removed; absent: at once or never.
    pub removed: Option<Duration>,
    /// Whether it was done in a moment.
    pub is_instant: bool,
    /// The lines of the journal about it: applied, effective, removed.
    pub lines: Vec<u64>,
}

/// One alarm from its first notification to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmLine {
    /// Its name.
    pub name: String,
    /// What tells it from others of the name.
    pub labels: String,
    /// When its first notification was received.
    pub fired: Duration,
    /// When somebody took it.
    pub acknowledged: Option<Duration>,
    /// When its end was received; absent: it fired to the end.
    pub resolved: Option<Duration>,
    /// How many times it was said again.
    pub repeats: u32,
    /// Whether monitoring said that it cannot see, which is no alarm.
    pub is_blind: bool,
    /// The lines of the journal about it: the first, and the last that changed it.
    pub lines: Vec<u64>,
}

/// One time that a step was entered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepLine {
    /// Its id.
    pub step: String,
    /// Its title, or what it does.
    pub title: String,
    /// What it does: `manual`, `http`, …
    pub kind: String,
    /// Whether it changes the system under test.
    pub mutates: bool,
    /// When it was entered.
    pub entered: Duration,
    /// When it was over; absent: never.
    pub finished: Option<Duration>,
    /// How it ended: `ok`, `failed`, `timed_out`, `skipped`; empty: it never ended.
    pub outcome: String,
    /// Why, where there is a reason.
    pub why: String,
    /// Whether this is its way back.
    pub is_undo: bool,
    /// The lines of the journal about it.
    pub lines: Vec<u64>,
}

/// A moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mark {
    /// When.
    pub at: Duration,
    /// What it is.
    pub kind: MarkKind,
    /// In words.
    pub text: String,
    /// The line of the journal.
    pub line: u64,
}

/// What a moment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    /// The first violation of an impact probe under a fault.
    Impact,
    /// The fault had its effect and nobody felt it.
    Withstood,
    /// The start of the good run that counts as recovery.
    Recovered,
    /// The drill stopped before its end.
    Stop,
    /// Somebody wrote something down.
    Note,
    /// Somebody did something that no step says.
    Action,
    /// Somebody changed a fault.
    Change,
    /// The playbook began or ended.
    Playbook,
    /// The command under test ended.
    Command,
}

/// The word for a phase in pictures.
pub(super) fn phase_name(phase: Phase) -> String {
    phase.word().to_owned()
}
