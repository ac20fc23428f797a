//! Who looks on at a simulated drill, and may fail at it.

use std::panic::resume_unwind;
use std::time::Duration;

use firedrill::coordinator::engine::Watcher;
use firedrill::drill::{Command, Event, Timed};

/// Panics at one of the things that it is shown.
pub struct Onlooker {
    pub shown: u64,
    pub panics_at: Option<u64>,
}

impl Onlooker {
    fn look(&mut self) {
        self.shown += 1;
        if self.panics_at.is_some_and(|at| self.shown > at) {
            // The same as a panic, without its message on the terminal.
            resume_unwind(Box::new("the onlooker fails"));
        }
    }
}

impl Watcher for Onlooker {
    fn event(&mut self, _: &Timed<Event>) {
        self.look();
    }

    fn command(&mut self, _: &Timed<Command>) {
        self.look();
    }

    fn tick(&mut self, _: Duration) {
        self.look();
    }
}
