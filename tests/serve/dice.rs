//! When a server is killed, and how long it stays down: from a seed.

use std::time::Duration;

use firedrill::fault::{Draws, Seed};

pub struct Dice(Draws);

impl Dice {
    pub fn of(seed: u64) -> Self {
        Self(Seed(seed).of_fault("serve", "kills").draws(0))
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    /// Up to so many milliseconds.
    pub fn time(&mut self, most_ms: u64) -> Duration {
        Duration::from_millis(self.below(most_ms))
    }
}
