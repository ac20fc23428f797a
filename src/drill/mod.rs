//! The heart: `(state, event) → (state, commands)`. Never awaits, never reads a clock, opens nothing, rolls no dice.

mod active;
pub mod alarm;
pub mod board;
pub mod event;
mod heard;
mod inject;
pub mod journal;
mod judge;
pub mod record;
mod recovering;
pub mod replay;
mod restarted;
mod state;
mod step_words;
mod steps;
pub mod summary;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk;
#[cfg(test)]
mod walk_steps;
mod watch;
pub mod words;

pub use event::{Command, Event, Judgement, RemoveReason, Sample, StopReason, Timed};
pub use inject::{Inject, InjectState};
pub use judge::Judge;
pub use state::{CommandEnding, Drill, UnderTest};
pub use summary::Summary;
pub use watch::{Watch, Watched};
