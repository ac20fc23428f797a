//! `process_pause`: processes stand still. Class B: only SIGCONT resumes them, so the undo journal and the guardian do.

use std::io;
use std::time::Duration;

use rustix::process::Signal;

use super::identity::{Condition, Identity};
use super::undo::UndoStep;

/// How long until every thread must stand still.
pub(super) const SEEN_WITHIN: Duration = Duration::from_secs(1);

/// The deed; `false` when the process was gone before.
pub(super) fn hit(process: Identity) -> io::Result<bool> {
    process.signal(Signal::STOP)
}

/// Whether the effect is seen: every thread stands still.
pub(super) fn is_hit(process: Identity) -> bool {
    process.condition() == Condition::Stopped
}

/// The way back.
pub(super) fn way_back(process: Identity, name: &str) -> UndoStep {
    UndoStep::Resume { process, name: name.to_owned() }
}
