//! What a test of the agent stands on: a folder, an agent in this process, and words for faults.

use std::path::{Path, PathBuf};

use firedrill::agent::{Agent, AgentError, Applied, GuardianProgram, Options, Policy};
use firedrill::fault::{Draws, HostFault, Period, Seed};

use crate::support::{processes_with, state_of, temp_dir};

/// A lease that no test outlives.
pub const LONG: Period = Period::from_secs(60);

/// A folder of the test's own.
pub struct Bench {
    folder: tempfile::TempDir,
}

/// Whether a process has let go of everything: its command line is gone before its files and their locks are.
pub fn is_dead(pid: i32) -> bool {
    matches!(state_of(pid.cast_unsigned()), None | Some('Z' | 'X'))
}

impl Bench {
    pub fn new() -> Self {
        Self { folder: temp_dir() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the undo journals are.
    pub fn state_dir(&self) -> PathBuf {
        self.path().join("state")
    }

    /// How an agent is started here.
    pub fn options(&self) -> Options {
        Options {
            state_dir: self.state_dir(),
            guardian: GuardianProgram {
                program: env!("CARGO_BIN_EXE_firedrill").into(),
                args: vec!["agent".into(), "guardian".into()],
            },
            owner: "drill-1".into(),
            policy: Policy::default(),
        }
    }

    pub async fn agent(&self) -> Agent {
        Agent::start(self.options()).await.unwrap()
    }

    /// The guardian of the agent here, if it lives.
    pub fn guardian(&self) -> Option<i32> {
        let all = processes_with(self.state_dir().to_str().unwrap());
        assert!(all.len() <= 1, "one agent has one guardian: {all:?}");
        all.first().map(|pid| i32::try_from(*pid).unwrap())
    }

    /// The undo journals here.
    pub fn journals(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.state_dir()) else { return Vec::new() };
        entries.flatten().map(|entry| entry.path()).collect()
    }
}

/// A fault as files write it.
pub fn fault(json: serde_json::Value) -> HostFault {
    serde_json::from_value(json).unwrap()
}

pub fn pause(name: &str) -> HostFault {
    fault(serde_json::json!({ "process_pause": { "name": name } }))
}

pub fn draws() -> Draws {
    Seed(7).of_fault("local", "f").draws(0)
}

/// Applies with a long lease and no end.
pub async fn apply(agent: &Agent, fault: &HostFault) -> Result<Applied, AgentError> {
    agent.apply("f", fault, &mut draws(), LONG, None).await
}

pub fn signal(pid: i32, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
}
