//! The drill's time and the wall's: the one place of the coordinator that reads the system's clocks. Whoever only waits
//! or measures how long something took asks tokio's.

use std::time::{Duration, Instant};

/// The time since a drill began, by one process's monotonic clock, and the wall time for people and the record.
#[derive(Clone, Copy, Debug)]
pub struct DrillClock {
    began: tokio::time::Instant,
    /// What had passed before, in the life of another process.
    before: Duration,
}

impl DrillClock {
    /// Starts at zero now. Follows tokio's clock, so that tests can pause it.
    pub fn start() -> Self {
        Self::go_on(Duration::ZERO)
    }

    /// Goes on from this time.
    pub fn go_on(before: Duration) -> Self {
        Self { began: tokio::time::Instant::now(), before }
    }

    /// Since the drill began.
    pub fn now(&self) -> Duration {
        self.before + self.began.elapsed()
    }

    /// The instant that is `mono` after the drill began, to sleep until.
    pub fn at(&self, mono: Duration) -> tokio::time::Instant {
        self.began + mono.saturating_sub(self.before)
    }
}

/// Wall time, for display and for the record only; never for measuring.
#[expect(clippy::disallowed_methods, reason = "this is the place that may")]
pub fn wall() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// A monotonic instant of the standard library, for timing one operation at the edge.
#[expect(clippy::disallowed_methods, reason = "this is the place that may")]
pub fn instant() -> Instant {
    Instant::now()
}
