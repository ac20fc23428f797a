//! The worker: does the deeds.
use std::ffi::OsString;
use std::path::PathBuf;

use super::policy::Policy;
use super::refusal::AgentError;
use crate::fault::{Draws, Evidence, HostFault, Period};

/// How the agent is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where undo journals are kept.
    pub state_dir: PathBuf,
    /// How the guardian is started.
    pub guardian: GuardianProgram,
    /// Whose faults these are: a drill's id.
    pub owner: String,
    /// What the host's owner forbids.
    pub policy: Policy,
}

/// The program that becomes the guardian; `--journal PATH` is added.
#[derive(Clone, Debug)]
pub struct GuardianProgram {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments: `agent guardian`.
    pub args: Vec<OsString>,
}

/// A process that a fault would hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub pid: i32,
    /// When it started, in clock ticks since the host did.
    pub start_time: u64,
    /// Its name.
    pub name: String,
    /// Its command line.
    pub command: String,
}

/// A fault that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// On what, in words.
    pub detail: String,
}

/// A fault that was taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    /// What it had done.
    pub evidence: Evidence,
    /// What it left behind; empty: nothing.
    pub residue: Vec<String>,
}

/// A fault that ended without `remove`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its id.
    pub fault: String,
    /// Why.
    pub why: String,
}

/// The worker's side of the agent.
#[derive(Debug)]
pub struct Agent {}

impl Agent {
    /// Undoes what dead lives left, starts the guardian, and waits until it answers.
    pub async fn start(options: Options) -> Result<Self, AgentError> {
        let _ = options;
        Err(AgentError::NoGuardian { why: "not built yet".into() })
    }

    /// Who would be hit (before `count` or `percent` choose among them), in a stable order. Changes nothing.
    pub fn find(&self, fault: &HostFault) -> Result<Vec<Found>, AgentError> {
        let _ = fault;
        Err(AgentError::NoGuardian { why: "not built yet".into() })
    }

    /// Applies a fault as one transaction.
    pub async fn apply(
        &self,
        id: &str,
        fault: &HostFault,
        draws: &mut Draws,
        lease: Period,
        max: Option<Period>,
    ) -> Result<Applied, AgentError> {
        let _ = (id, fault, draws, lease, max);
        Err(AgentError::NoGuardian { why: "not built yet".into() })
    }

    /// What a fault has done by now.
    pub async fn measure(&self, id: &str) -> Evidence {
        let _ = id;
        Evidence::default()
    }

    /// Renews the lease of all faults.
    pub async fn renew(&self, lease: Period) {
        let _ = lease;
    }

    /// Takes a fault back and looks that nothing of it is left. Idempotent.
    pub async fn remove(&self, id: &str) -> Result<Removed, AgentError> {
        Err(AgentError::Unknown { fault: id.into() })
    }

    /// An error once faults can no longer be undone by two: the guardian is gone. All faults are off then.
    pub fn health(&self) -> Result<(), String> {
        Ok(())
    }

    /// The faults that ended without `remove` since the last call.
    pub fn lost(&self) -> Vec<Lost> {
        Vec::new()
    }

    /// Takes everything back and ends the guardian; says what is left behind.
    pub async fn stop(self) -> Vec<String> {
        Vec::new()
    }
}
