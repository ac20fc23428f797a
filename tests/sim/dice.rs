//! Everything that is drawn for one simulated drill comes from here, by names and never by time.

use std::time::Duration;

use firedrill::fault::{Draws, Seed};

/// Draws for one part of a simulated drill; what one part draws never shifts another's.
pub struct Dice {
    draws: Draws,
    /// How much goes wrong in this drill: 0 nothing, 1 now and then, 4 all the time.
    trouble: u64,
}

impl Dice {
    /// The dice of a part of the drill with this seed.
    pub fn of(seed: u64, part: &str) -> Self {
        let mut mood = Seed(seed).of_fault("simulation", "mood").draws(0);
        let trouble = match mood.below(10) {
            0..3 => 0,
            3..8 => 1,
            _ => 4,
        };
        Self { draws: Seed(seed).of_fault("simulation", part).draws(0), trouble }
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draws.below(bound)
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// True in about so many of a thousand cases, depending on how much trouble this drill is in.
    pub fn odd(&mut self, permille: u64) -> bool {
        self.below(1000) < permille * self.trouble
    }

    /// A time between these, in milliseconds.
    pub fn ms(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from + 1))
    }

    /// The same as files write it.
    pub fn written_ms(&mut self, from: u64, to: u64) -> String {
        format!("{}ms", from + self.below(to - from + 1))
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}
