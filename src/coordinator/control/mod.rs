//! The control socket of a running drill: what people may ask of it, from another terminal.

pub(super) mod asked;
pub mod client;
mod peer;
pub mod playbook;
mod server;
mod socket;
pub mod wire;

pub use server::serve;
pub use socket::{BindProblem, SocketFile, bind, socket_path};
pub use wire::Status;

use tokio::sync::oneshot;

use crate::playbook::event::StepAnswer;

/// What people may ask of a running drill; the engine answers through `reply`.
#[derive(Debug)]
pub enum Request {
    /// How it stands.
    Status {
        /// The answer.
        reply: oneshot::Sender<Status>,
    },
    /// Stop and take every fault back.
    Halt {
        /// Who asks: `name (uid)`.
        who: String,
        /// Why; may be empty.
        reason: String,
        /// Answered once the drill was told.
        reply: oneshot::Sender<()>,
    },
    /// Write something into the journal.
    Note {
        /// Who writes: `name (uid)`.
        who: String,
        /// What.
        text: String,
        /// Whether it tells of something that they did and no step says.
        action: bool,
        /// Answered once it is journalled.
        reply: oneshot::Sender<()>,
    },
    /// Say something about a step of the playbook.
    Answer {
        /// Who speaks: `name (uid)`.
        who: String,
        /// Which step.
        step: String,
        /// As whom, where they say so.
        role: Option<String>,
        /// What.
        answer: StepAnswer,
        /// Answered once it is journalled, or with why it is not taken.
        reply: oneshot::Sender<Result<(), String>>,
    },
    /// Start the playbook.
    StartPlaybook {
        /// Who asks: `name (uid)`.
        who: String,
        /// Answered once it is journalled, or with why it is not started.
        reply: oneshot::Sender<Result<(), String>>,
    },
    /// Change a fault that is on.
    SetFault {
        /// Who asks: `name (uid)`.
        who: String,
        /// The fault's id.
        fault: String,
        /// Keys and their new values, as said.
        changes: Vec<(String, String)>,
        /// What changed (`delay 2s → 500ms`), or why it cannot be.
        reply: oneshot::Sender<Result<String, String>>,
    },
}

#[cfg(test)]
mod tests;
