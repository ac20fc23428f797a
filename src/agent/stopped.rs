//! A process for tests to find standing still, as a pause leaves it.
#![allow(clippy::unwrap_used, reason = "it is part of the tests")]

use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::Signal;

use super::clock::wait_until;
use super::identity::{Condition, Identity};

/// A process that stands still; killed when dropped.
pub(super) struct Stopped(Child);

impl Stopped {
    pub(super) fn start() -> Self {
        let stopped = Self(Command::new("sleep").arg("60").spawn().unwrap());
        stopped.identity().signal(Signal::STOP).unwrap();
        assert!(wait_until(Duration::from_secs(5), || stopped.stands_still()));
        stopped
    }

    pub(super) fn identity(&self) -> Identity {
        Identity::of(self.0.id() as i32).unwrap()
    }

    pub(super) fn stands_still(&self) -> bool {
        self.identity().condition() == Condition::Stopped
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
