//! `stall` on requests: their bodies, or their answers, stand still for a time, from a place in the body on.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::future::{Either, LocalBoxFuture};
use http::Response;
use tower::Service;

use super::call::{Call, Cut, Hit};
use super::holds::Holds;
use super::payload::Payload;
use crate::fault::{Direction, Stall, TrafficFault};

/// Stalls calls.
#[derive(Clone, Debug)]
pub(super) struct Stalled<S>(pub(super) S);

impl<S> Service<Call> for Stalled<S>
where
    S: Service<Call, Response = Response<Payload>, Error = Cut> + Clone + 'static,
{
    type Response = Response<Payload>;
    type Error = Cut;
    type Future = Either<S::Future, LocalBoxFuture<'static, Result<Response<Payload>, Cut>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut call: Call) -> Self::Future {
        let hits = call.hits(|fault| if let TrafficFault::Stall(fault) = fault { Some(fault) } else { None });
        if hits.is_empty() {
            return Either::Left(self.0.call(call));
        }
        let conn = Rc::clone(&call.conn);
        let there = meant(&hits, Direction::acts_on_request);
        let mut back = meant(&hits, Direction::acts_on_response);
        let mut inner = self.0.clone();
        Either::Right(Box::pin(async move {
            if let Some(mut holds) = Holds::new(&conn, there) {
                // Nothing of the request goes on before its first byte may.
                poll_fn(|cx| holds.poll_head(&conn, cx)).await?;
                call.request = call.request.map(|body| body.held_by(holds));
            }
            let answer = inner.call(call).await?;
            back.retain(|(hit, _)| hit.is_meant());
            let Some(mut holds) = Holds::new(&conn, back) else { return Ok(answer) };
            poll_fn(|cx| holds.poll_head(&conn, cx)).await?;
            Ok(answer.map(|body| body.held_by(holds)))
        }))
    }
}

/// The stalls of one direction.
fn meant(hits: &[(Hit, Stall)], way: fn(Direction) -> bool) -> Vec<(Hit, Stall)> {
    hits.iter().filter(|(_, stall)| way(stall.direction)).cloned().collect()
}
