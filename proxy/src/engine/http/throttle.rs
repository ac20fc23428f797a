//! `bandwidth` on requests: their bodies, or the bodies of their answers, flow no faster than a rate.

use std::task::{Context, Poll};

use futures_util::future::{Either, LocalBoxFuture};
use http::Response;
use tower::Service;

use super::call::{Call, Cut};
use super::payload::Payload;
use crate::fault::TrafficFault;

/// Throttles bodies.
#[derive(Clone, Debug)]
pub(super) struct Throttled<S>(pub(super) S);

impl<S> Service<Call> for Throttled<S>
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
            call.hits(|fault| if let TrafficFault::Bandwidth(fault) = fault { Some(fault) } else { None });
        if hits.is_empty() {
            return Either::Left(self.0.call(call));
        }
        let of = |way: fn(crate::fault::Direction) -> bool| {
            let meant = hits.iter().filter(move |(_, fault)| way(fault.direction));
            meant.map(|(hit, fault)| (hit.clone(), fault.rate.bytes_per_second())).collect::<Vec<_>>()
        };
        let there = of(crate::fault::Direction::acts_on_request);
        let mut back = of(crate::fault::Direction::acts_on_response);
        if !there.is_empty() {
            call.request = call.request.map(|body| body.at_rates(there.into_iter()));
        }
        let answer = self.0.call(call);
        Either::Right(Box::pin(async move {
            let answer = answer.await?;
            back.retain(|(hit, _)| hit.is_meant());
            Ok(if back.is_empty() { answer } else { answer.map(|body| body.at_rates(back.into_iter())) })
        }))
    }
}
