//! A game day: a scheduled event, a list of injects. Text → checked → plan, and `(state, event) → (state, commands)`.
//!
//! As pure as `drill`, and driven the same way: an event is journalled before the day sees it, a command before it is
//! obeyed, and [`replay()`] decides everything once more from
//! the journal.

mod check;
mod checked;
pub mod event;
pub mod finding;
pub mod plan;
pub mod preflight;
pub mod record;
pub mod replay;
pub mod schedule;
mod state;
pub mod summary;
#[cfg(test)]
mod tests;
mod written;

pub use check::check;
pub use checked::{GameDay, Inject, InjectWhat};
pub use event::{DayCommand, DayEvent, DrillEnded, DrillWords};
pub use finding::{Finding, FindingKind};
pub use plan::{DayPlan, Run, RunWhat};
pub use record::{DayRecord, DayState};
pub use replay::{CLOSED, FileText, Left, PLANNED, Planned, replay, take_up};
pub use state::{Approval, Day, Note, ReviewAnswer, RunState, Stopped};
pub use summary::Summary;

/// The JSON Schema of `GameDay` files, from the same structs that read them, for editors.
pub fn schema() -> serde_json::Value {
    crate::scenario::schema::of::<written::GameDay>("GameDay")
}
