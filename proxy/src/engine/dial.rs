//! Dialling the upstream: bounded in time and in number.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;

use tokio::net::TcpStream;

use super::address::Upstream;
use super::route::Route;
use super::timer::{Sleep, now_ns};
use super::worker::Worker;

/// How long a dial may take.
const TIMEOUT_NS: u64 = 10_000_000_000;
/// Dials under way in the whole engine; a stuck upstream must not use up every descriptor.
const PENDING_MAX: u64 = 4_096;

/// A dial under way. Dropping it gives it up.
pub(super) type Dial = Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>;

/// Connects to where the route leads; a failure is counted.
pub(super) fn dial(worker: &Rc<Worker>, route: &Arc<Route>) -> Dial {
    let (worker, route) = (Rc::clone(worker), Arc::clone(route));
    Box::pin(async move {
        let dialled = bounded(&worker, &route).await;
        if dialled.is_err() {
            route.counts.upstream_failures.fetch_add(1, Relaxed);
        }
        dialled
    })
}

async fn bounded(worker: &Worker, route: &Route) -> io::Result<TcpStream> {
    let dials = &worker.table.dials;
    let pending = Pending::new(dials);
    if pending.before >= PENDING_MAX {
        return Err(io::Error::other(format!("{PENDING_MAX} dials are under way already")));
    }
    let mut connect = pin!(connect(&route.upstream));
    let mut timeout = pin!(Sleep::until(&worker.timers, now_ns() + TIMEOUT_NS));
    poll_fn(|cx| {
        if let Poll::Ready(connected) = connect.as_mut().poll(cx) {
            return Poll::Ready(connected);
        }
        timeout.as_mut().poll(cx).map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in 10 s")))
    })
    .await
}

async fn connect(upstream: &Upstream) -> io::Result<TcpStream> {
    let stream = match upstream {
        Upstream::Address(address) => TcpStream::connect(address).await?,
        Upstream::Name { host, port } => TcpStream::connect((host.as_str(), *port)).await?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
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
