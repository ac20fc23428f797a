//! `latency` on requests: once on the way there, once on the way back, as its direction says.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::future::Either;

use super::call::{Call, Cut, Hit};
use super::conn::{Conn, Standing};
use super::late_body::LateBody;
use super::layer::{Answering, Layer, Stack};
use super::wire::Deed;
use crate::control::wire::OnRemove;
use crate::engine::timer::{Alarm, now_ns};
use crate::fault::{Before, Latency, TrafficFault};

/// Delays calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delayed;

impl Layer for Delayed {
    fn call<S: Stack>(inner: &mut S, mut call: Call) -> Answering<S> {
        let hits =
            call.hits(|fault| if let TrafficFault::Latency(fault) = fault { Some(fault) } else { None });
        if hits.is_empty() {
            return Either::Left(inner.call(call));
        }
        let (mut inner, conn) = (inner.clone(), Rc::clone(&call.conn));
        let there = hits.iter().map(|(hit, _)| (hit, hit.armed.shaped_ns(hit.request_delay_ns)));
        let there = Held::new(&conn, there);
        Either::Right(Box::pin(async move {
            call.when_sent.extend(there.wait(&conn, call.began_ns).await?);
            let mut response = inner.call(call).await?;
            let late = |hit: &Hit| hit.armed.shaped_ns(hit.response_delay_ns);
            let of = |body: bool| {
                let part = move |(_, fault): &&(Hit, Latency)| (fault.before == Some(Before::Body)) == body;
                Held::new(&conn, hits.iter().filter(part).map(|(hit, _)| (hit, late(hit))))
            };
            for deed in of(false).wait(&conn, now_ns()).await? {
                response.body_mut().when_told(deed);
            }
            let body = of(true);
            if body.is_empty() {
                return Ok(response);
            }
            Ok(response.map(|bytes| bytes.through(Box::new(LateBody::new(body)))))
        }))
    }
}

/// The delays of one direction, or of one part of it.
#[derive(Debug)]
pub(super) struct Held {
    parts: Vec<(Hit, u64)>,
    waiting: bool,
    alarm: Alarm,
}

impl Drop for Held {
    /// Whoever was kept waiting has given up: nothing will leave late, and yet the fault was felt.
    fn drop(&mut self) {
        if self.waiting {
            self.parts.iter().for_each(|(hit, _)| hit.done());
        }
    }
}

impl Held {
    fn new<'a>(conn: &Conn, parts: impl Iterator<Item = (&'a Hit, u64)>) -> Self {
        let meant = parts.filter(|(hit, ns)| *ns > 0 && hit.is_meant());
        let parts = meant.map(|(hit, ns)| (hit.clone(), ns)).collect();
        Self { parts, waiting: false, alarm: Alarm::new(&conn.worker.timers) }
    }

    /// Whether nothing is late.
    const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Waits until all delays are over; what leaves next proves them.
    async fn wait(mut self, conn: &Rc<Conn>, arrived_ns: u64) -> Result<Vec<Deed>, Cut> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        poll_fn(|cx| self.poll_over(conn, arrived_ns, cx)).await
    }

    /// Ready when all delays of what arrived then are over; what leaves next proves them.
    pub(super) fn poll_over(
        &mut self,
        conn: &Conn,
        arrived_ns: u64,
        cx: &Context<'_>,
    ) -> Poll<Result<Vec<Deed>, Cut>> {
        self.waiting = true;
        if self.follow_changes(conn) {
            conn.cut_now(None);
            return Poll::Ready(Err(Cut));
        }
        let total_ns = self.total_ns();
        if now_ns() < arrived_ns + total_ns {
            self.alarm.set(arrived_ns + total_ns, cx);
            return Poll::Pending;
        }
        let late = |(hit, ns)| Deed::Late { hit, arrived_ns, ns, others_ns: total_ns - ns };
        Poll::Ready(Ok(std::mem::take(&mut self.parts).into_iter().map(late).collect()))
    }

    fn total_ns(&self) -> u64 {
        self.parts.iter().map(|(_, ns)| ns).sum()
    }

    /// Fits the delays to faults changed meanwhile. True when the connection is to be reset because of it.
    fn follow_changes(&mut self, conn: &Conn) -> bool {
        let mut reset = false;
        self.parts.retain_mut(|(hit, ns)| match conn.standing(&hit.armed) {
            Standing::Here(armed) => {
                if let TrafficFault::Latency(latency) = &armed.spec.fault {
                    *ns = (*ns).min(latency.longest_ns());
                }
                true
            }
            Standing::Gone => match hit.armed.spec.on_remove {
                OnRemove::Release => false,
                OnRemove::Drain => true,
                OnRemove::Reset => {
                    reset = true;
                    true
                }
            },
        });
        reset
    }
}
