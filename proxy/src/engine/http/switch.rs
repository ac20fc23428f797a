//! Leaving HTTP/1 for another protocol, as a request asked and the upstream agreed: hyper gives both sockets back, and
//! from then on they are a connection of plain bytes.

use std::rc::Rc;

use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header};
use tokio::task::spawn_local;

use super::call::{Account, Call, Hit};
use super::conn::Conn;
use super::io::Io;
use super::payload::Payload;
use crate::engine::plain::{Begun, Plain};
use crate::engine::relay::Faults;
use crate::engine::switched::{Decided, Switched};
use crate::engine::timer::now_ns;
use crate::engine::worker::Burden;

/// What a request asks for.
#[derive(Debug)]
pub(super) struct Wanted {
    protocol: HeaderValue,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

/// What the upstream has agreed to. The request is over, and counted, when the bytes that follow it are.
#[derive(Debug)]
pub(super) struct Agreed {
    wanted: Wanted,
    hits: Vec<Hit>,
    ordinal: u64,
    began_ns: u64,
    account: Account,
}

impl Wanted {
    /// What the request asks for, if it does. An offer of HTTP/2 is declined by saying nothing.
    pub(super) fn by(call: &Call) -> Option<Self> {
        let headers = call.request.headers();
        let protocol = headers.get(header::UPGRADE)?;
        let named = |value: &HeaderValue| {
            value.as_bytes().split(|byte| *byte == b',').any(|name| is(name, b"upgrade"))
        };
        let asks = headers.get_all(header::CONNECTION).iter().any(named) && !is(protocol.as_bytes(), b"h2c");
        if !asks || call.request.version() != Version::HTTP_11 {
            return None;
        }
        // Faults that come later look for what the client has sent, also for what the upstream does not get.
        let mut all = headers.clone();
        all.extend(call.opt_ins.iter().map(|(name, value)| (name.clone(), value.clone())));
        Some(Self {
            protocol: protocol.clone(),
            method: call.request.method().clone(),
            uri: call.request.uri().clone(),
            headers: all,
        })
    }

    /// Puts back what is for one connection only, and here for the next one too.
    pub(super) fn ask(&self, request: &mut Request<Payload>) {
        offer(request.headers_mut(), self.protocol.clone());
    }

    /// The upstream has agreed.
    pub(super) fn agreed(self, hits: Vec<Hit>, ordinal: u64, began_ns: u64, account: Account) -> Agreed {
        Agreed { wanted: self, hits, ordinal, began_ns, account }
    }
}

/// Names the protocol that follows.
pub(super) fn offer(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol);
}

fn is(text: &[u8], word: &[u8]) -> bool {
    text.trim_ascii().eq_ignore_ascii_case(word)
}

/// Goes on with the two sides of a connection as plain bytes. `read` was read from the client and belongs to what
/// follows.
pub(super) async fn go_on(worker: Burden, conn: &Rc<Conn>, client: Io, read: &[u8]) {
    let (Some(agreed), Some(upstream)) = (conn.agreed.take(), conn.lane.take_switched()) else { return };
    let answer = upstream.read_buf;
    let edge = &conn.client.edge;
    // What was read ahead is still to pass, and will be counted then.
    let passed = edge.passed_but(read.len() as u64);
    conn.client.unread(read.len() as u64);
    // From here on the relay sees to what acts. Below TLS the sockets stay as they are, and nobody would wake one that is
    // kept back.
    let acting = edge.take_acting();
    conn.let_pass();
    let (Some((client, unread)), Some((upstream, unread_answer))) =
        (client.into_stream(conn).await, upstream.io.into_stream(conn).await)
    else {
        return;
    };
    let Agreed { wanted, hits, ordinal, began_ns, mut account } = agreed;
    let accepted = conn.accepted.again();
    let switched = Switched {
        method: wanted.method,
        uri: wanted.uri,
        headers: wanted.headers,
        ordinal,
        began_ns,
        touched: account.goes_on(),
        passed,
    };
    drop(account);
    let decided: Vec<Decided> = hits.iter().map(Hit::decided).collect();
    let snapshot = accepted.route.faults();
    let acts = switched.acts(&snapshot, accepted.client, &decided, now_ns());
    let faults = Faults::switched(accepted, acting.go_on(acts), switched);
    let client = Begun { stream: client, read: [read, &unread].concat() };
    let upstream = Begun { stream: upstream, read: [&answer[..], &unread_answer].concat() };
    spawn_local(Plain::switched(worker, client, upstream, faults));
}
