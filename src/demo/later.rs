//! Orders that were taken although payments had not confirmed the charge in time. Whether it was made is unknown, so
//! payments is asked again later, with the order's own key, which cannot charge twice.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// No more orders are taken on credit than this.
const ORDERS_MAX: usize = 1_024;
/// How often they are looked through.
pub(super) const EVERY: Duration = Duration::from_millis(200);

/// An order and which payments was asked: another one would not know its key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unconfirmed {
    pub(super) order: String,
    pub(super) at_second: bool,
}

/// The orders that wait for their charge, oldest first.
#[derive(Default)]
pub(super) struct Later {
    orders: Mutex<VecDeque<Unconfirmed>>,
    confirmed: AtomicU64,
}

impl Later {
    /// Takes an order on credit; false when there are too many already.
    pub(super) fn take(&self, order: Unconfirmed) -> bool {
        let mut orders = self.lock();
        let room = orders.len() < ORDERS_MAX;
        if room {
            orders.push_back(order);
        }
        room
    }

    pub(super) fn waiting(&self) -> u64 {
        self.lock().len() as u64
    }

    pub(super) fn confirmed(&self) -> u64 {
        self.confirmed.load(Relaxed)
    }

    /// The order that has waited longest. Whoever takes it says how it went.
    pub(super) fn next(&self) -> Option<Unconfirmed> {
        self.lock().pop_front()
    }

    /// How it went: an order that is not confirmed yet goes to the end.
    pub(super) fn went(&self, order: Unconfirmed, confirmed: bool) {
        if confirmed {
            self.confirmed.fetch_add(1, Relaxed);
        } else {
            self.lock().push_back(order);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Unconfirmed>> {
        self.orders.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_comes_first_a_failed_one_goes_to_the_end_and_only_so_many_are_taken() {
        let order = |n: usize| Unconfirmed { order: format!("order-{n}"), at_second: false };
        let later = Later::default();
        assert!((0..ORDERS_MAX).all(|n| later.take(order(n))));
        assert!(!later.take(order(ORDERS_MAX)));
        let first = later.next().unwrap();
        assert_eq!(first, order(0));
        later.went(first, false);
        for n in (1..ORDERS_MAX).chain([0]) {
            let next = later.next().unwrap();
            assert_eq!(next, order(n));
            later.went(next, true);
        }
        assert_eq!((later.next(), later.waiting(), later.confirmed()), (None, 0, ORDERS_MAX as u64));
    }
}
