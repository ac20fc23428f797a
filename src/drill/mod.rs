//! The heart: `(state, event) → (state, commands)`. Never awaits, never reads a clock, opens nothing, rolls no dice.

pub mod event;
pub mod journal;
mod judge;

pub use event::{Command, Event, Judgement, RemoveReason, Sample, StopReason, Timed};
pub use judge::Judge;
