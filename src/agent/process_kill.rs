//! `process_kill`: processes get a signal that ends them. Class C: there is no way back.

use std::io;
use std::time::Duration;

use rustix::process::Signal as Number;

use super::identity::{Condition, Identity};
use crate::fault::Signal;

/// How long an orderly end may take before the signal counts as without effect.
pub(super) const SEEN_WITHIN: Duration = Duration::from_secs(5);

/// The deed; `false` when the process was gone before.
pub(super) fn hit(process: Identity, signal: Signal) -> io::Result<bool> {
    process.signal(match signal {
        Signal::Kill => Number::KILL,
        Signal::Term => Number::TERM,
        Signal::Int => Number::INT,
        Signal::Hup => Number::HUP,
        Signal::Quit => Number::QUIT,
        Signal::Abrt => Number::ABORT,
    })
}

/// Whether the effect is seen: the process is gone. A new one of the same name or number is another process.
pub(super) fn is_hit(process: Identity) -> bool {
    process.condition() == Condition::Gone
}
