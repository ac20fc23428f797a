//! `reset` on requests: the client's connection is reset at once, after a time, or after so many bytes of answer.

use std::task::{Context, Poll};

use futures_util::future::{Either, Ready, ready};
use http::Response;
use tower::Service;

use super::call::{Call, Cut};
use super::payload::Payload;
use crate::fault::TrafficFault;

/// Cuts calls off.
#[derive(Clone, Debug)]
pub(super) struct CutOff<S>(pub(super) S);

impl<S> Service<Call> for CutOff<S>
where
    S: Service<Call, Response = Response<Payload>, Error = Cut>,
{
    type Response = Response<Payload>;
    type Error = Cut;
    type Future = Either<S::Future, Ready<Result<Response<Payload>, Cut>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let hits = call.hits(|fault| if let TrafficFault::Reset(fault) = fault { Some(fault) } else { None });
        if let Some((hit, reset)) = hits.first() {
            if reset.after.is_none() && reset.after_bytes.is_none() {
                call.conn.cut_now(Some(hit));
                return Either::Right(ready(Err(Cut)));
            }
            let due_ns = reset.after.map(|after| call.began_ns + after.duration().as_nanos() as u64);
            call.conn.cut_later(hit, due_ns, reset.after_bytes.map(|size| size.bytes()));
        }
        Either::Left(self.0.call(call))
    }
}
