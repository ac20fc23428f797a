//! A drill decided once more, from its journal alone: the same events at the same times give the same results.

use std::io::{self, BufRead};
use std::ops::ControlFlow;
use std::time::Duration;

use serde::Deserialize;

use super::event::{Command, Event, Sample, Timed};
use super::journal::{CLOSED, PLANNED, RawLine, each_line};
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
        line: u64,
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
    /// It cannot be read.
    #[error("the journal cannot be read")]
    Read(#[from] io::Error),
}

/// Feeds the events of a journal to a new drill. Commands and records are left out: they are decided anew. An
/// unfinished last line is left out as well. Whether the journal is unchanged is for [`super::journal::verify`].
pub fn replay(bytes: &[u8]) -> Result<Drill, ReplayError> {
    replay_from(bytes)
}

/// The same, of a journal that need not fit into memory.
///
/// # Errors
/// It cannot be read, or is no journal.
pub fn replay_from(from: impl BufRead) -> Result<Drill, ReplayError> {
    let mut replay = Replay::default();
    each_line(from, |number, line| {
        let line = line.map_err(|source| ReplayError::Line { line: number, source })?;
        replay.take(&line, |_, _, _| {})?;
        Ok::<_, ReplayError>(if replay.over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    replay.finish()
}

/// A drill that is being decided once more, line by line.
#[derive(Debug, Default)]
pub struct Replay {
    drill: Option<Drill>,
    over: bool,
}

impl Replay {
    /// Takes in a line. An event is shown to `watch` with its time and the drill as it was before it.
    ///
    /// # Errors
    /// The first line holds no plan.
    pub fn take(
        &mut self,
        line: &RawLine<'_>,
        watch: impl FnOnce(&Drill, Duration, &Event),
    ) -> Result<(), ReplayError> {
        match (&mut self.drill, line.kind.as_ref()) {
            _ if self.over => {}
            (None, PLANNED) => {
                let Planned { plan, playbook } =
                    serde_json::from_str(line.data.get()).map_err(|source| ReplayError::Plan { source })?;
                self.drill = Some(Drill::start(plan, playbook).0);
            }
            (_, CLOSED) => self.over = true,
            (Some(drill), _) => {
                if let Some(event) = event_of(line) {
                    let now = Duration::from_nanos(line.mono_ns);
                    watch(drill, now, &event);
                    drill.next(now, event);
                }
            }
            (None, _) => return Err(ReplayError::Empty),
        }
        Ok(())
    }

    /// Whether the line that closes the drill was taken; what comes after it counts for nothing.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The drill after the last line.
    ///
    /// # Errors
    /// There was no line that holds a plan.
    pub fn finish(self) -> Result<Drill, ReplayError> {
        self.drill.ok_or(ReplayError::Empty)
    }
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
    each_line(bytes, |number, line| {
        let line = line.map_err(|source| ReplayError::Line { line: number, source })?;
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
            (_, CLOSED) => return Ok(ControlFlow::Break(())),
            (Some(left), _) => match event_of(&line) {
                Some(event) => (Some(event.clone()), left.drill.next(now, event)),
                // A command or a record: the next of those that were decided.
                None => {
                    if !left.unwritten.is_empty() {
                        left.unwritten.remove(0);
                    }
                    (left.mono, left.at) = (now, line.at);
                    return Ok(ControlFlow::Continue(()));
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
        Ok(ControlFlow::Continue(()))
    })?;
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

/// The line as an event; nothing for a command or a record, whose kinds are words of their own. What a probe measured in
/// full is left out: nothing is decided by it, and it would be most of the work.
fn event_of(line: &RawLine<'_>) -> Option<Event> {
    match line.kind.as_ref() {
        "probe.sampled" => {
            let Sampled { probe, sample } = serde_json::from_str(line.data.get()).ok()?;
            return Some(Event::ProbeSampled { probe, sample: sample.into() });
        }
        "load.answered" => {
            let Answered { samples } = serde_json::from_str(line.data.get()).ok()?;
            return Some(Event::LoadAnswered { samples: samples.into_iter().map(Sample::from).collect() });
        }
        _ => {}
    }
    let kind = serde_json::to_string(&line.kind).ok()?;
    serde_json::from_str(&format!(r#"{{"kind":{kind},"data":{}}}"#, line.data.get())).ok()
}

#[derive(Deserialize)]
struct Sampled {
    probe: String,
    sample: Measured,
}

#[derive(Deserialize)]
struct Answered {
    samples: Vec<Measured>,
}

/// A [`Sample`] without its detail.
#[derive(Deserialize)]
struct Measured {
    began: Duration,
    took: Duration,
    #[serde(default)]
    failure: Option<String>,
    #[serde(default)]
    value: Option<f64>,
}

impl From<Measured> for Sample {
    fn from(Measured { began, took, failure, value }: Measured) -> Self {
        Self { began, took, failure, value, detail: None }
    }
}
