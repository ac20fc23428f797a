//! How many calls the shop's front makes at once: a number of slots that all dependencies share, and, behind the flag
//! `bulkhead`, a compartment for each, so that one that is slow cannot take the slots of the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Calls in flight to all dependencies together.
const SLOTS: usize = 64;
/// Calls that may wait for a slot; more are refused at once. Each waits no longer than its caller does.
const WAITING_MAX: u64 = 256;

/// The slots that every dependency shares.
pub(super) struct Pool {
    slots: Semaphore,
    waiting: AtomicU64,
    refused: AtomicU64,
}

/// What is in flight to one dependency.
#[derive(Default)]
pub(super) struct Compartment {
    in_flight: AtomicU64,
}

/// There was no room for a call.
#[derive(Debug)]
pub(super) struct Full(pub(super) u64);

/// Counts one up until it is dropped.
pub(super) struct Held<'a>(&'a AtomicU64);

impl<'a> Held<'a> {
    /// Unless there are so many already.
    pub(super) fn take(count: &'a AtomicU64, most: u64) -> Result<Self, Full> {
        let before = count.fetch_add(1, Relaxed);
        let held = Self(count);
        if before < most { Ok(held) } else { Err(Full(most)) }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A slot for one call; dropping it frees the slot, also when the caller gave up.
pub(super) struct Slot<'a> {
    _in_compartment: Held<'a>,
    _slot: SemaphorePermit<'a>,
}

impl Pool {
    pub(super) fn new() -> Arc<Self> {
        let count = || AtomicU64::new(0);
        Arc::new(Self { slots: Semaphore::new(SLOTS), waiting: count(), refused: count() })
    }

    /// Waits for a slot. `most` is the compartment's own limit; beyond it nobody waits.
    pub(super) async fn enter<'a>(
        &'a self,
        compartment: &'a Compartment,
        most: Option<u64>,
    ) -> Result<Slot<'a>, Full> {
        let entered = self.try_enter(compartment, most).await;
        self.refused.fetch_add(u64::from(entered.is_err()), Relaxed);
        entered
    }

    async fn try_enter<'a>(
        &'a self,
        compartment: &'a Compartment,
        most: Option<u64>,
    ) -> Result<Slot<'a>, Full> {
        let _in_compartment = Held::take(&compartment.in_flight, most.unwrap_or(u64::MAX))?;
        let waiting = Held::take(&self.waiting, WAITING_MAX)?;
        // It is never closed.
        let _slot = self.slots.acquire().await.map_err(|_| Full(0))?;
        drop(waiting);
        Ok(Slot { _in_compartment, _slot })
    }

    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }
}

impl Compartment {
    /// Calls that are on their way or wait for a slot.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_dependency_takes_every_slot_unless_it_has_a_compartment() {
        let pool = Pool::new();
        let (slow, quick) = (Compartment::default(), Compartment::default());
        let mut held = Vec::new();
        for _ in 0..SLOTS {
            held.push(pool.enter(&slow, None).await.unwrap());
        }
        let waits = timeout(Duration::from_secs(1), pool.enter(&quick, None)).await;
        assert!(waits.is_err(), "no slot is left for the quick one");
        assert_eq!((pool.waiting(), quick.in_flight()), (0, 0), "who gives up waits no more");

        held.truncate(4);
        assert!(matches!(pool.enter(&slow, Some(4)).await, Err(Full(4))));
        assert!(pool.enter(&quick, Some(4)).await.is_ok());
        assert_eq!((pool.refused(), slow.in_flight()), (1, 4));
        drop(held);
        assert_eq!(slow.in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_wait() {
        let pool = Pool::new();
        let slow = Compartment::default();
        let mut held = Vec::new();
        for _ in 0..SLOTS {
            held.push(pool.enter(&slow, None).await.unwrap());
        }
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..WAITING_MAX {
            let pool = Arc::clone(&pool);
            waiting.spawn(async move { pool.enter(&Compartment::default(), None).await.map(drop).is_ok() });
        }
        while pool.waiting() < WAITING_MAX {
            tokio::task::yield_now().await;
        }
        assert!(matches!(pool.enter(&slow, None).await, Err(Full(WAITING_MAX))));
        drop(held);
        while let Some(entered) = waiting.join_next().await {
            assert!(entered.unwrap(), "who waited gets a slot");
        }
    }
}
