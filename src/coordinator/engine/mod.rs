//! The engine of one drill: one loop that feeds the pure state machine and obeys it.
//!
//! What happens is journalled first, then decided on, and each decision is journalled before it is obeyed. Whatever
//! takes time runs in a task of its own and answers with an event; the loop never waits for the outside.

mod aftermath;
mod dead;
mod deeds;
mod driver;
mod finish;
mod folder;
mod hand;
mod inbox;
mod live;
mod operator;
mod outside;
mod playbook;
mod preflight;
mod record;
mod restart;
mod running;
mod steps;
mod takedown;
#[cfg(test)]
mod tests;

pub use dead::{Alive, Dead, Ended, dead_runs};
pub use driver::{run, run_in};
pub use outside::{HaltAsked, LostFault, Outside, Paper, Removed, Seen, Unremoved, World};
pub(in crate::coordinator) use playbook::warnings as step_warnings;
pub(in crate::coordinator) use preflight::remote_routes;
pub use record::{Input, RecordError};
pub use restart::{EndError, Place, end_interrupted, end_interrupted_in};

use std::path::PathBuf;
use std::time::Duration;

use crate::agent::{GuardianProgram, Policy};
use crate::drill::{Command, Event, Summary, Timed};
use crate::fault::Period;
use crate::playbook::plan::Playbook;
use crate::scenario::plan::Plan;
use crate::score::Scorecard;

/// How long a fault lives without a renewal.
pub(crate) const LEASE: Period = Period::from_secs(15);
/// How often leases are renewed.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How often the loop looks around: who looks on, whether somebody asks for a halt, what holds the faults.
const TICK: Duration = Duration::from_millis(100);

/// Everything a drill needs besides its plan.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The drill's id: the owner of its faults, and the name people use.
    pub drill: String,
    /// What will happen.
    pub plan: Plan,
    /// The playbook that the plan uses.
    pub playbook: Option<Playbook>,
    /// The text of every file that went into the plan.
    pub inputs: Vec<Input>,
    /// Where its record goes; made by the engine.
    pub folder: PathBuf,
    /// Where sockets are.
    pub runtime_dir: PathBuf,
    /// Where undo journals and the lever are.
    pub state_dir: PathBuf,
    /// Data threads of the drill's own proxy.
    pub workers: usize,
    /// Standard output carries JSON: what the command under test prints goes to standard error.
    pub json_on_stdout: bool,
    /// How the guardian of host faults is started.
    pub guardian: GuardianProgram,
    /// What the host's owner forbids.
    pub policy: Policy,
    /// How alarms come to it; used only when the plan has to do with alarms.
    pub alarms_at: AlarmsAt,
}

/// How the alarms that monitoring posts come to a drill. What it polls itself comes besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlarmsAt {
    /// It listens at this place, `address:port`.
    Listen(String),
    /// A server that many drills share hands them in.
    HandedIn,
    /// None are posted.
    Nowhere,
}

/// Who looks on: the live view, plain lines, a test.
pub trait Watcher: Send {
    /// Something happened.
    fn event(&mut self, event: &Timed<Event>);
    /// Something was decided.
    fn command(&mut self, command: &Timed<Command>);
    /// Some time passed; called about ten times a second.
    fn tick(&mut self, now: Duration);
}

/// What a drill leaves: its summary and its record.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The results, alarms taken into account.
    pub summary: Summary,
    /// What the journal is worth.
    pub card: Option<Scorecard>,
    /// Where the record is.
    pub folder: PathBuf,
    /// The hash of the journal's last line.
    pub head: String,
}
