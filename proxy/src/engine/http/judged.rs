//! `match: {status: …}`: whether a fault is meant shows when the upstream has answered.
//!
//! The innermost layer, so that every layer around it that acts on responses finds it settled.

use std::task::{Context, Poll};

use futures_util::future::{Either, LocalBoxFuture};
use http::Response;
use tower::Service;

use super::call::{Call, Cut, judge};
use super::forward::OwnAnswer;
use super::payload::Payload;

/// Settles what waits for the status.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged<S>(pub(super) S);

impl<S> Service<Call> for Judged<S>
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

    fn call(&mut self, call: Call) -> Self::Future {
        if !call.hits.iter().any(|hit| hit.waits_for_status()) {
            return Either::Left(self.0.call(call));
        }
        let (hits, ordinal) = (call.hits.clone(), call.ordinal);
        let answer = self.0.call(call);
        Either::Right(Box::pin(async move {
            let answer = answer.await?;
            // What the proxy says itself is no answer of the upstream.
            if answer.extensions().get::<OwnAnswer>().is_none() {
                judge(&hits, ordinal, answer.status());
            }
            Ok(answer)
        }))
    }
}
