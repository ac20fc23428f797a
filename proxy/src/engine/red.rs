//! Requests, errors and durations of a route, for those that a fault hit and for those that none hit.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Upper bounds of the duration buckets, in seconds; above the last everything is counted.
pub const BUCKETS_SECONDS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// One route's numbers for `/metrics`. On HTTP they count requests, on TCP connections.
#[derive(Clone, Debug, PartialEq)]
pub struct RedView {
    /// The route.
    pub route: String,
    /// Of what no fault hit.
    pub untouched: RedNumbers,
    /// Of what a fault hit.
    pub faulted: RedNumbers,
}

/// Requests, errors, durations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RedNumbers {
    /// How many ended.
    pub requests: u64,
    /// How many of them ended badly: status 500 and above, reset, or no upstream.
    pub errors: u64,
    /// How many lasted at most [`BUCKETS_SECONDS`], each bucket including those before it.
    pub buckets: [u64; BUCKETS_SECONDS.len()],
    /// All durations together, in seconds.
    pub sum_seconds: f64,
}

/// The counters behind [`RedView`].
#[derive(Debug, Default)]
pub(super) struct Red {
    untouched: Cells,
    faulted: Cells,
}

#[derive(Debug, Default)]
struct Cells {
    requests: AtomicU64,
    errors: AtomicU64,
    buckets: [AtomicU64; BUCKETS_SECONDS.len()],
    sum_us: AtomicU64,
}

impl Red {
    /// Counts one request (HTTP) or connection (TCP) that ended.
    pub(super) fn ended(&self, faulted: bool, error: bool, duration_ns: u64) {
        let cells = if faulted { &self.faulted } else { &self.untouched };
        cells.requests.fetch_add(1, Relaxed);
        cells.errors.fetch_add(u64::from(error), Relaxed);
        cells.sum_us.fetch_add(duration_ns / 1_000, Relaxed);
        let seconds = duration_ns as f64 / 1e9;
        if let Some(bucket) = BUCKETS_SECONDS.iter().position(|bound| seconds <= *bound) {
            cells.buckets[bucket].fetch_add(1, Relaxed);
        }
    }

    pub(super) fn view(&self, route: &str) -> RedView {
        RedView { route: route.to_owned(), untouched: self.untouched.view(), faulted: self.faulted.view() }
    }
}

impl Cells {
    fn view(&self) -> RedNumbers {
        let mut below = 0;
        let buckets = std::array::from_fn(|at| {
            below += self.buckets[at].load(Relaxed);
            below
        });
        RedNumbers {
            requests: self.requests.load(Relaxed),
            errors: self.errors.load(Relaxed),
            buckets,
            sum_seconds: self.sum_us.load(Relaxed) as f64 / 1e6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faulted_and_untouched_are_counted_apart_in_growing_buckets() {
        let red = Red::default();
        red.ended(false, false, 3_000_000);
        red.ended(false, true, 3_000_000_000);
        red.ended(true, false, 90_000_000_000);
        let view = red.view("r");
        assert_eq!((view.untouched.requests, view.untouched.errors), (2, 1));
        assert_eq!(
            (view.untouched.buckets[1], view.untouched.buckets[2], view.untouched.buckets[14]),
            (0, 1, 2)
        );
        assert_eq!((view.faulted.requests, view.faulted.buckets[14]), (1, 0));
        assert!((view.faulted.sum_seconds - 90.0).abs() < 1e-6);
    }
}
