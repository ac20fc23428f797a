//! Forwarding to the upstream: what there would be without faults.

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use futures_util::future::LocalBoxFuture;
use http::{HeaderValue, Method, Response, StatusCode, Version, header};
use tokio::net::TcpStream;
use tower::Service;

use super::call::{Account, Call, Cut};
use super::conn::Conn;
use super::expect::Expect;
use super::headers::{strip_hop_by_hop, to_http1};
use super::io::{Io, Spoken};
use super::payload::Payload;
use super::socket::Socket;
use super::switch::{self, Wanted};
use super::wire::Wire;
use super::{lane, many, secure};
use crate::engine::{dial, tls};

/// Says on an answer of the proxy's own why the upstream did not answer.
const ERROR_HEADER: &str = "x-firedrill-proxy-error";

/// Why CONNECT is refused.
pub(super) const NO_CONNECT: &str =
    "CONNECT is for forward proxies; this is a reverse proxy, which leads to its upstream only";

/// An answer of the proxy's own, in the place of one of the upstream.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnAnswer;

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
        if call.conn.is_many() {
            return Box::pin(many::forward(call));
        }
        Box::pin(forward(call))
    }
}

async fn forward(call: Call) -> Result<Response<Payload>, Cut> {
    let wanted = Wanted::by(&call);
    let Call { conn, mut request, mut account, mut when_sent, hits, ordinal, began_ns, .. } = call;
    if request.method() == Method::CONNECT {
        return Ok(refuse(&conn, account, StatusCode::NOT_IMPLEMENTED, "connect", NO_CONNECT));
    }
    strip_hop_by_hop(request.headers_mut());
    to_http1(&mut request, &conn.accepted.route.spec);
    if let Some(wanted) = &wanted {
        wanted.ask(&mut request);
    }
    let request = Expect::fit(&conn, request);
    conn.lane.may_switch(wanted.is_some());
    when_sent.leaves_on(&conn.lane.wire);
    let mut response = match lane::send(&conn, &conn.lane, request).await {
        Ok(response) => response,
        Err(why) => return Ok(refuse(&conn, account, StatusCode::BAD_GATEWAY, "upstream", &why)),
    };
    account.answered(response.status());
    *response.version_mut() = Version::HTTP_11;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let protocol = response.headers().get(header::UPGRADE).cloned();
        let (Some(wanted), Some(protocol)) = (wanted, protocol) else {
            let why = "it switched to another protocol that nobody asked for";
            return Ok(refuse(&conn, account, StatusCode::BAD_GATEWAY, "upstream", why));
        };
        strip_hop_by_hop(response.headers_mut());
        switch::offer(response.headers_mut(), protocol);
        *conn.agreed.borrow_mut() = Some(wanted.agreed(hits, ordinal, began_ns, account));
        return Ok(response.map(|_| Payload::own(&conn, "")));
    }
    conn.lane.may_switch(false);
    strip_hop_by_hop(response.headers_mut());
    Ok(response.map(|body| Payload::incoming(&conn, body).ends(account)))
}

/// Counts that the upstream failed, and says how.
pub(super) fn failed(conn: &Conn, error: &hyper::Error) -> String {
    conn.accepted.route.counts.upstream_failures.fetch_add(1, Relaxed);
    tls::words(error).unwrap_or_else(|| format!("it did not answer: {error}"))
}

/// A new connection to the upstream, unless one is dialled already, and which HTTP is spoken on it: what is wanted, if
/// the upstream leaves the choice.
pub(super) async fn reach(
    conn: &Conn,
    dialled: Option<TcpStream>,
    wire: &Rc<Wire>,
    wanted: Spoken,
) -> Result<(Io, Spoken), String> {
    let stream = match dialled {
        Some(stream) => stream,
        None => {
            let dial = dial::dial(&conn.worker, &conn.accepted);
            dial.await.map_err(|error| format!("it cannot be reached: {error}"))?
        }
    };
    let socket = Socket::new(&conn.worker, stream, wire, Vec::new());
    let Some(tls) = conn.accepted.route.tls() else { return Ok((Io::from(socket), wanted)) };
    // In a box: a connection without TLS is not to be as large as a handshake.
    Box::pin(secure::connect(conn, &tls, socket, wanted)).await.map_err(|error| {
        conn.accepted.route.counts.upstream_failures.fetch_add(1, Relaxed);
        error.to_string()
    })
}

/// An answer of the proxy itself, which names the route and the upstream.
pub(super) fn refuse(
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
    response.extensions_mut().insert(OwnAnswer);
    let headers = response.headers_mut();
    if let Ok(what) = HeaderValue::from_str(what) {
        headers.insert(ERROR_HEADER, what);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
