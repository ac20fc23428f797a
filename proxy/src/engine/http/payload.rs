//! A body on its way: streamed, counted, and slowed down where a fault says so.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::call::{Account, Hit};
use super::conn::{Conn, Standing};
use super::expect::Expect;
use super::holds::{Holds, Next};
use super::many::Loan;
use super::stage::Stage;
use super::wire::Deed;
use crate::engine::bucket::Bucket;
use crate::engine::timer::{Alarm, now_ns};
use crate::fault::TrafficFault;

/// Bytes of a body that nobody wants, read so that its connection can be used again.
const SKIM_MAX: usize = 64 << 10;

/// The body of a request or of a response.
#[derive(Debug)]
pub(super) struct Payload {
    conn: Rc<Conn>,
    source: Source,
    pace: Option<Box<Pace>>,
    holds: Option<Box<Holds>>,
    account: Option<Account>,
    /// What few bodies have.
    rare: Option<Box<Rare>>,
}

/// Why a body ends before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Source(#[from] hyper::Error),
    #[error("broken off by a fault")]
    OnPurpose,
}

#[derive(Debug)]
enum Source {
    Incoming(Incoming),
    Own(Option<Bytes>),
    Staged(Box<Staged>),
}

/// A body to which something is done.
#[derive(Debug)]
struct Staged {
    body: Payload,
    stage: Box<dyn Stage>,
}

#[derive(Debug, Default)]
struct Rare {
    /// It is not asked for before the upstream wants it.
    expect: Option<Expect>,
    /// The upstream connection that it comes on is given back with it.
    loan: Option<Loan>,
    /// Which fault lets so many more bytes through, and then resets the connection.
    last: Option<(Hit, u64)>,
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
        Self::new(conn, Source::Incoming(body))
    }

    fn new(conn: &Rc<Conn>, source: Source) -> Self {
        Self { conn: Rc::clone(conn), source, pace: None, holds: None, account: None, rare: None }
    }

    pub(super) fn own(conn: &Rc<Conn>, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let body = if body.is_empty() { None } else { Some(body) };
        Self::new(conn, Source::Own(body))
    }

    /// The same body with something done to it.
    pub(super) fn through(self, stage: Box<dyn Stage>) -> Self {
        let conn = Rc::clone(&self.conn);
        Self::new(&conn, Source::Staged(Box::new(Staged { body: self, stage })))
    }

    /// What comes next.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        Pin::new(self).poll_frame(cx)
    }

    /// Reads what is there, and does not wait for more.
    pub(super) fn skim(&mut self, cx: &mut Context<'_>) {
        let mut skimmed = 0;
        while skimmed < SKIM_MAX
            && let Poll::Ready(Some(Ok(frame))) = self.poll_next(cx)
        {
            skimmed += frame.data_ref().map_or(1, Bytes::len);
        }
    }

    /// The account of the call whose answer it is; it then no longer ends with it.
    pub(super) fn take_account(&mut self) -> Option<Account> {
        self.account_mut().take()
    }

    /// A fault has been done once the answer with this body leaves.
    pub(super) fn when_told(&mut self, deed: Deed) {
        match self.account_mut() {
            Some(account) => account.when_told(deed),
            None => self.conn.client.when_bytes_leave(deed),
        }
    }

    /// The answer with this body is handed over.
    pub(super) fn tells(&mut self) {
        self.account_mut().iter_mut().for_each(Account::tells);
    }

    fn account_mut(&mut self) -> &mut Option<Account> {
        match &mut self.source {
            Source::Staged(staged) if self.account.is_none() => staged.body.account_mut(),
            _ => &mut self.account,
        }
    }

    /// The body belongs to the answer of this call, which ends with it.
    pub(super) fn ends(mut self, account: Account) -> Self {
        self.account = Some(account);
        self
    }

    /// The upstream connection is given back when the body has come.
    pub(super) fn on_loan(mut self, loan: Option<Loan>) -> Self {
        if loan.is_some() {
            self.rare.get_or_insert_default().loan = loan;
        }
        self
    }

    /// It is not asked for before the upstream wants it.
    pub(super) fn expected(mut self, expect: Expect) -> Self {
        self.rare.get_or_insert_default().expect = Some(expect);
        self
    }

    /// Only so many bytes of it pass; then the fault resets the connection.
    pub(super) fn ends_after(mut self, hit: &Hit, bytes: u64) -> Self {
        self.rare.get_or_insert_default().last = Some((hit.clone(), bytes));
        self
    }

    /// Lets through what may still pass. What comes behind it stays where it is, because the connection is to end.
    fn poll_last(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if let Some(rare) = self.rare.as_mut().filter(|rare| rare.expect.is_some()) {
            if rare.expect.as_ref().is_some_and(|expect| expect.poll(cx).is_pending()) {
                return Poll::Pending;
            }
            rare.expect = None;
        }
        let last = self.rare.as_mut().and_then(|rare| rare.last.take());
        let Some((hit, left)) = last else { return self.poll_held(cx) };
        if matches!(self.conn.standing(&hit.armed), Standing::Gone) {
            return self.poll_held(cx);
        }
        let keep = |this: &mut Self, left| this.rare.get_or_insert_default().last = Some((hit.clone(), left));
        if left == 0 {
            keep(self, 0);
            self.conn.cut_is_reached(&hit);
            return Poll::Pending;
        }
        let next = self.poll_held(cx);
        let Poll::Ready(Some(Ok(frame))) = next else {
            keep(self, left);
            return next;
        };
        match frame.into_data() {
            Ok(mut data) => {
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(data.len());
                keep(self, left - most as u64);
                Poll::Ready(Some(Ok(Frame::data(data.split_to(most)))))
            }
            Err(trailers) => Poll::Ready(Some(Ok(trailers))),
        }
    }

    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let Some(mut holds) = self.holds.take() else { return self.poll_paced(cx) };
        let conn = Rc::clone(&self.conn);
        let next = holds.poll_frame(&conn, cx, |cx| self.poll_paced(cx));
        self.holds = Some(holds);
        next
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
            Source::Staged(staged) => {
                let next = staged.stage.poll_frame(&self.conn, &mut staged.body, cx);
                if let Poll::Ready(Some(Err(Broken::OnPurpose))) = &next
                    && let Some(account) = self.account_mut()
                {
                    account.failed();
                }
                next
            }
            Source::Own(body) => Poll::Ready(body.take().map(|bytes| Ok(Frame::data(bytes)))),
            Source::Incoming(body) => {
                let polled = Pin::new(body).poll_frame(cx);
                if let Poll::Ready(Some(Err(_))) = &polled {
                    // Cut short by a reset of the upstream: so it is for the client.
                    if !self.conn.is_many() && self.conn.lane.wire.failed() {
                        self.conn.client.reset_on_close();
                    }
                    if let Some(account) = &mut self.account {
                        account.failed();
                    }
                }
                polled.map_err(Broken::from)
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
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Next> {
        if self.rare.is_some() { self.poll_last(cx) } else { self.poll_held(cx) }
    }

    fn is_end_stream(&self) -> bool {
        self.rare.as_ref().is_none_or(|rare| rare.last.is_none())
            && self.pace.as_ref().is_none_or(|pace| pace.held.is_empty())
            && self.holds.as_ref().is_none_or(|holds| holds.is_empty())
            && match &self.source {
                Source::Incoming(body) => body.is_end_stream(),
                Source::Own(body) => body.is_none(),
                Source::Staged(staged) => staged.stage.is_empty() && staged.body.is_end_stream(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Staged(staged) => staged.stage.size_hint(staged.body.size_hint()),
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
