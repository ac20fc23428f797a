//! `latency` with `before: body`: the head of an answer leaves, and its body comes late.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::Frame;

use super::conn::Conn;
use super::holds::Next;
use super::latency::Held;
use super::payload::Payload;
use super::stage::Stage;
use crate::engine::timer::now_ns;

/// A body whose first bytes come late. A body without any is never late.
#[derive(Debug)]
pub(super) struct LateBody {
    /// Nothing once the body may go on.
    held: Option<Held>,
    /// The first bytes, and when they arrived.
    first: Option<(Frame<Bytes>, u64)>,
}

impl LateBody {
    pub(super) const fn new(held: Held) -> Self {
        Self { held: Some(held), first: None }
    }
}

impl Stage for LateBody {
    fn poll_frame(&mut self, conn: &Rc<Conn>, body: &mut Payload, cx: &mut Context<'_>) -> Poll<Next> {
        let Some(held) = &mut self.held else { return body.poll_next(cx) };
        let arrived_ns = match &self.first {
            Some((_, arrived_ns)) => *arrived_ns,
            None => match ready!(body.poll_next(cx)) {
                Some(Ok(frame)) if frame.is_data() => self.first.insert((frame, now_ns())).1,
                other => return Poll::Ready(other),
            },
        };
        // An error means that the connection is about to be reset.
        let Ok(deeds) = ready!(held.poll_over(conn, arrived_ns, cx)) else { return Poll::Pending };
        deeds.into_iter().for_each(|deed| conn.client.when_bytes_leave(deed));
        self.held = None;
        Poll::Ready(self.first.take().map(|(frame, _)| Ok(frame)))
    }

    fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}
