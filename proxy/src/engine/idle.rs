//! `idle_timeout`: closing a connection on which nothing moves.

use std::sync::atomic::Ordering::Relaxed;

use super::route::Route;
use super::timer::now_ns;

/// Since when nothing has moved on a connection. Costs nothing per byte: it is asked when the connection is awake anyway.
#[derive(Debug)]
pub(super) struct Idle {
    since_ns: u64,
    moved: u64,
}

impl Idle {
    pub(super) fn new(route: &Route) -> Self {
        Self { since_ns: if route.spec.idle_timeout.is_some() { now_ns() } else { 0 }, moved: 0 }
    }

    /// When it will have been idle for too long, 0 for never; nothing when it has been, which is counted: it is to be
    /// closed. `moved` is any number that changes when something moves, and `busy` says that something is under way
    /// without moving.
    pub(super) fn due_ns(&mut self, route: &Route, moved: u64, busy: bool) -> Option<u64> {
        let Some(timeout) = route.spec.idle_timeout else { return Some(0) };
        let now = now_ns();
        if busy || moved != self.moved {
            (self.moved, self.since_ns) = (moved, now);
        }
        let due_ns = self.since_ns + timeout.duration().as_nanos() as u64;
        if due_ns > now {
            return Some(due_ns);
        }
        route.counts.idle_closed.fetch_add(1, Relaxed);
        None
    }
}
