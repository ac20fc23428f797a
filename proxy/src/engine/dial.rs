//! Dialling the upstream: bounded in time and in number.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;

use tokio::net::{TcpStream, UnixStream};

use super::accepted::Accepted;
use super::address::Upstream;
use super::ends::Ends;
use super::route::Route;
use super::timer::{Alarm, Sleep, now_ns};
use super::tls;
use super::transparent;
use super::unix;
use super::upstreams::Upstreams;
use super::worker::Worker;
use crate::control::wire::{DIAL_TIMEOUT, Protocol};

/// Dials under way on one route: a stuck upstream must not use up every descriptor, nor the room of other routes.
const PENDING_MAX: u64 = 4_096;
/// How long one address of a name has for itself before the next one is tried beside it (RFC 8305, section 5).
const STAGGER_NS: u64 = 250_000_000;

/// A dial under way. Dropping it gives it up.
pub(super) type Dial = Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>;

/// Connects to where the route leads this connection; a failure is counted.
pub(super) fn dial(worker: &Rc<Worker>, accepted: &Accepted) -> Dial {
    let (worker, route) = (Rc::clone(worker), Arc::clone(&accepted.route));
    let (ordinal, rule, ends) = (accepted.ordinal, accepted.rule, accepted.ends.clone());
    Box::pin(async move {
        let dialled = bounded(&worker, &route, (ordinal, rule), ends.as_deref()).await;
        if dialled.is_err() {
            route.counts.upstream_failures.fetch_add(1, Relaxed);
        }
        dialled
    })
}

async fn bounded(
    worker: &Rc<Worker>,
    route: &Arc<Route>,
    whose: (u64, Option<u8>),
    ends: Option<&Ends>,
) -> io::Result<TcpStream> {
    let dials = &route.counts.dials;
    let pending = Pending::new(dials);
    if pending.before >= PENDING_MAX {
        return Err(io::Error::other(format!("{PENDING_MAX} dials of this route are under way already")));
    }
    let (ordinal, rule) = whose;
    let upstreams = route.upstreams(rule);
    let stream = match ends.filter(|_| route.spec.transparent && rule.is_none()) {
        Some(ends) => in_time(worker, route, transparent::connect(&worker.table, ends)).await?,
        None => in_turn(worker, route, upstreams, ordinal).await?,
    };
    if let Some(version) = route.spec.proxy_protocol.send {
        super::introduction::introduce(&stream, version, ends)?;
    }
    // On a route of HTTP it is part of the connection to the upstream, which knows what it is to speak.
    match route.tls().filter(|_| route.spec.protocol == Protocol::Tcp) {
        Some(tls) => tls::securing(worker, route, &tls, stream).await,
        None => Ok(stream),
    }
}

/// The first upstream that can be reached, beginning with the one whose turn it is.
async fn in_turn(
    worker: &Worker,
    route: &Route,
    upstreams: &Upstreams,
    ordinal: u64,
) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the route has no upstream");
    for n in upstreams.turn(ordinal, now_ns()) {
        match in_time(worker, route, connect(worker, upstreams.place(n))).await {
            Ok(stream) => {
                upstreams.was_reached(n);
                return Ok(stream);
            }
            // It says nothing about the upstream, and the next one would fail in the same way.
            Err(error) if is_our_own(&error) => {
                worker.ran_out_of(&error);
                return Err(error);
            }
            Err(error) => {
                upstreams.was_not_reached(n, now_ns());
                last = error;
            }
        }
    }
    match upstreams.len() {
        0 | 1 => Err(last),
        count => {
            Err(io::Error::new(last.kind(), format!("none of its {count} upstreams; the last one: {last}")))
        }
    }
}

/// What comes of an attempt within the time that the route gives it.
pub(super) async fn in_time<T>(
    worker: &Worker,
    route: &Route,
    attempt: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let limit = route.spec.dial_timeout.unwrap_or(DIAL_TIMEOUT);
    let mut attempt = pin!(attempt);
    let mut timeout = pin!(Sleep::until(&worker.timers, now_ns() + limit.duration().as_nanos() as u64));
    poll_fn(|cx| {
        if let Poll::Ready(connected) = attempt.as_mut().poll(cx) {
            return Poll::Ready(connected);
        }
        let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer in {limit}"));
        timeout.as_mut().poll(cx).map(|()| Err(late()))
    })
    .await
}

async fn connect(worker: &Worker, upstream: &Upstream) -> io::Result<TcpStream> {
    let stream = match upstream {
        Upstream::Unix(path) => return unix::as_stream(UnixStream::connect(path).await?),
        Upstream::Address(address) => TcpStream::connect(address).await?,
        Upstream::Name { host, port } => {
            let found = worker.names.look_up(host).await?;
            race(worker, found.iter().map(|ip| SocketAddr::new(*ip, *port))).await?
        }
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The first of several addresses that answers. Each begins a moment after the one before it, or as soon as that one has
/// failed; those that lose are given up.
async fn race(worker: &Worker, mut addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut under_way: Vec<Dial> = Vec::new();
    let (alarm, mut next_ns) = (Alarm::new(&worker.timers), 0);
    let mut last = io::Error::other("the name has no address");
    poll_fn(|cx| {
        loop {
            let mut n = 0;
            while n < under_way.len() {
                match under_way[n].as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        last = error;
                        next_ns = 0;
                        drop(under_way.remove(n));
                    }
                    Poll::Pending => n += 1,
                }
            }
            let now = now_ns();
            if now < next_ns {
                alarm.set(next_ns, cx);
                return Poll::Pending;
            }
            let Some(address) = addresses.next() else { break };
            under_way.push(Box::pin(TcpStream::connect(address)));
            next_ns = now + STAGGER_NS;
        }
        if under_way.is_empty() {
            return Poll::Ready(Err(std::mem::replace(&mut last, io::ErrorKind::Other.into())));
        }
        Poll::Pending
    })
    .await
}

/// Whether this process or this host has run out of something.
fn is_our_own(error: &io::Error) -> bool {
    use nix::libc::{EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM};
    matches!(error.raw_os_error(), Some(EADDRNOTAVAIL | EMFILE | ENFILE | ENOBUFS | ENOMEM))
}

/// Counted as under way until it is dropped.
struct Pending<'a> {
    dials: &'a AtomicU64,
    before: u64,
}

impl<'a> Pending<'a> {
    fn new(dials: &'a AtomicU64) -> Self {
        Self { dials, before: dials.fetch_add(1, Relaxed) }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.dials.fetch_sub(1, Relaxed);
    }
}
