//! `reset` on requests: the connection is reset at once, after a time, after so many bytes, or some time after what it
//! holds back has come.

use std::future::{poll_fn, ready};
use std::rc::Rc;
use std::task::Poll;

use futures_util::future::Either;
use http::Response;

use super::call::{Call, Cut, Hit};
use super::conn::{Conn, Standing};
use super::layer::{Answering, Layer, Stack};
use super::payload::Payload;
use crate::control::wire::OnRemove;
use crate::engine::timer::now_ns;
use crate::fault::{Direction, Reset, ResetFrom, TrafficFault};

/// Cuts calls off.
#[derive(Clone, Copy, Debug)]
pub(super) struct CutOff;

impl Layer for CutOff {
    fn call<S: Stack>(inner: &mut S, call: Call) -> Answering<S> {
        let hits = call.hits(|fault| if let TrafficFault::Reset(fault) = fault { Some(fault) } else { None });
        let Some((hit, reset)) = hits.into_iter().next() else { return Either::Left(inner.call(call)) };
        if reset.is_at_once() {
            call.conn.cut_now(Some(&hit));
            return Either::Right(Box::pin(ready(Err(Cut))));
        }
        if reset.from == ResetFrom::FirstBytes {
            return Either::Right(Box::pin(held_back(inner.clone(), call, hit, reset)));
        }
        let limit = reset.after_bytes.map(|size| (size.bytes(), reset.direction()));
        call.conn.cut_later(call.ordinal, &hit, reset.due_ns(call.began_ns, None), limit);
        match limit.filter(|_| call.conn.is_many()) {
            None => Either::Left(inner.call(call)),
            Some(limit) => Either::Right(Box::pin(limited(inner.clone(), call, hit, limit))),
        }
    }
}

/// On HTTP/2 the bytes that pass before the reset are those of the call's own bodies.
async fn limited<S>(
    mut inner: S,
    mut call: Call,
    hit: Hit,
    (bytes, way): (u64, Direction),
) -> Result<Response<Payload>, Cut>
where
    S: Stack,
{
    if way.acts_on_request() {
        call.request = call.request.map(|body| body.ends_after(&hit, bytes));
    }
    let answer = inner.call(call).await?;
    Ok(if way.acts_on_response() { answer.map(|body| body.ends_after(&hit, bytes)) } else { answer })
}

/// The request, or its answer, has come, and goes on only if the fault is removed before its time is over.
async fn held_back<S>(mut inner: S, call: Call, hit: Hit, reset: Reset) -> Result<Response<Payload>, Cut>
where
    S: Stack,
{
    let (conn, ordinal) = (Rc::clone(&call.conn), call.ordinal);
    if reset.direction().acts_on_request() {
        conn.cut_later(ordinal, &hit, reset.due_ns(call.began_ns, Some(call.began_ns)), None);
        until_gone(&conn, &hit).await?;
        return inner.call(call).await;
    }
    let answer = inner.call(call).await?;
    conn.cut_later(ordinal, &hit, reset.due_ns(0, Some(now_ns())), None);
    until_gone(&conn, &hit).await?;
    Ok(answer)
}

/// Waits until the fault is removed. What it holds is then let go, or lost with its connection.
async fn until_gone(conn: &Conn, hit: &Hit) -> Result<(), Cut> {
    poll_fn(|_| match conn.standing(&hit.armed) {
        Standing::Here(_) => Poll::Pending,
        Standing::Gone => Poll::Ready(()),
    })
    .await;
    if hit.armed.spec.on_remove == OnRemove::Reset {
        conn.cut_now(None);
        return Err(Cut);
    }
    Ok(())
}
