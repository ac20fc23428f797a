//! A process that a drill may hit.

use std::process::{Command, Stdio};

use super::state_of;

/// A process that this test started and that a drill may pause; killed when dropped.
pub struct Victim(std::process::Child);

impl Victim {
    pub fn start() -> Self {
        Self(Command::new("sleep").arg("900").stdin(Stdio::null()).spawn().unwrap())
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// The letter of its state in /proc: `S` sleeps, `T` stands still.
    pub fn state(&self) -> char {
        state_of(self.pid()).unwrap()
    }

    /// Whether it stands still.
    pub fn stands_still(&self) -> bool {
        self.state() == 'T'
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
