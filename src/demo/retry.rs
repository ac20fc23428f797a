//! When and how often a call is made again: with growing pauses that differ from order to order, and out of a budget,
//! so that a dependency in trouble is not buried under the repetitions.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// Half a retry for each first attempt, and at most so many saved up. Counted in halves.
const SAVED_HALVES_MAX: u64 = 100;

/// The budget that all orders share.
pub(super) struct Retries {
    halves: AtomicU64,
    made: AtomicU64,
    denied: AtomicU64,
}

impl Retries {
    pub(super) fn new() -> Self {
        let halves = AtomicU64::new(SAVED_HALVES_MAX);
        Self { halves, made: AtomicU64::new(0), denied: AtomicU64::new(0) }
    }

    /// A first attempt earns half a retry.
    pub(super) fn earn(&self) {
        let _ = self.halves.fetch_update(Relaxed, Relaxed, |halves| Some((halves + 1).min(SAVED_HALVES_MAX)));
    }

    /// Takes a retry out of the budget; false when it is used up.
    pub(super) fn spend(&self) -> bool {
        let spent = self.halves.fetch_update(Relaxed, Relaxed, |halves| halves.checked_sub(2)).is_ok();
        if spent { &self.made } else { &self.denied }.fetch_add(1, Relaxed);
        spent
    }

    /// Retries that were made, and those that the budget did not allow.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.made.load(Relaxed), self.denied.load(Relaxed))
    }
}

/// The pause before an order's `attempt`-th retry: anything up to a bound that doubles each time. Orders that failed
/// together must not come back together, so the pause is drawn from the order's own name.
pub(super) fn pause(order: &str, attempt: u32) -> Duration {
    let bound = FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(PAUSE_MAX);
    let mut hasher = DefaultHasher::new();
    (order, attempt).hash(&mut hasher);
    let share = u32::try_from(hasher.finish() % 1_000).unwrap_or_default();
    bound * share / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_stay_bounded_and_differ_from_order_to_order() {
        let longest = |attempt| (0..500).map(|n| pause(&format!("order-{n}"), attempt)).max().unwrap();
        assert!(longest(1) <= FIRST_PAUSE && longest(1) > FIRST_PAUSE / 2);
        assert!(longest(3) > longest(2) && longest(2) > longest(1));
        assert!(longest(40) <= PAUSE_MAX);
        assert_ne!(pause("order-1", 1), pause("order-2", 1));
    }

    #[test]
    fn the_budget_is_half_a_retry_for_each_call() {
        let retries = Retries::new();
        let saved = SAVED_HALVES_MAX / 2;
        let allowed = (0..saved + 10).filter(|_| retries.spend()).count();
        assert_eq!((allowed as u64, retries.counts()), (saved, (saved, 10)));
        for _ in 0..4 {
            retries.earn();
        }
        assert!(retries.spend() && retries.spend() && !retries.spend());
    }
}
