//! The life of a connection from being accepted to being told apart.
//!
//! A task is as large as the largest thing it ever holds, and most connections spend their lives waiting. So what comes
//! before plain bytes flow (dialling, sniffing) is one task, and the flow is another, small one.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::act::Mark;
use super::closing;
use super::dial::{self, Dial};
use super::ends::Ends;
use super::gates::Fate;
use super::http;
use super::introduction;
use super::relay::{Faults, Relay};
use super::route::Route;
use super::sniff::{self, Kind};
use super::timer::{Alarm, now_ns};
use super::worker::{Burden, Worker};
use crate::control::wire::Protocol;

/// A connection that a client has made. It counts as open until this is dropped.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) route: Arc<Route>,
    /// Which connection of the route it is, from 0.
    pub(super) ordinal: u64,
    pub(super) client: IpAddr,
    /// Between which addresses it is, when its route needs to know.
    pub(super) ends: Option<Arc<Ends>>,
    pub(super) at_ns: u64,
    /// The socket while it moves between threads.
    pub(super) stream: Option<std::net::TcpStream>,
}

impl Accepted {
    pub(super) fn new(route: &Arc<Route>, ordinal: u64, client: IpAddr, at_ns: u64) -> Self {
        route.counts.connections_open.fetch_add(1, Relaxed);
        route.all_open.fetch_add(1, Relaxed);
        Self { route: Arc::clone(route), ordinal, client, ends: None, at_ns, stream: None }
    }
}

impl Drop for Accepted {
    fn drop(&mut self) {
        self.route.counts.connections_open.fetch_sub(1, Relaxed);
        self.route.all_open.fetch_sub(1, Relaxed);
    }
}

/// Takes over a socket that another thread accepted.
pub(super) fn start(worker: &Rc<Worker>, mut accepted: Accepted) {
    match accepted.stream.take().map(TcpStream::from_std) {
        Some(Ok(stream)) => start_here(worker, stream, accepted),
        Some(Err(error)) => {
            tracing::debug!(%error, "taking over a socket");
            drop(Burden::taken_over(worker));
        }
        None => drop(Burden::taken_over(worker)),
    }
}

/// Serves a socket that is registered with this thread already.
pub(super) fn start_here(worker: &Rc<Worker>, client: TcpStream, accepted: Accepted) {
    let worker = Burden::taken_over(worker);
    if accepted.route.spec.proxy_protocol.accept {
        spawn_local(introduced_first(worker, client, accepted));
    } else {
        serve(worker, client, accepted);
    }
}

/// Lets the client say who it is before anything else.
async fn introduced_first(worker: Burden, mut client: TcpStream, mut accepted: Accepted) {
    if introduction::introduced(&worker, &mut client, &mut accepted).await {
        serve(worker, client, accepted);
    }
}

fn serve(worker: Burden, client: TcpStream, accepted: Accepted) {
    match accepted.route.spec.protocol {
        Protocol::Tcp => {
            let dial = dial::dial(&worker, &accepted);
            spawn_local(tcp(worker, client, accepted, Upstream::Dialling(dial), Vec::new()));
        }
        Protocol::Http => {
            spawn_local(async move { http::serve(&worker, client, accepted, Vec::new(), None).await });
        }
        Protocol::Auto => {
            spawn_local(auto(worker, client, accepted));
        }
    }
}

/// Dials at once and watches who speaks first.
async fn auto(worker: Burden, mut client: TcpStream, accepted: Accepted) {
    let mut dial = dial::dial(&worker, &accepted);
    let Some(found) = sniff::sniff(&worker, &accepted.route, &mut client, &mut dial).await else { return };
    match (found.kind, found.dialled) {
        (Kind::Http, dialled) => {
            // A dial under way is given up: it is made again when a request is to be forwarded.
            drop(dial);
            let upstream = dialled.and_then(Result::ok);
            http::serve(&worker, client, accepted, found.prefix, upstream).await;
        }
        (Kind::Tcp, Some(dialled)) => {
            tcp(worker, client, accepted, Upstream::Dialled(dialled), found.prefix).await;
        }
        (Kind::Tcp, None) => tcp(worker, client, accepted, Upstream::Dialling(dial), found.prefix).await,
    }
}

enum Upstream {
    Dialling(Dial),
    Dialled(io::Result<TcpStream>),
}

/// Plain bytes. Faults act already while the upstream is being dialled.
async fn tcp(worker: Burden, mut client: TcpStream, accepted: Accepted, upstream: Upstream, prefix: Vec<u8>) {
    let mut faults = Faults::new(accepted);
    let dialled = match upstream {
        Upstream::Dialled(dialled) => Some(dialled),
        Upstream::Dialling(mut dial) => until_dialled(&worker, &mut faults, &mut dial).await,
    };
    match dialled {
        Some(Ok(upstream)) => {
            spawn_local(Relay::new(worker, faults, client, upstream, &prefix));
        }
        Some(Err(error)) => {
            tracing::debug!(route = faults.accepted.route.spec.name, %error, "no upstream");
            reset(&client);
            faults.ended_early();
        }
        // A fault has ended it, or the route is gone.
        None => {
            if let Some(due) = faults.due().filter(|_| !faults.accepted.route.is_closed()) {
                let mark = faults.acting.mark(due.act);
                match due.fate {
                    Fate::Reset => {
                        reset(&client);
                        mark.iter().for_each(Mark::hit);
                    }
                    Fate::Close => closing::close(&worker, &mut client, mark).await,
                }
            }
            faults.ended_early();
        }
    }
}

/// The end of the dial; nothing when a fault or the end of the route came first.
async fn until_dialled(
    worker: &Rc<Worker>,
    faults: &mut Faults,
    dial: &mut Dial,
) -> Option<io::Result<TcpStream>> {
    let alarm = Alarm::new(&worker.timers);
    let mut watch = None;
    poll_fn(|cx| {
        watch.get_or_insert_with(|| worker.watch(&faults.accepted.route, cx.waker().clone()));
        faults.refresh([0; 2]);
        let due = faults.due().map(|due| due.at_ns);
        if faults.accepted.route.is_closed() || due.is_some_and(|due| due <= now_ns()) {
            return Poll::Ready(None);
        }
        if let Some(due) = due {
            alarm.set(due, cx);
        }
        dial.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Makes closing the socket a reset.
pub(super) fn reset(socket: &TcpStream) {
    if let Err(error) = socket.set_zero_linger() {
        tracing::debug!(%error, "resetting");
    }
}
