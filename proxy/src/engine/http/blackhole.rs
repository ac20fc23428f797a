//! `blackhole` on requests: they are taken in and never answered; the connection is closed only if that is asked for.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::Response;
use hyper::body::Body;

use super::call::{Call, Cut, Hit};
use super::conn::{Conn, Standing};
use super::layer::{Answering, Layer, Stack};
use super::payload::Payload;
use crate::control::wire::OnRemove;
use crate::engine::timer::{Alarm, now_ns};
use crate::fault::TrafficFault;

/// Swallows calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Swallowed;

impl Layer for Swallowed {
    fn call<S: Stack>(inner: &mut S, mut call: Call) -> Answering<S> {
        let hits =
            call.hits(|fault| if let TrafficFault::Blackhole(fault) = fault { Some(fault) } else { None });
        let Some((hit, hole)) = hits.into_iter().next() else { return Either::Left(inner.call(call)) };
        let conn = Rc::clone(&call.conn);
        let silence = Silence::new(&conn, &hit, call.began_ns);
        if hole.direction.acts_on_request() {
            return Either::Right(Box::pin(async move {
                hit.done();
                silence.swallow(Pin::new(call.request.body_mut())).await?;
                silence.until_removed().await
            }));
        }
        let answer = inner.call(call);
        Either::Right(Box::pin(async move {
            let mut answer = silence.or(answer).await??;
            if matches!(conn.standing(&hit.armed), Standing::Gone) {
                // Nothing of it is missing yet.
                return Ok(answer);
            }
            hit.done();
            silence.heard_ns.set(now_ns());
            silence.swallow(Pin::new(answer.body_mut())).await?;
            silence.until_removed().await
        }))
    }
}

/// One call in the hole: how long nothing has come, and whether that is to end the connection.
struct Silence {
    conn: Rc<Conn>,
    hit: Hit,
    heard_ns: Cell<u64>,
    alarm: Alarm,
}

impl Silence {
    fn new(conn: &Rc<Conn>, hit: &Hit, since_ns: u64) -> Self {
        let alarm = Alarm::new(&conn.worker.timers);
        Self { conn: Rc::clone(conn), hit: hit.clone(), heard_ns: Cell::new(since_ns), alarm }
    }

    /// Ready when it has lasted too long; the connection is then closed.
    fn poll_over(&self, standing: &Standing, cx: &Context<'_>) -> Poll<Cut> {
        let Standing::Here(armed) = standing else { return Poll::Pending };
        let TrafficFault::Blackhole(hole) = &armed.spec.fault else { return Poll::Pending };
        let Some(due_ns) = hole.closes_ns(self.heard_ns.get()) else { return Poll::Pending };
        if due_ns <= now_ns() {
            self.hit.done();
            return Poll::Ready(Cut);
        }
        self.alarm.set(due_ns, cx);
        Poll::Pending
    }

    /// What comes, unless the silence lasts too long before.
    async fn or<F: Future>(&self, future: F) -> Result<F::Output, Cut> {
        let mut future = std::pin::pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => self.poll_over(&self.conn.standing(&self.hit.armed), cx).map(Err),
        })
        .await
    }

    /// Reads a body to its end, or until the fault is gone, and lets nothing of it out.
    async fn swallow(&self, mut body: Pin<&mut Payload>) -> Result<(), Cut> {
        poll_fn(|cx| {
            loop {
                let standing = self.conn.standing(&self.hit.armed);
                if matches!(standing, Standing::Gone) {
                    return Poll::Ready(Ok(()));
                }
                match body.as_mut().poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        self.heard_ns.set(now_ns());
                        self.hit.bytes(frame.data_ref().map_or(0, |data| data.len() as u64));
                    }
                    Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Ok(())),
                    Poll::Pending => return self.poll_over(&standing, cx).map(Err),
                }
            }
        })
        .await
    }

    /// Nothing comes until the fault is removed, or the silence has lasted too long; then the connection ends, because
    /// an answer is missing on it.
    async fn until_removed(&self) -> Result<Response<Payload>, Cut> {
        let gone = poll_fn(|cx| match self.conn.standing(&self.hit.armed) {
            Standing::Gone => Poll::Ready(true),
            standing @ Standing::Here(_) => self.poll_over(&standing, cx).map(|Cut| false),
        })
        .await;
        if gone && self.hit.armed.spec.on_remove == OnRemove::Reset {
            self.conn.cut_now(None);
        }
        Err(Cut)
    }
}
