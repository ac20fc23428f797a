//! A body on its way: streamed, counted, and slowed down where a fault says so.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::call::{Account, Hit};
use super::conn::{Conn, Standing};
use super::holds::{Holds, Next};
use crate::engine::bucket::Bucket;
use crate::engine::timer::{Alarm, now_ns};
use crate::fault::TrafficFault;

/// The body of a request or of a response.
#[derive(Debug)]
pub(super) struct Payload {
    conn: Rc<Conn>,
    source: Source,
    pace: Option<Box<Pace>>,
    holds: Option<Box<Holds>>,
    account: Option<Account>,
}

#[derive(Debug)]
enum Source {
    Incoming(Incoming),
    Own(Option<Bytes>),
}

/// The rate limits of one body.
#[derive(Debug)]
struct Pace {
    limits: Vec<(Hit, Bucket)>,
    /// Received, but not yet let through.
    held: Bytes,
    alarm: Alarm,
}

impl Payload {
    pub(super) fn incoming(conn: &Rc<Conn>, body: Incoming) -> Self {
        Self { conn: Rc::clone(conn), source: Source::Incoming(body), pace: None, holds: None, account: None }
    }

    pub(super) fn own(conn: &Rc<Conn>, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let body = if body.is_empty() { None } else { Some(body) };
        Self { conn: Rc::clone(conn), source: Source::Own(body), pace: None, holds: None, account: None }
    }

    /// The body belongs to the answer of this call, which ends with it.
    pub(super) fn ends(mut self, account: Account) -> Self {
        self.account = Some(account);
        self
    }

    /// Lets it pass no faster than these rates, from now on.
    pub(super) fn at_rates(mut self, limits: impl Iterator<Item = (Hit, u64)>) -> Self {
        let now = now_ns();
        let limits = limits.map(|(hit, rate)| (hit, Bucket::new(rate, now))).collect();
        let alarm = Alarm::new(&self.conn.worker.timers);
        self.pace = Some(Box::new(Pace { limits, held: Bytes::new(), alarm }));
        self
    }

    /// Lets it stand still where these say so.
    pub(super) fn held_by(mut self, holds: Holds) -> Self {
        self.holds = Some(Box::new(holds));
        self
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        match &mut self.source {
            Source::Own(body) => Poll::Ready(body.take().map(|bytes| Ok(Frame::data(bytes)))),
            Source::Incoming(body) => {
                let polled = Pin::new(body).poll_frame(cx);
                if let Poll::Ready(Some(Err(_))) = &polled {
                    // Cut short by a reset of the upstream: so it is for the client.
                    if self.conn.upstream.failed() {
                        self.conn.client.reset_on_close();
                    }
                    if let Some(account) = &mut self.account {
                        account.failed();
                    }
                }
                polled
            }
        }
    }

    /// As fast as the rates allow.
    fn poll_paced(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let Some(mut pace) = self.pace.take() else { return self.poll_source(cx) };
        if pace.held.is_empty() {
            match self.poll_source(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => pace.held = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => {
                    pace.dry();
                    if other.is_pending() {
                        self.pace = Some(pace);
                    }
                    return other;
                }
            }
        }
        let passed = pace.pass(&self.conn, cx);
        self.pace = Some(pace);
        passed.map(|bytes| Some(Ok(Frame::data(bytes))))
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Next> {
        let this = &mut *self;
        let Some(mut holds) = this.holds.take() else { return this.poll_paced(cx) };
        let conn = Rc::clone(&this.conn);
        let next = holds.poll_frame(&conn, cx, |cx| this.poll_paced(cx));
        this.holds = Some(holds);
        next
    }

    fn is_end_stream(&self) -> bool {
        self.pace.as_ref().is_none_or(|pace| pace.held.is_empty())
            && self.holds.as_ref().is_none_or(|holds| holds.is_empty())
            && match &self.source {
                Source::Incoming(body) => body.is_end_stream(),
                Source::Own(body) => body.is_none(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Incoming(body) => body.size_hint(),
            Source::Own(body) => SizeHint::with_exact(body.as_ref().map_or(0, |bytes| bytes.len() as u64)),
        }
    }
}

impl Pace {
    fn pass(&mut self, conn: &Conn, cx: &Context<'_>) -> Poll<Bytes> {
        let now = now_ns();
        self.follow_changes(conn, now);
        let want = self.held.remaining() as u64;
        let mut allowed = Ok(want);
        for (hit, bucket) in &mut self.limits {
            let answer = bucket.ask(want, now);
            if answer.is_err()
                && let Some(rate) = bucket.waiting(now)
            {
                hit.armed.record.measured(rate, bucket.rate());
            }
            allowed = match (allowed, answer) {
                (Ok(a), Ok(b)) => Ok(a.min(b)),
                (Err(a), Err(b)) => Err(a.max(b)),
                (Err(at), Ok(_)) | (Ok(_), Err(at)) => Err(at),
            };
        }
        match allowed {
            Err(at) => {
                self.alarm.set(at, cx);
                Poll::Pending
            }
            Ok(bytes) => {
                for (hit, bucket) in &mut self.limits {
                    if bucket.take(bytes, now) {
                        hit.bytes(bytes);
                        hit.done();
                    }
                }
                Poll::Ready(self.held.split_to(bytes as usize))
            }
        }
    }

    fn follow_changes(&mut self, conn: &Conn, now_ns: u64) {
        self.limits.retain_mut(|(hit, bucket)| match conn.standing(&hit.armed) {
            Standing::Gone => false,
            Standing::Here(armed) => {
                if let TrafficFault::Bandwidth(fault) = &armed.spec.fault
                    && fault.rate.bytes_per_second() != bucket.rate()
                {
                    bucket.set_rate(fault.rate.bytes_per_second(), now_ns);
                }
                true
            }
        });
    }

    fn dry(&mut self) {
        let now = now_ns();
        for (hit, bucket) in &mut self.limits {
            if let Some(rate) = bucket.dry(now) {
                hit.armed.record.measured(rate, bucket.rate());
            }
        }
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.dry();
    }
}
