//! Forwarding the calls of a client that speaks HTTP/2, in the version that its upstream speaks.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use http::uri::Scheme;
use http::{Method, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http2;
use hyper::rt::Executor;

use super::call::{Call, Cut};
use super::conn::Conn;
use super::crew::Hands;
use super::forward::{NO_CONNECT, failed, reach, refuse};
use super::headers::{strip_hop_by_hop, to_http1, to_http2};
use super::http2::{CONNECTION_WINDOW, HEADERS_MAX, NoAnswer, SEND_BUFFER, STREAM_WINDOW};
use super::io::{Io, Spoken};
use super::lane::{self, Lane, request_again};
use super::payload::Payload;
use super::wire::{Unsent, Wire};
use crate::engine::dial;

/// How often a request that the upstream has not looked at is sent again.
const ATTEMPTS: u32 = 3;
/// Connections of HTTP/1 kept between calls.
const LANES_KEPT: usize = 8;

/// The upstream of a client connection that speaks HTTP/2.
#[derive(Debug, Default)]
pub(super) struct Upstream {
    trunk: tokio::sync::Mutex<Option<Way>>,
    lanes: RefCell<Vec<Rc<Lane>>>,
    /// It has spoken HTTP/2 on this client connection.
    knows_http2: Cell<bool>,
    /// How many attempts to find a way came to nothing that stays,
    attempts: Cell<u64>,
    /// and what came of the last one, for those who waited for it.
    outcome: RefCell<Option<Result<Way, String>>>,
}

/// How the upstream is spoken to.
#[derive(Clone, Debug)]
enum Way {
    /// One connection carries all calls; it is made anew when it has gone away.
    Trunk(Trunk),
    /// It speaks HTTP/1 only: each call takes a connection for itself.
    Lanes,
}

#[derive(Clone, Debug)]
struct Trunk {
    sender: http2::SendRequest<Payload>,
    wire: Rc<Wire>,
}

/// A connection of HTTP/1 that a call has for itself, until its answer is complete.
#[derive(Debug)]
pub(super) struct Loan {
    conn: Rc<Conn>,
    lane: Rc<Lane>,
}

impl Drop for Loan {
    fn drop(&mut self) {
        let mut lanes = self.conn.upstream.lanes.borrow_mut();
        if lanes.len() < LANES_KEPT {
            lanes.push(Rc::clone(&self.lane));
        }
    }
}

/// What came of sending a request.
enum Sent {
    Answered(Response<Incoming>, Option<Loan>),
    /// The upstream has reset the stream, or left without having looked at it.
    Reset(NoAnswer),
    Failed(String),
}

/// Forwards a call.
pub(super) async fn forward(call: Call) -> Result<Response<Payload>, Cut> {
    let Call { conn, mut request, mut account, when_sent, fate, .. } = call;
    if request.method() == Method::CONNECT {
        return Ok(refuse(&conn, account, StatusCode::NOT_IMPLEMENTED, "connect", NO_CONNECT));
    }
    strip_hop_by_hop(request.headers_mut());
    match send(&conn, request, when_sent).await {
        Sent::Answered(mut response, loan) => {
            account.answered(response.status());
            strip_hop_by_hop(response.headers_mut());
            *response.version_mut() = Version::HTTP_2;
            Ok(response.map(|body| Payload::incoming(&conn, body).ends(account).on_loan(loan)))
        }
        Sent::Reset(why) => {
            if let Some(fate) = fate {
                fate.is(why);
            }
            Err(Cut)
        }
        Sent::Failed(why) => Ok(refuse(&conn, account, StatusCode::BAD_GATEWAY, "upstream", &why)),
    }
}

async fn send(conn: &Rc<Conn>, mut request: http::Request<Payload>, mut when_sent: Unsent) -> Sent {
    for attempt in 1.. {
        let mut trunk = match way(conn).await {
            Ok(Way::Trunk(trunk)) => trunk,
            Ok(Way::Lanes) => return send_alone(conn, request, when_sent).await,
            Err(why) => return Sent::Failed(why),
        };
        if let Err(error) = trunk.sender.ready().await {
            leave(conn, &trunk).await;
            if attempt < ATTEMPTS {
                continue;
            }
            return Sent::Failed(failed(conn, &error));
        }
        if !to_http2(&mut request, scheme(conn)) {
            return Sent::Failed("the request names no host".into());
        }
        let spare = request.body().is_end_stream().then(|| request_again(conn, &request));
        when_sent.leaves_on(&trunk.wire);
        let mut error = match trunk.sender.try_send_request(request).await {
            Ok(response) => return Sent::Answered(response, None),
            Err(error) => error,
        };
        let verdict = Verdict::of(error.error());
        if verdict == Verdict::GoingAway {
            leave(conn, &trunk).await;
        }
        let idempotent = spare.as_ref().is_some_and(|spare| spare.method().is_idempotent());
        let may = match verdict {
            Verdict::NotLookedAt | Verdict::GoingAway => true,
            Verdict::Reset => false,
            Verdict::Lost => idempotent,
        };
        match error.take_message().or(spare.filter(|_| may)) {
            Some(again) if attempt < ATTEMPTS => request = again,
            _ if verdict == Verdict::Lost => return Sent::Failed(failed(conn, error.error())),
            // Its own reason is why it leaves, which may be none.
            _ if verdict == Verdict::GoingAway => {
                return Sent::Reset(NoAnswer::NotLookedAt(h2::Reason::REFUSED_STREAM.into()));
            }
            _ => return Sent::Reset(NoAnswer::Upstream(error.into_error())),
        }
    }
    Sent::Failed("it did not answer".into())
}

/// What the requests on an upstream connection say of it.
fn scheme(conn: &Conn) -> &'static Scheme {
    static HTTP: Scheme = Scheme::HTTP;
    static HTTPS: Scheme = Scheme::HTTPS;
    let tls = conn.accepted.route.spec.tls.as_ref();
    if tls.is_some_and(|tls| tls.upstream.is_some()) { &HTTPS } else { &HTTP }
}

/// What an error on a stream says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The upstream has not looked at the request (RFC 9113, section 8.7).
    NotLookedAt,
    /// The same, and it takes no further requests on this connection.
    GoingAway,
    Reset,
    /// The connection has ended.
    Lost,
}

impl Verdict {
    fn of(error: &hyper::Error) -> Self {
        let Some(error) = error.source().and_then(|source| source.downcast_ref::<h2::Error>()) else {
            return Self::Lost;
        };
        match error.reason() {
            Some(h2::Reason::REFUSED_STREAM) if error.is_reset() => Self::NotLookedAt,
            Some(_) if error.is_reset() => Self::Reset,
            Some(_) if error.is_go_away() && error.is_remote() => Self::GoingAway,
            _ => Self::Lost,
        }
    }
}

/// How to go: on the connection that is there, or on a new one. Whoever comes while it is being made waits for it, and
/// has what comes of it.
async fn way(conn: &Rc<Conn>) -> Result<Way, String> {
    let upstream = &conn.upstream;
    let before = upstream.attempts.get();
    let mut there = upstream.trunk.lock().await;
    match &*there {
        Some(Way::Trunk(trunk)) if trunk.sender.is_closed() => *there = None,
        Some(way) => return Ok(way.clone()),
        None => {}
    }
    if upstream.attempts.get() != before
        && let Some(outcome) = &*upstream.outcome.borrow()
    {
        return outcome.clone();
    }
    let found = find(conn).await;
    if let Ok(Some(way)) = found {
        *there = Some(way.clone());
        return Ok(way);
    }
    // An upstream that hung up on HTTP/2 may speak HTTP/1, and is asked; its answer tells.
    let outcome = found.map(|_| Way::Lanes);
    upstream.attempts.set(before + 1);
    *upstream.outcome.borrow_mut() = Some(outcome.clone());
    outcome
}

/// Finds out how to go; nothing when the upstream hung up before it said what it speaks.
async fn find(conn: &Rc<Conn>) -> Result<Option<Way>, String> {
    let wire = conn.new_upstream();
    let dialled = conn.lane.dialled.borrow_mut().take();
    let (io, spoken) = reach(conn, dialled, &wire, Spoken::Http2).await?;
    if spoken == Spoken::Http1 {
        let lane = Rc::new(Lane::on(wire));
        lane.open(conn, io).await?;
        lane.ready().await;
        conn.upstream.lanes.borrow_mut().push(lane);
        return Ok(Some(Way::Lanes));
    }
    // In TLS it was agreed on; without, the first bytes of the upstream tell.
    let first = matches!(io, Io::Plain(_)).then(|| wire.listen());
    let trunk = open(conn, io, wire).await?;
    let Some(first) = first else { return Ok(Some(Way::Trunk(trunk))) };
    let first = async { Ok(first.await.unwrap_or(Spoken::Unknown)) };
    match dial::in_time(&conn.worker, &conn.accepted.route, first).await {
        Ok(Spoken::Http1) => return Ok(Some(Way::Lanes)),
        Ok(Spoken::Unknown) if !conn.upstream.knows_http2.get() => return Ok(None),
        Ok(Spoken::Unknown) => {
            conn.accepted.route.counts.upstream_failures.fetch_add(1, Relaxed);
            return Err("it closed the connection before it spoke".to_owned());
        }
        Ok(Spoken::Http2) => conn.upstream.knows_http2.set(true),
        // It may be stopped, and go on: then so does what waits for it.
        Err(_) => {}
    }
    Ok(Some(Way::Trunk(trunk)))
}

/// The next call is to have a new connection: this one takes no more.
async fn leave(conn: &Conn, gone: &Trunk) {
    let mut there = conn.upstream.trunk.lock().await;
    if matches!(&*there, Some(Way::Trunk(trunk)) if Rc::ptr_eq(&trunk.wire, &gone.wire)) {
        *there = None;
    }
}

async fn open(conn: &Conn, io: Io, wire: Rc<Wire>) -> Result<Trunk, String> {
    let hands = Hands(Rc::clone(&conn.crew));
    let made = http2::Builder::new(hands.clone())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEADERS_MAX)
        .max_send_buf_size(SEND_BUFFER)
        .handshake(io)
        .await;
    let (sender, connection) = made.map_err(|error| failed(conn, &error))?;
    let ended = Rc::clone(&wire);
    hands.execute(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "an upstream connection ended");
        }
        ended.heard(&[]);
    });
    Ok(Trunk { sender, wire })
}

/// Sends on a connection of HTTP/1 that nobody else uses meanwhile.
async fn send_alone(conn: &Rc<Conn>, mut request: http::Request<Payload>, mut when_sent: Unsent) -> Sent {
    to_http1(&mut request, &conn.accepted.route.spec);
    let lane = free_lane(conn).unwrap_or_else(|| Rc::new(Lane::on(conn.new_upstream())));
    when_sent.leaves_on(&lane.wire);
    match lane::send(conn, &lane, request).await {
        Ok(response) => {
            remember_lanes(conn);
            Sent::Answered(response, Some(Loan { conn: Rc::clone(conn), lane }))
        }
        Err(why) => Sent::Failed(why),
    }
}

/// The connection that was used last of those on which nothing is under way any more.
fn free_lane(conn: &Conn) -> Option<Rc<Lane>> {
    let mut lanes = conn.upstream.lanes.borrow_mut();
    lanes.retain(|lane| lane.is_open());
    let last = lanes.iter().rposition(|lane| lane.is_free())?;
    Some(lanes.remove(last))
}

/// The upstream has answered in HTTP/1: it is not asked for HTTP/2 again.
fn remember_lanes(conn: &Conn) {
    if !conn.upstream.knows_http2.get()
        && let Ok(mut there) = conn.upstream.trunk.try_lock()
        && there.is_none()
    {
        *there = Some(Way::Lanes);
    }
}
