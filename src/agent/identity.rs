//! Which process is meant, so surely that another one that got its number is never hit.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use procfs::process::Process;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use super::refusal::AgentError;

/// A process, pinned: its number may be given to another, its number and start time together are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    /// When it started, in clock ticks since the host did. First, so that processes sort by age.
    pub start: u64,
    /// Its number.
    pub pid: i32,
}

/// How a pinned process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It is gone, or only waits to be reaped.
    Gone,
    /// Every thread of it stands still (T).
    Stopped,
    /// It lives, and not every thread stands still.
    Live,
}

impl Identity {
    /// Of this process.
    pub(super) fn of_self() -> Result<Self, AgentError> {
        let pid = i32::try_from(std::process::id()).unwrap_or(i32::MAX);
        Self::of(pid).ok_or_else(|| AgentError::Proc {
            what: format!("/proc/{pid}/stat"),
            why: "the agent cannot find itself; is /proc mounted for this process namespace?".into(),
        })
    }

    /// Of the process that has this number now.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = Process::new(pid).ok()?.stat().ok()?;
        Some(Self { start: stat.starttime, pid })
    }

    /// A handle that can never turn into another process; `None` when the process is gone.
    ///
    /// The handle is opened before the start time is compared. If the start time fits, the process was there all the
    /// while, so the handle is its own; if it does not, the handle is dropped unused.
    fn handle(self) -> io::Result<Option<OwnedFd>> {
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(None) };
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok((Self::of(self.pid) == Some(self)).then_some(handle))
    }

    /// Sends a signal to exactly this process; `false` when it is gone.
    pub(super) fn signal(self, signal: Signal) -> io::Result<bool> {
        if cfg!(feature = "inert-faults") && signal != Signal::CONT {
            return Ok(self.handle()?.is_some());
        }
        self.send(signal)
    }

    /// The same for what we started ourselves, which is no fault.
    pub fn send(self, signal: Signal) -> io::Result<bool> {
        let Some(handle) = self.handle()? else { return Ok(false) };
        match pidfd_send_signal(&handle, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends exactly this process; one that is gone already is no failure.
    pub fn kill(self) -> io::Result<()> {
        self.send(Signal::KILL).map(drop)
    }

    /// Whether it lives; one that only waits to be reaped does not.
    pub fn lives(self) -> bool {
        match self.handle() {
            Ok(None) => false,
            // A handle becomes readable when the last thread has ended.
            Ok(Some(handle)) => {
                let mut fds = [PollFd::new(handle.as_fd(), PollFlags::POLLIN)];
                poll(&mut fds, PollTimeout::ZERO) != Ok(1)
            }
            // Out of handles, say: believe the table of processes instead.
            Err(_) => Self::of(self.pid) == Some(self),
        }
    }

    /// How it is, by every one of its threads.
    pub(super) fn condition(self) -> Condition {
        if !self.lives() {
            return Condition::Gone;
        }
        let Some(tasks) = Process::new(self.pid).ok().and_then(|process| process.tasks().ok()) else {
            return Condition::Gone;
        };
        // A thread that ends while we look, or has ended, runs no more.
        let all_still = tasks
            .flatten()
            .filter_map(|task| task.stat().ok())
            .all(|stat| matches!(stat.state, 'T' | 't' | 'Z' | 'X'));
        // Looked again, since the number may have changed hands between the two looks.
        match (self.lives(), all_still) {
            (false, _) => Condition::Gone,
            (true, true) => Condition::Stopped,
            (true, false) => Condition::Live,
        }
    }
}

/// Which start of the host this is; another one has undone whatever only lived in memory.
pub(super) fn boot_id() -> Result<String, AgentError> {
    procfs::sys::kernel::random::boot_id().map(|id| id.trim().to_owned()).map_err(|error| AgentError::Proc {
        what: "/proc/sys/kernel/random/boot_id".into(),
        why: error.to_string(),
    })
}

/// Which table of process numbers this is: in another container the same number is another process.
pub(super) fn pid_namespace() -> String {
    std::fs::read_link("/proc/self/ns/pid")
        .map(|link| link.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    struct Sleeper(Child);

    impl Sleeper {
        fn start() -> Self {
            Self(Command::new("sleep").arg("60").spawn().unwrap())
        }

        fn identity(&self) -> Identity {
            Identity::of(self.0.id() as i32).unwrap()
        }
    }

    impl Drop for Sleeper {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_number_with_another_start_time_is_another_process_and_gets_no_signal() {
        let sleeper = Sleeper::start();
        let real = sleeper.identity();
        let reused = Identity { start: real.start - 1, ..real };
        assert!(!reused.signal(Signal::KILL).unwrap(), "nobody of that identity is there");
        assert_eq!((reused.condition(), real.condition()), (Condition::Gone, Condition::Live));
    }

    #[test]
    fn a_process_that_only_waits_to_be_reaped_is_gone() {
        let mut sleeper = Sleeper::start();
        let identity = sleeper.identity();
        sleeper.0.kill().unwrap();
        assert!(super::super::clock::wait_until(std::time::Duration::from_secs(5), || !identity.lives()));
        assert_eq!(identity.condition(), Condition::Gone);
        assert_eq!(Identity::of(identity.pid), Some(identity), "it is still in the table of processes");
    }
}
