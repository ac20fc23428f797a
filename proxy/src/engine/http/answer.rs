//! Answers of the proxy's own in the place of the upstream's: `http_error`, `grpc_error`, `http_redirect_loop`.

mod grpc_error;
mod http_error;
mod redirect;

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::future::Either;
use http::{HeaderValue, Method, Response, StatusCode, Uri, header};
use hyper::body::Body;

use super::call::{Account, Call, Cut, Hit};
use super::conn::Conn;
use super::layer::{Answering, Layer, Stack};
use super::payload::Payload;
use super::wire::Deed;
use crate::fault::{TrafficFault, When};

/// Answers calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered;

impl Layer for Answered {
    fn call<S: Stack>(inner: &mut S, mut call: Call) -> Answering<S> {
        let own = |wanted| {
            let of = call.hits.iter().filter(move |hit| when(&hit.armed.spec.fault) == Some(wanted));
            of.filter(|hit| call.conn.stands(hit)).cloned().collect::<Vec<_>>()
        };
        let (before, after) = (own(When::Before).into_iter().next(), own(When::After));
        if before.is_none() && after.is_empty() {
            return Either::Left(inner.call(call));
        }
        let (conn, asked) = (Rc::clone(&call.conn), Asked::of(&call));
        if let Some(hit) = before {
            return Either::Right(Box::pin(async move {
                read_out(&mut call).await;
                Ok(answer(&conn, hit, &asked, call.account))
            }));
        }
        let theirs = inner.call(call);
        Either::Right(Box::pin(async move {
            let theirs = theirs.await?;
            if theirs.status() == StatusCode::SWITCHING_PROTOCOLS {
                // What has become a stream of bytes has no answer that could be thrown away.
                return Ok(theirs);
            }
            // Several only where the status of an answer shows which of them is meant.
            let Some(hit) = after.into_iter().find(|hit| conn.means(hit)) else { return Ok(theirs) };
            match thrown_away(theirs.into_body()).await {
                Some(account) => Ok(answer(&conn, hit, &asked, account)),
                // Every answer has its account; without one there is nobody to answer.
                None => Err(Cut),
            }
        }))
    }
}

/// When a fault answers; nothing when it does not.
const fn when(fault: &TrafficFault) -> Option<When> {
    match fault {
        TrafficFault::HttpError(fault) => Some(fault.when),
        TrafficFault::GrpcError(fault) => Some(fault.when),
        TrafficFault::HttpRedirectLoop(_) => Some(When::Before),
        _ => None,
    }
}

/// What of a request its answer depends on.
struct Asked {
    method: Method,
    uri: Uri,
    content_type: Option<HeaderValue>,
}

impl Asked {
    fn of(call: &Call) -> Self {
        Self {
            method: call.request.method().clone(),
            uri: call.request.uri().clone(),
            content_type: call.request.headers().get(header::CONTENT_TYPE).cloned(),
        }
    }
}

/// Reads a request to its end, so that the connection can be used again; a client that waits to be told to send is told
/// the answer instead. On HTTP/2 only its stream would be unused: there the end is not waited for, because a call may go
/// on sending until it is answered.
pub(super) async fn read_out(call: &mut Call) {
    if call.request.headers().contains_key(header::EXPECT) {
        return;
    }
    if call.conn.is_many() {
        return skim(call.request.body_mut()).await;
    }
    let mut body = Pin::new(call.request.body_mut());
    while let Some(Ok(_)) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {}
}

/// Throws an answer away. What of it has come already is read, so that its connection can most often be used again; what
/// has not is not waited for.
pub(super) async fn thrown_away(mut body: Payload) -> Option<Account> {
    skim(&mut body).await;
    body.take_account()
}

async fn skim(body: &mut Payload) {
    poll_fn(|cx| {
        body.skim(cx);
        Poll::Ready(())
    })
    .await;
}

fn answer(conn: &Rc<Conn>, hit: Hit, asked: &Asked, mut account: Account) -> Response<Payload> {
    let mut own = match &hit.armed.spec.fault {
        TrafficFault::GrpcError(fault) => grpc_error::answer(fault, asked.content_type.as_ref()),
        TrafficFault::HttpRedirectLoop(fault) => redirect::answer(fault, &asked.uri),
        TrafficFault::HttpError(fault) => http_error::answer(fault),
        // Nobody else answers.
        _ => Response::new(Bytes::new()),
    };
    account.answered(own.status());
    account.forget();
    account.when_told(Deed::Done(hit));
    if asked.method == Method::HEAD || has_no_body(own.status()) {
        let length = std::mem::take(own.body_mut()).len();
        if asked.method == Method::HEAD && !has_no_body(own.status()) {
            own.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
    }
    own.map(|body| Payload::own(conn, body).ends(account))
}

/// Whether answers with this status never have a body.
pub(super) fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED
}
