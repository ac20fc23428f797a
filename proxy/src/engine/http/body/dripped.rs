//! `http_body` with `drip`: a body in small pieces, one after another.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::Frame;

use crate::control::wire::OnRemove;
use crate::engine::http::call::Hit;
use crate::engine::http::conn::{Conn, Standing};
use crate::engine::http::holds::Next;
use crate::engine::http::payload::Payload;
use crate::engine::http::stage::Stage;
use crate::engine::timer::{Alarm, now_ns};
use crate::fault::{Drip, TrafficFault};

/// A body in pieces.
#[derive(Debug)]
pub(super) struct Dripped {
    hit: Hit,
    /// Nothing once the fault is gone.
    drip: Option<Drip>,
    /// Received, but not yet let through.
    held: Bytes,
    /// When the next piece may leave.
    due_ns: u64,
    /// The piece that waits has been counted.
    counted: bool,
    alarm: Alarm,
}

impl Dripped {
    pub(super) fn new(conn: &Conn, hit: &Hit, drip: Drip) -> Self {
        let alarm = Alarm::new(&conn.worker.timers);
        Self { hit: hit.clone(), drip: Some(drip), held: Bytes::new(), due_ns: 0, counted: false, alarm }
    }

    fn follow_changes(&mut self, conn: &Conn) {
        match conn.standing(&self.hit.armed) {
            Standing::Here(armed) => {
                if let TrafficFault::HttpBody(fault) = &armed.spec.fault {
                    self.drip = fault.drip;
                }
            }
            Standing::Gone if self.held.is_empty() => self.drip = None,
            Standing::Gone => match self.hit.armed.spec.on_remove {
                OnRemove::Drain => {}
                OnRemove::Release => self.drip = None,
                OnRemove::Reset => {
                    if self.drip.take().is_some() {
                        conn.cut_now(None);
                    }
                }
            },
        }
    }
}

impl Stage for Dripped {
    fn poll_frame(&mut self, conn: &Rc<Conn>, body: &mut Payload, cx: &mut Context<'_>) -> Poll<Next> {
        self.follow_changes(conn);
        if self.held.is_empty() {
            match ready!(body.poll_next(cx)).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.held = data,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let Some(drip) = self.drip else {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.held)))));
        };
        let now = now_ns();
        let most = usize::try_from(drip.size.bytes()).unwrap_or(usize::MAX).min(self.held.len());
        if now < self.due_ns {
            if !std::mem::replace(&mut self.counted, true) {
                self.hit.bytes(most as u64);
                self.hit.done();
            }
            self.alarm.set(self.due_ns, cx);
            return Poll::Pending;
        }
        self.due_ns = now + drip.every.nanos();
        self.counted = false;
        Poll::Ready(Some(Ok(Frame::data(self.held.split_to(most)))))
    }

    fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}
