//! A circuit breaker: after so many failures in a row a dependency is left alone for a while; then one call tries
//! whether it is well again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

/// An answer that took longer is as bad as none.
pub(super) const SLOW: Duration = Duration::from_secs(1);
/// How long the dependency is left alone before one call tries it.
const COOL_DOWN: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Closed {
        failures: u64,
    },
    Open {
        until: Instant,
    },
    /// One call tries, given up at the latest then: it may be dropped and never say how it went.
    HalfOpen {
        until: Instant,
    },
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// As any other.
    Through,
    /// It alone tries whether the dependency is well again.
    Trial,
    /// Not now.
    No,
}

/// The breaker of one dependency.
pub(super) struct Breaker {
    state: Mutex<State>,
    opened: AtomicU64,
    spared: AtomicU64,
}

impl Breaker {
    pub(super) fn new() -> Self {
        let closed = Mutex::new(State::Closed { failures: 0 });
        Self { state: closed, opened: AtomicU64::new(0), spared: AtomicU64::new(0) }
    }

    /// Asks for a call. A trial gets as long as a call may take.
    pub(super) fn pass(&self, call_max: Duration) -> Pass {
        let now = Instant::now();
        let mut state = self.lock();
        match *state {
            State::Closed { .. } => Pass::Through,
            State::Open { until } | State::HalfOpen { until } if now >= until => {
                *state = State::HalfOpen { until: now + call_max };
                Pass::Trial
            }
            State::Open { .. } | State::HalfOpen { .. } => {
                self.spared.fetch_add(1, Relaxed);
                Pass::No
            }
        }
    }

    /// Says how a call went that had passed.
    pub(super) fn went(&self, pass: Pass, well: bool, opens_after: u64) {
        let open = || {
            self.opened.fetch_add(1, Relaxed);
            State::Open { until: Instant::now() + COOL_DOWN }
        };
        let mut state = self.lock();
        *state = match (*state, pass) {
            (_, Pass::Trial) if well => State::Closed { failures: 0 },
            (_, Pass::Trial) => open(),
            (State::Closed { .. }, _) if well => State::Closed { failures: 0 },
            (State::Closed { failures }, _) if failures + 1 < opens_after => {
                State::Closed { failures: failures + 1 }
            }
            (State::Closed { .. }, _) => open(),
            // A straggler from before it opened changes nothing.
            (state, _) => state,
        };
    }

    /// Whether the dependency is left alone now.
    pub(super) fn is_open(&self) -> bool {
        !matches!(*self.lock(), State::Closed { .. })
    }

    /// How often it opened, and how many calls it has spared the dependency.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.opened.load(Relaxed), self.spared.load(Relaxed))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing can panic while it is held; a poisoned state is as good as any.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const CALL_MAX: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_and_closes_after_a_good_trial() {
        let breaker = Breaker::new();
        for well in [false, false, true, false, false] {
            assert_eq!(breaker.pass(CALL_MAX), Pass::Through);
            breaker.went(Pass::Through, well, 3);
        }
        assert!(!breaker.is_open(), "the good one began the count anew");
        breaker.went(Pass::Through, false, 3);
        assert!(breaker.is_open());
        assert_eq!(breaker.pass(CALL_MAX), Pass::No);

        advance(COOL_DOWN).await;
        assert_eq!((breaker.pass(CALL_MAX), breaker.pass(CALL_MAX)), (Pass::Trial, Pass::No));
        breaker.went(Pass::Trial, false, 3);
        assert_eq!(breaker.pass(CALL_MAX), Pass::No, "a bad trial opens it again");
        advance(COOL_DOWN).await;
        assert_eq!(breaker.pass(CALL_MAX), Pass::Trial);
        breaker.went(Pass::Trial, true, 3);
        assert_eq!(breaker.pass(CALL_MAX), Pass::Through);
        assert_eq!(breaker.counts(), (2, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_that_never_says_how_it_went_does_not_keep_it_open() {
        let breaker = Breaker::new();
        breaker.went(Pass::Through, false, 1);
        advance(COOL_DOWN).await;
        assert_eq!(breaker.pass(CALL_MAX), Pass::Trial);
        advance(CALL_MAX).await;
        assert_eq!(breaker.pass(CALL_MAX), Pass::Trial);
        breaker.went(Pass::Through, true, 1);
        assert!(breaker.is_open(), "a straggler does not close it");
    }
}
