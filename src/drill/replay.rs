//! A drill decided once more, from its journal alone: the same events at the same times give the same results.

use std::time::Duration;

use serde::Deserialize;

use super::event::Event;
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
