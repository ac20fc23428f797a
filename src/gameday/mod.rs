//! A game day: a scheduled event, a list of injects. Text → checked → plan, and `(state, event) → (state, commands)`.
//!
//! As pure as `drill`, and driven the same way: an event is journalled before the day sees it, a command before it is
//! obeyed, and a replay decides everything once more from the journal.

pub mod event;
pub mod finding;
pub mod plan;
pub mod preflight;
pub mod record;
pub mod schedule;

pub use event::{DayCommand, DayEvent, DrillEnded, DrillWords};
pub use finding::{Finding, FindingKind};
pub use plan::{DayPlan, Run, RunWhat};
pub use record::{DayRecord, DayState};
