//! What stands between a body and whoever reads it: one thing done to its bytes.

use std::fmt::Debug;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::body::SizeHint;

use super::call::Hit;
use super::conn::Conn;
use super::holds::Next;
use super::payload::Payload;
use super::wire::{Deed, Wire};
use crate::engine::kernel;
use crate::engine::timer::{Alarm, now_ns};

/// One thing done to the bytes of a body.
pub(super) trait Stage: Debug {
    /// What it gives next of what `body` gives.
    fn poll_frame(&mut self, conn: &Rc<Conn>, body: &mut Payload, cx: &mut Context<'_>) -> Poll<Next>;

    /// Whether nothing more comes from here once the body is at its end.
    fn is_empty(&self) -> bool {
        true
    }

    /// How many bytes come, when the body has so many.
    fn size_hint(&self, body: SizeHint) -> SizeHint {
        body
    }
}

/// Which way a body goes, and so where its bytes are seen to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    ToClient,
    ToUpstream,
}

impl Way {
    /// What the bytes leave on. On HTTP/2 a request does not know.
    fn wire(self, conn: &Conn) -> Option<&Wire> {
        match self {
            Self::ToClient => Some(&conn.client),
            Self::ToUpstream => (!conn.is_many()).then_some(&*conn.lane.wire),
        }
    }

    /// The fault has been done once the next bytes leave.
    pub(super) fn when_bytes_leave(self, conn: &Conn, hit: &Hit) {
        match self.wire(conn) {
            Some(wire) => wire.when_bytes_leave(Deed::Done(hit.clone())),
            None => hit.done(),
        }
    }
}

/// Waits until what was handed over has been written, so that an end does not overtake it.
#[derive(Debug)]
pub(super) struct LastBytes {
    alarm: Alarm,
    /// How often everything had been written before, and when not to wait any more.
    from: Option<(u64, u64)>,
}

/// How long bytes may take that nobody sees leave.
const UNSEEN_BYTES_NS: u64 = 50_000_000;
/// They take as long as their reader does.
const NO_LIMIT_NS: u64 = u64::MAX;

impl LastBytes {
    pub(super) fn new(conn: &Conn) -> Self {
        Self { alarm: Alarm::new(&conn.worker.timers), from: None }
    }

    pub(super) fn poll(&mut self, conn: &Conn, way: Way, cx: &Context<'_>) -> Poll<()> {
        let wire = way.wire(conn);
        let flushes = wire.map_or(0, Wire::flushes);
        let most_ns = match wire {
            None => UNSEEN_BYTES_NS,
            // Bytes of a stream may wait for its window, whatever has been written.
            Some(_) if conn.is_many() => kernel::LAST_BYTES_NS,
            Some(_) => NO_LIMIT_NS,
        };
        let (before, due_ns) = *self.from.get_or_insert_with(|| (flushes, now_ns().saturating_add(most_ns)));
        if flushes > before || now_ns() >= due_ns {
            return Poll::Ready(());
        }
        if let Some(wire) = wire {
            wire.wake_when_flushed(cx.waker());
        }
        if due_ns != NO_LIMIT_NS {
            self.alarm.set(due_ns, cx);
        }
        Poll::Pending
    }
}
