//! Forwarding to the upstream: what there would be without faults.

use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::future::LocalBoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::Body;
use hyper::client::conn::http1;
use tower::Service;

use super::call::{Account, Call, Cut};
use super::conn::Conn;
use super::payload::Payload;
use super::socket::Socket;
use crate::engine::dial;
use crate::engine::timer::now_ns;

/// Says on an answer of the proxy's own why the upstream did not answer.
const ERROR_HEADER: &str = "x-firedrill-proxy-error";

/// After so many answers an upstream is known to keep its connections open between requests.
const PROVEN_ANSWERS: u32 = 3;
/// A connection that has waited for longer may be closed at any moment.
const WAITED_NS: u64 = 100_000_000;

/// Forwards calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forward;

impl Service<Call> for Forward {
    type Response = Response<Payload>;
    type Error = Cut;
    type Future = LocalBoxFuture<'static, Result<Response<Payload>, Cut>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        Box::pin(async move {
            let Call { conn, mut request, mut account, .. } = call;
            if wants_other_protocol(&request) {
                let why =
                    "upgrades to another protocol are not carried by an http route; use `protocol: tcp`";
                return Ok(refuse(&conn, account, StatusCode::NOT_IMPLEMENTED, "upgrade", why));
            }
            strip_hop_by_hop(request.headers_mut());
            *request.version_mut() = Version::HTTP_11;
            match send(&conn, request).await {
                Ok(mut response) => {
                    account.answered(response.status());
                    strip_hop_by_hop(response.headers_mut());
                    *response.version_mut() = Version::HTTP_11;
                    Ok(response.map(|body| Payload::incoming(&conn, body).ends(account)))
                }
                Err(why) => Ok(refuse(&conn, account, StatusCode::BAD_GATEWAY, "upstream", &why)),
            }
        })
    }
}

/// An upstream connection between two requests.
#[derive(Debug)]
pub(super) struct Kept {
    sender: http1::SendRequest<Payload>,
    answers: u32,
    since_ns: u64,
}

impl Kept {
    const fn new(sender: http1::SendRequest<Payload>) -> Self {
        Self { sender, answers: 0, since_ns: 0 }
    }

    /// Whether it may be closed just as the next request is on its way: one that has waited, and one whose upstream has
    /// not yet shown that it keeps connections.
    fn may_go_away(&self) -> bool {
        self.answers < PROVEN_ANSWERS || now_ns() > self.since_ns + WAITED_NS
    }

    /// It has answered; it is kept for the next request.
    fn answered(mut self, conn: &Conn) {
        self.answers = self.answers.saturating_add(1);
        self.since_ns = now_ns();
        *conn.kept.borrow_mut() = Some(self);
    }
}

/// Sends on the upstream connection that is there, or on a new one.
async fn send(conn: &Rc<Conn>, request: Request<Payload>) -> Result<Response<hyper::body::Incoming>, String> {
    let mut request = request;
    let kept = conn.kept.borrow_mut().take();
    if let Some(mut kept) = kept
        && kept.sender.ready().await.is_ok()
    {
        // What is safe to send twice and has no body is sent again if the connection goes away, as HTTP allows.
        let spare = (kept.may_go_away() && is_repeatable(&request)).then(|| request_again(conn, &request));
        conn.hand_over();
        match kept.sender.try_send_request(request).await {
            Ok(response) => {
                kept.answered(conn);
                return Ok(response);
            }
            Err(mut error) => match error.take_message().or(spare.filter(|_| went_away(conn, error.error())))
            {
                Some(unsent) => request = unsent,
                None => return Err(failed(conn, error.error())),
            },
        }
    }
    let mut kept = Kept::new(connect(conn).await?);
    conn.hand_over();
    let response = kept.sender.send_request(request).await.map_err(|error| failed(conn, &error))?;
    kept.answered(conn);
    Ok(response)
}

fn is_repeatable(request: &Request<Payload>) -> bool {
    request.method().is_idempotent() && request.body().is_end_stream()
}

/// Whether the connection ended instead of giving an answer, however wrong.
fn went_away(conn: &Conn, error: &hyper::Error) -> bool {
    error.is_incomplete_message() || error.is_canceled() || error.is_closed() || conn.upstream.failed()
}

/// The same request without a body.
fn request_again(conn: &Rc<Conn>, request: &Request<Payload>) -> Request<Payload> {
    let mut again = Request::new(Payload::own(conn, ""));
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.version_mut() = request.version();
    *again.headers_mut() = request.headers().clone();
    *again.extensions_mut() = request.extensions().clone();
    again
}

fn failed(conn: &Conn, error: &hyper::Error) -> String {
    let counts = &conn.accepted.route.counts;
    counts.upstream_failures.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!("it did not answer: {error}")
}

async fn connect(conn: &Rc<Conn>) -> Result<http1::SendRequest<Payload>, String> {
    let dialled = conn.dialled.borrow_mut().take();
    let stream = match dialled {
        Some(stream) => stream,
        None => {
            let dial = dial::dial(&conn.worker, &conn.accepted);
            dial.await.map_err(|error| format!("it cannot be reached: {error}"))?
        }
    };
    let socket = Socket::new(&conn.worker, stream, &conn.upstream, Vec::new());
    let made = http1::Builder::new().preserve_header_case(true).handshake(socket).await;
    let (sender, connection) = made.map_err(|error| failed(conn, &error))?;
    conn.adopt(connection);
    Ok(sender)
}

/// An answer of the proxy itself, which names the route and the upstream.
fn refuse(
    conn: &Rc<Conn>,
    mut account: Account,
    status: StatusCode,
    what: &str,
    why: &str,
) -> Response<Payload> {
    account.answered(status);
    let spec = &conn.accepted.route.spec;
    let body = format!("firedrill proxy, route `{}`, upstream {}: {why}\n", spec.name, spec.leads_to());
    let mut response = Response::new(Payload::own(conn, body).ends(account));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Ok(what) = HeaderValue::from_str(what) {
        headers.insert(ERROR_HEADER, what);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Whether the request asks to leave HTTP/1.1. An offer of HTTP/2 may be declined by saying nothing.
fn wants_other_protocol(request: &Request<Payload>) -> bool {
    let declined = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"h2c");
    request.method() == http::Method::CONNECT
        || request.headers().get(header::UPGRADE).is_some_and(|value| !declined(value))
}

/// Headers that are meant for one connection only, besides those that `connection` names.
static HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// Takes out what is meant for one connection only.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
            .filter(|name| *name != header::TE)
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    // Trailers are carried; no other transfer coding is.
    let Some(value) = headers.remove(header::TE) else { return };
    let named = |part: &[u8]| part.trim_ascii().eq_ignore_ascii_case(b"trailers");
    if value.as_bytes().split(|byte| *byte == b',').any(named) {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}
