//! A drill decided once more, from its journal alone: the same events at the same times give the same results.

use std::time::Duration;

use serde::Deserialize;

use super::event::{Command, Event, Timed};
use super::journal::{CLOSED, PLANNED, RawLine, whole_lines};
use super::state::Drill;
use crate::playbook::plan::Playbook;
use crate::scenario::plan::Plan;

/// Why a journal cannot be replayed.
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
    /// Line 0 does not hold a plan that this version reads.
    #[error("line 0 holds no plan that this version reads")]
    Plan {
        /// Why.
        source: serde_json::Error,
    },
    /// There is no line at all.
    #[error("the journal is empty")]
    Empty,
}

/// Feeds the events of a journal to a new drill. Commands and records are left out: they are decided anew. An
/// unfinished last line is left out as well. Whether the journal is unchanged is for [`super::journal::verify`].
pub fn replay(bytes: &[u8]) -> Result<Drill, ReplayError> {
    replay_watched(bytes, |_, _, _| {})
}

/// The same, and shows each event to `watch` with its time and the drill as it was before it.
pub fn replay_watched(
    bytes: &[u8],
    mut watch: impl FnMut(&Drill, Duration, &Event),
) -> Result<Drill, ReplayError> {
    let mut drill = None;
    for (number, raw) in whole_lines(bytes) {
        let line: RawLine<'_> =
            serde_json::from_slice(raw).map_err(|source| ReplayError::Line { line: number, source })?;
        match (&mut drill, line.kind.as_ref()) {
            (None, PLANNED) => {
                let Planned { plan, playbook } =
                    serde_json::from_str(line.data.get()).map_err(|source| ReplayError::Plan { source })?;
                drill = Some(Drill::start(plan, playbook).0);
            }
            (_, CLOSED) => break,
            (Some(drill), _) => {
                if let Some(event) = event_of(&line) {
                    let now = Duration::from_nanos(line.mono_ns);
                    watch(drill, now, &event);
                    drill.next(now, event);
                }
            }
            (None, _) => return Err(ReplayError::Empty),
        }
    }
    drill.ok_or(ReplayError::Empty)
}

/// A drill as its journal leaves it.
#[derive(Debug)]
pub struct Left {
    /// The drill.
    pub drill: Drill,
    /// The time of the last line, since the drill began.
    pub mono: Duration,
    /// The wall time of line 0.
    pub began: jiff::Timestamp,
    /// The wall time of the last line.
    pub at: jiff::Timestamp,
    /// What was decided on the last event and did not come onto the record any more, and so was never obeyed.
    pub unwritten: Vec<Command>,
}

/// Replays a journal to go on with it; shows each event and each command to `watch` as they happened.
pub fn take_up(bytes: &[u8], mut watch: impl FnMut(&Timed<Step>)) -> Result<Left, ReplayError> {
    let mut left: Option<Left> = None;
    for (number, raw) in whole_lines(bytes) {
        let line: RawLine<'_> =
            serde_json::from_slice(raw).map_err(|source| ReplayError::Line { line: number, source })?;
        let now = Duration::from_nanos(line.mono_ns);
        let (event, commands) = match (&mut left, line.kind.as_ref()) {
            (None, PLANNED) => {
                let Planned { plan, playbook } =
                    serde_json::from_str(line.data.get()).map_err(|source| ReplayError::Plan { source })?;
                let (drill, commands) = Drill::start(plan, playbook);
                left = Some(Left { drill, mono: now, began: line.at, at: line.at, unwritten: Vec::new() });
                (None, commands)
            }
            (None, _) => return Err(ReplayError::Empty),
            (_, CLOSED) => break,
            (Some(left), _) => match event_of(&line) {
                Some(event) => (Some(event.clone()), left.drill.next(now, event)),
                // A command or a record: the next of those that were decided.
                None => {
                    if !left.unwritten.is_empty() {
                        left.unwritten.remove(0);
                    }
                    (left.mono, left.at) = (now, line.at);
                    continue;
                }
            },
        };
        let steps = event.into_iter().map(Step::Event).chain(commands.iter().cloned().map(Step::Command));
        for event in steps {
            watch(&Timed { mono: now, event });
        }
        if let Some(left) = &mut left {
            (left.mono, left.at) = (now, line.at);
            // Wishes to be woken are no lines.
            left.unwritten =
                commands.into_iter().filter(|command| !matches!(command, Command::WakeAt { .. })).collect();
        }
    }
    left.ok_or(ReplayError::Empty)
}

/// One thing of a drill's course.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// It happened.
    Event(Event),
    /// It was decided.
    Command(Command),
}

/// What of line 0 a drill is started with.
#[derive(Deserialize)]
struct Planned {
    plan: Plan,
    #[serde(default)]
    playbook: Option<Playbook>,
}

/// The line as an event; nothing for a command or a record, whose kinds are words of their own.
fn event_of(line: &RawLine<'_>) -> Option<Event> {
    let kind = serde_json::to_string(&line.kind).ok()?;
    serde_json::from_str(&format!(r#"{{"kind":{kind},"data":{}}}"#, line.data.get())).ok()
}
