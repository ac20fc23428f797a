//! `blackhole` on requests: they are taken in and never answered.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::future::{Either, LocalBoxFuture};
use http::Response;
use hyper::body::Body;
use tower::Service;

use super::call::{Call, Cut, Hit};
use super::conn::{Conn, Standing};
use super::payload::Payload;
use crate::control::wire::OnRemove;
use crate::fault::TrafficFault;

/// Swallows calls.
#[derive(Clone, Debug)]
pub(super) struct Swallowed<S>(pub(super) S);

impl<S> Service<Call> for Swallowed<S>
where
    S: Service<Call, Response = Response<Payload>, Error = Cut>,
    S::Future: 'static,
{
    type Response = Response<Payload>;
    type Error = Cut;
    type Future = Either<S::Future, LocalBoxFuture<'static, Result<Response<Payload>, Cut>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut call: Call) -> Self::Future {
        let hits =
            call.hits(|fault| if let TrafficFault::Blackhole(fault) = fault { Some(fault) } else { None });
        let Some((hit, hole)) = hits.into_iter().next() else { return Either::Left(self.0.call(call)) };
        let conn = Rc::clone(&call.conn);
        if hole.direction.acts_on_request() {
            return Either::Right(Box::pin(async move {
                hit.done();
                swallow(&conn, &hit, Pin::new(call.request.body_mut())).await;
                until_removed(&conn, &hit).await
            }));
        }
        let answer = self.0.call(call);
        Either::Right(Box::pin(async move {
            let mut answer = answer.await?;
            hit.done();
            swallow(&conn, &hit, Pin::new(answer.body_mut())).await;
            until_removed(&conn, &hit).await
        }))
    }
}

/// Reads a body to its end, or until the fault is gone, and lets nothing of it out.
async fn swallow(conn: &Conn, hit: &Hit, mut body: Pin<&mut Payload>) {
    poll_fn(|cx| {
        loop {
            if matches!(conn.standing(&hit.armed), Standing::Gone) {
                return Poll::Ready(());
            }
            match std::task::ready!(body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => hit.bytes(frame.data_ref().map_or(0, |data| data.len() as u64)),
                Some(Err(_)) | None => return Poll::Ready(()),
            }
        }
    })
    .await;
}

/// Nothing comes until the fault is removed; then the connection ends, because an answer is missing on it.
async fn until_removed(conn: &Conn, hit: &Hit) -> Result<Response<Payload>, Cut> {
    poll_fn(|_| match conn.standing(&hit.armed) {
        Standing::Here(_) => Poll::Pending,
        Standing::Gone => Poll::Ready(()),
    })
    .await;
    if hit.armed.spec.on_remove == OnRemove::Reset {
        conn.cut_now(None);
    }
    Err(Cut)
}
