//! The life of a connection from being accepted to being told apart.
//!
//! Sniffing is a task of its own: what follows it is larger or smaller, and lives longer.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::dial;
use super::ends::Ends;
use super::http;
use super::introduction;
use super::plain::{Plain, Upstream};
use super::route::Route;
use super::sniff::{self, Kind};
use super::tls;
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
    /// Which rule of its route says where it leads; nothing when the route itself does.
    pub(super) rule: Option<u8>,
    /// The socket while it moves between threads.
    pub(super) stream: Option<std::net::TcpStream>,
}

impl Accepted {
    pub(super) fn new(route: &Arc<Route>, ordinal: u64, client: IpAddr, at_ns: u64) -> Self {
        route.counts.connections_open.fetch_add(1, Relaxed);
        route.all_open.fetch_add(1, Relaxed);
        Self { route: Arc::clone(route), ordinal, client, ends: None, at_ns, rule: None, stream: None }
    }
}

impl Accepted {
    /// The same connection, to go on under other care; it counts anew, and this one no more when it is dropped.
    pub(super) fn again(&self) -> Self {
        let mut again = Self::new(&self.route, self.ordinal, self.client, self.at_ns);
        again.ends = self.ends.clone();
        again
    }
}

impl Drop for Accepted {
    fn drop(&mut self) {
        self.route.counts.connections_open.fetch_sub(1, Relaxed);
        self.route.counts.vacancy.wake();
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
        Protocol::Tcp if !accepted.route.spec.sni.is_empty() => {
            spawn_local(tls::by_name(worker, client, accepted));
        }
        Protocol::Tcp => {
            if let Some(tls) = accepted.route.tls().filter(|tls| tls.incoming.is_some()) {
                spawn_local(tls::secured(worker, client, accepted, tls));
                return;
            }
            let dial = dial::dial(&worker, &accepted);
            spawn_local(Plain::new(worker, client, accepted, Upstream::Dialling(dial), Vec::new()));
        }
        Protocol::Http => {
            spawn_local(async move { http::serve(worker, client, accepted, Vec::new(), None).await });
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
            http::serve(worker, client, accepted, found.prefix, upstream).await;
        }
        (Kind::Tcp, Some(dialled)) => {
            spawn_local(Plain::new(worker, client, accepted, Upstream::Dialled(dialled), found.prefix));
        }
        (Kind::Tcp, None) => {
            spawn_local(Plain::new(worker, client, accepted, Upstream::Dialling(dial), found.prefix));
        }
    }
}

/// Makes closing the socket a reset.
pub(super) fn reset(socket: &TcpStream) {
    if let Err(error) = socket.set_zero_linger() {
        tracing::debug!(%error, "resetting");
    }
}
