//! The PROXY protocol on sockets: who the client is comes first, in from the client's side and out to the upstream.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::accepted::Accepted;
use super::ends::Ends;
use super::kernel;
use super::timer::{Alarm, now_ns};
use super::worker::Worker;
use crate::control::wire::ProxyVersion;
use crate::proxy_protocol::{self, Header, Read};

/// How long a client may take to introduce itself.
const WITHIN_NS: u64 = 5_000_000_000;
/// How much is looked at in one go.
const GLANCE: usize = 512;

/// Reads the header and no byte more, and lets the connection be from whom it names. False when it is over instead; it
/// has then been reset and counted.
pub(super) async fn introduced(worker: &Rc<Worker>, client: &mut TcpStream, accepted: &mut Accepted) -> bool {
    let alarm = Alarm::new(&worker.timers);
    let due_ns = now_ns() + WITHIN_NS;
    let (mut seen, mut watch) = (Vec::new(), None);
    let route = Arc::clone(&accepted.route);
    let introduced = poll_fn(|cx| {
        watch.get_or_insert_with(|| worker.watch(&route, cx.waker().clone()));
        if route.is_closed() {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        }
        if let Poll::Ready(read) = read(client, &mut seen, cx) {
            return Poll::Ready(read);
        }
        if now_ns() >= due_ns {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "no whole PROXY header in 5 s")));
        }
        alarm.set(due_ns, cx);
        Poll::Pending
    })
    .await;
    match introduced {
        Ok(header) => {
            if let Some((source, destination)) = header.ends {
                accepted.client = source.ip();
                accepted.ends = Some(Arc::new(Ends::new(source, destination)));
            }
            true
        }
        Err(error) => {
            if !route.is_closed() {
                tracing::debug!(route = route.spec.name, %error, "a client did not introduce itself");
                route.counts.unintroduced.fetch_add(1, Relaxed);
            }
            kernel::reset(client);
            false
        }
    }
}

/// Looks at what has come and takes the part of it that belongs to the header.
fn read(client: &mut TcpStream, seen: &mut Vec<u8>, cx: &mut Context<'_>) -> Poll<io::Result<Header>> {
    loop {
        let before = seen.len();
        let mut glance = [0; GLANCE];
        let mut room = ReadBuf::new(&mut glance);
        let Poll::Ready(peeked) = client.poll_peek(cx, &mut room) else { return Poll::Pending };
        if peeked? == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        seen.extend_from_slice(room.filled());
        let read = proxy_protocol::read(seen).map_err(io::Error::other)?;
        // All of an unfinished header is its own, so that nothing of what follows is ever taken.
        let own = match read {
            Read::Header(header) => header.length,
            Read::Partial => seen.len(),
        };
        take(client, own - before, cx)?;
        seen.truncate(own);
        if let Read::Header(header) = read {
            return Poll::Ready(Ok(header));
        }
    }
}

/// Reads so many bytes, which were seen there.
fn take(client: &mut TcpStream, mut bytes: usize, cx: &mut Context<'_>) -> io::Result<()> {
    let mut taken = [0; GLANCE];
    while bytes > 0 {
        let mut room = ReadBuf::new(&mut taken[..bytes.min(GLANCE)]);
        match Pin::new(&mut *client).poll_read(cx, &mut room) {
            Poll::Ready(Ok(())) if !room.filled().is_empty() => bytes -= room.filled().len(),
            Poll::Ready(Err(error)) => return Err(error),
            // What was seen a moment ago is gone: the connection was reset meanwhile.
            Poll::Ready(Ok(())) | Poll::Pending => return Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
    Ok(())
}

/// Says to the upstream who the client is, before anything else.
pub(super) fn introduce(upstream: &TcpStream, version: ProxyVersion, ends: Option<&Ends>) -> io::Result<()> {
    let known = ends.map(|ends| (ends.client, ends.server));
    // A client on a Unix socket has no port, and so no address that the upstream could use.
    let known = known.filter(|(client, server)| client.port() != 0 && server.port() != 0);
    let header = proxy_protocol::write(version, known);
    // The send buffer of a new connection has room for it.
    let sent = socket2::SockRef::from(upstream).send(&header)?;
    if sent == header.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}
