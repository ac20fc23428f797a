//! A game day decided once more, from its journal alone.

use serde::{Deserialize, Serialize};

use super::event::{DayCommand, DayEvent};
use super::plan::DayPlan;
use super::state::Day;
use crate::drill::journal::{RawLine, whole_lines};

/// The kind of line 0 of a game day's journal.
pub const PLANNED: &str = "gameday.planned";
/// The kind of its last line.
pub const CLOSED: &str = crate::drill::journal::DAY_CLOSED;

/// What line 0 holds: all that the day is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The game day's id, `<name>-<n>`.
    pub id: String,
    /// What will happen.
    pub plan: DayPlan,
    /// Every file that it was made from; the first is the game day's.
    pub files: Vec<FileText>,
}

/// A file as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FileText {
    /// Where it lay.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// Why the journal of a game day cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A line is no journal line.
    #[error("line {line} is no journal line")]
    Line {
        /// Which, from 0.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// Line 0 does not hold a game day that this version reads.
    #[error("line 0 holds no game day that this version reads")]
    Planned {
        /// Why.
        source: serde_json::Error,
    },
    /// It does not begin with a game day.
    #[error("the journal does not begin with a game day")]
    NoGameDay,
}

/// A game day as its journal leaves it.
#[derive(Debug)]
pub struct Left {
    /// Line 0.
    pub planned: Planned,
    /// The day.
    pub day: Day,
    /// What was decided on the last event and did not come onto the record any more.
    pub unwritten: Vec<DayCommand>,
}

/// Feeds the events of a journal to a new game day. Commands and records are left out: they are decided anew. An
/// unfinished last line is left out as well. Whether the journal is unchanged is for [`crate::drill::journal::verify`].
pub fn replay(bytes: &[u8]) -> Result<(Planned, Day), ReplayError> {
    take_up(bytes).map(|left| (left.planned, left.day))
}

/// The same, to go on with it.
pub fn take_up(bytes: &[u8]) -> Result<Left, ReplayError> {
    let mut found: Option<Left> = None;
    for (number, raw) in whole_lines(bytes) {
        let line: RawLine<'_> =
            serde_json::from_slice(raw).map_err(|source| ReplayError::Line { line: number, source })?;
        match (&mut found, line.kind.as_ref()) {
            (None, PLANNED) => {
                let planned: Planned = serde_json::from_str(line.data.get())
                    .map_err(|source| ReplayError::Planned { source })?;
                let (day, decided) = Day::start(planned.plan.clone(), line.at);
                found = Some(Left { planned, day, unwritten: lines(decided) });
            }
            (None, _) => return Err(ReplayError::NoGameDay),
            (_, CLOSED) => break,
            (Some(left), _) => match event_of(&line) {
                Some(event) => left.unwritten = lines(left.day.next(line.at, event)),
                // A command or a record: the next of those that were decided.
                None if !left.unwritten.is_empty() => drop(left.unwritten.remove(0)),
                None => {}
            },
        }
    }
    found.ok_or(ReplayError::NoGameDay)
}

/// What of that is written. Wishes to be woken are no lines.
fn lines(decided: Vec<DayCommand>) -> Vec<DayCommand> {
    decided.into_iter().filter(|command| !matches!(command, DayCommand::WakeAt { .. })).collect()
}

/// The line as an event; nothing for a command or a record, whose kinds are words of their own.
fn event_of(line: &RawLine<'_>) -> Option<DayEvent> {
    let kind = serde_json::to_string(&line.kind).ok()?;
    serde_json::from_str(&format!(r#"{{"kind":{kind},"data":{}}}"#, line.data.get())).ok()
}
