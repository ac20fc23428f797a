//! One step of the way back, as data: written before the deed, gone by whoever lives to go it.

use std::fmt;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::agent::identity::{Condition, Identity};

/// One step back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::agent) enum UndoStep {
    /// A process goes on (SIGCONT).
    Resume {
        /// Which.
        process: Identity,
        /// Its name, for people.
        name: String,
    },
}

impl UndoStep {
    /// Goes the step. Idempotent, and only on what the deed was done to: a number that was given to another process
    /// is left alone.
    ///
    /// A process that does not stand still is told to go on nevertheless: a stop that was sent but not yet obeyed is
    /// cancelled by it.
    pub fn go(&self) -> Result<(), String> {
        match self {
            Self::Resume { process, .. } => {
                process.signal(Signal::CONT).map(|_| ()).map_err(|error| format!("{self}: {error}"))
            }
        }
    }

    /// Whether nothing of the deed is left.
    pub fn is_done(&self) -> bool {
        match self {
            Self::Resume { process, .. } => process.condition() != Condition::Stopped,
        }
    }
}

/// What it would leave behind if it were not gone.
impl fmt::Display for UndoStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resume { process, name } => {
                write!(f, "process {} ({name}) still stands still; `kill -CONT {0}` resumes it", process.pid)
            }
        }
    }
}
