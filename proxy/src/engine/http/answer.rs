//! `http_error`: the proxy answers, the upstream never sees the request.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::{Either, LocalBoxFuture};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use hyper::body::Body;
use tower::Service;

use super::call::{Call, Cut};
use super::payload::Payload;
use super::wire::Deed;
use crate::fault::{HttpError, TrafficFault};

/// Answers calls.
#[derive(Clone, Debug)]
pub(super) struct Answered<S>(pub(super) S);

impl<S> Service<Call> for Answered<S>
where
    S: Service<Call, Response = Response<Payload>, Error = Cut>,
{
    type Response = Response<Payload>;
    type Error = Cut;
    type Future = Either<S::Future, LocalBoxFuture<'static, Result<Response<Payload>, Cut>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut call: Call) -> Self::Future {
        let hits =
            call.hits(|fault| if let TrafficFault::HttpError(fault) = fault { Some(fault) } else { None });
        let Some((hit, fault)) = hits.into_iter().next() else { return Either::Left(self.0.call(call)) };
        Either::Right(Box::pin(async move {
            // Read to its end, so that the connection can be used again; a client that waits to be told to send is
            // told the answer instead.
            if !call.request.headers().contains_key(header::EXPECT) {
                let mut body = Pin::new(call.request.body_mut());
                while let Some(Ok(_)) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {}
            }
            call.conn.client.when_bytes_leave(Deed::Answered(hit));
            Ok(answer(call, &fault))
        }))
    }
}

fn answer(mut call: Call, fault: &HttpError) -> Response<Payload> {
    // The parameters were checked when the fault was armed; what cannot be is left out.
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    call.account.answered(status);
    let body = fault.body.clone().unwrap_or_default();
    let mut response = Response::new(Payload::own(&call.conn, body).ends(call.account));
    *response.status_mut() = status;
    for (name, value) in &fault.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            response.headers_mut().append(name, value);
        }
    }
    if let Some(seconds) = fault.retry_after_seconds() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
