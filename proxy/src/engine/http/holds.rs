//! What stalls hold of one body, and of the head before it.

use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use hyper::body::Frame;

use super::call::{Cut, Hit};
use super::conn::{Conn, Standing};
use super::payload::Broken;
use crate::control::wire::OnRemove;
use crate::engine::hold::{Hold, both};
use crate::engine::timer::{Alarm, now_ns};
use crate::fault::{Stall, TrafficFault};

/// What a body gives next.
pub(super) type Next = Option<Result<Frame<Bytes>, Broken>>;

/// The stalls on one body.
#[derive(Debug)]
pub(super) struct Holds {
    parts: Vec<Part>,
    /// Bytes that have passed.
    passed: u64,
    /// Received, but not yet let through: a frame, or the end.
    next: Option<Next>,
    /// Something waits for the end of a stall.
    waiting: bool,
    alarm: Alarm,
}

#[derive(Debug)]
struct Part {
    hit: Hit,
    stall: Stall,
    hold: Hold,
}

impl Holds {
    /// Nothing when there is no stall.
    pub(super) fn new(conn: &Rc<Conn>, stalls: Vec<(Hit, Stall)>) -> Option<Self> {
        let parts: Vec<Part> =
            stalls.into_iter().map(|(hit, stall)| Part { hit, stall, hold: Hold::default() }).collect();
        let alarm = Alarm::new(&conn.worker.timers);
        (!parts.is_empty()).then_some(Self { parts, passed: 0, next: None, waiting: false, alarm })
    }

    /// Whether something received has not been let through.
    pub(super) const fn is_empty(&self) -> bool {
        self.next.is_none()
    }

    /// Ready when the first byte may pass.
    pub(super) fn poll_head(&mut self, conn: &Conn, cx: &Context<'_>) -> Poll<Result<(), Cut>> {
        if self.follow_changes(conn) {
            conn.cut_now(None);
            return Poll::Ready(Err(Cut));
        }
        self.allowed(0, cx).map(|_| Ok(()))
    }

    /// Lets through what the stalls allow; `source` gives more.
    pub(super) fn poll_frame(
        &mut self,
        conn: &Conn,
        cx: &mut Context<'_>,
        mut source: impl FnMut(&mut Context<'_>) -> Poll<Next>,
    ) -> Poll<Next> {
        if self.follow_changes(conn) {
            conn.cut_now(None);
            return Poll::Pending;
        }
        let next = match self.next.take() {
            Some(next) => next,
            None => std::task::ready!(source(cx)),
        };
        // An error is news about the source, not something of it.
        if matches!(next, Some(Err(_))) {
            return Poll::Ready(next);
        }
        let data = next.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        let Poll::Ready(allowed) = self.allowed(data.map_or(0, |data| data.len() as u64), cx) else {
            self.next = Some(next);
            return Poll::Pending;
        };
        match next.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(mut data))) => {
                let most = usize::try_from(allowed).unwrap_or(usize::MAX).min(data.remaining());
                let first = data.split_to(most);
                self.passed += first.len() as u64;
                if !data.is_empty() {
                    self.next = Some(Some(Ok(Frame::data(data))));
                }
                Poll::Ready(Some(Ok(Frame::data(first))))
            }
            Some(Ok(Err(trailers))) => Poll::Ready(Some(Ok(trailers))),
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => Poll::Ready(None),
        }
    }

    /// How many bytes may pass; pending, and counted, while a stall lasts.
    fn allowed(&mut self, waiting: u64, cx: &Context<'_>) -> Poll<u64> {
        let (now, mut allowed) = (now_ns(), Ok(u64::MAX));
        for Part { hit, stall, hold } in &mut self.parts {
            let answer = hold.ask(stall, self.passed, now);
            if answer.is_err() {
                hit.bytes(hold.keeps(self.passed, waiting));
                hit.done();
            }
            hold.measure(stall, &hit.armed.record, now);
            allowed = both(allowed, answer);
        }
        self.waiting = allowed.is_err();
        match allowed {
            Ok(allowed) => return Poll::Ready(allowed),
            Err(0) => {}
            Err(at) => self.alarm.set(at, cx),
        }
        Poll::Pending
    }

    /// Fits the stalls to faults changed meanwhile. True when the connection is to be reset because of it.
    fn follow_changes(&mut self, conn: &Conn) -> bool {
        let (mut reset, waiting) = (false, self.waiting);
        self.parts.retain_mut(|part| match conn.standing(&part.hit.armed) {
            Standing::Here(armed) => {
                if let TrafficFault::Stall(stall) = &armed.spec.fault {
                    part.stall = *stall;
                }
                true
            }
            Standing::Gone => {
                reset |= waiting && part.hit.armed.spec.on_remove == OnRemove::Reset;
                false
            }
        });
        reset
    }
}
