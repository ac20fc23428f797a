//! The life of a connection from being accepted to being told apart.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::dial;
use super::route::Route;
use super::worker::Worker;

/// A connection that a client has made. It counts as open until this is dropped.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) route: Arc<Route>,
    /// Which connection of the route it is, from 0.
    pub(super) ordinal: u64,
    pub(super) client: IpAddr,
    pub(super) at_ns: u64,
    /// The socket while it moves between threads.
    pub(super) stream: Option<std::net::TcpStream>,
}

impl Accepted {
    pub(super) fn new(route: &Arc<Route>, ordinal: u64, client: IpAddr, at_ns: u64) -> Self {
        route.counts.connections_open.fetch_add(1, Relaxed);
        Self { route: Arc::clone(route), ordinal, client, at_ns, stream: None }
    }
}

impl Drop for Accepted {
    fn drop(&mut self) {
        self.route.counts.connections_open.fetch_sub(1, Relaxed);
    }
}

/// Takes over a socket that another thread accepted.
pub(super) fn start(worker: &Rc<Worker>, mut accepted: Accepted) {
    match accepted.stream.take().map(TcpStream::from_std) {
        Some(Ok(stream)) => start_here(worker, stream, accepted),
        Some(Err(error)) => {
            tracing::debug!(%error, "taking over a socket");
            worker.ended();
        }
        None => worker.ended(),
    }
}

/// Serves a socket that is registered with this thread already.
pub(super) fn start_here(worker: &Rc<Worker>, mut client: TcpStream, accepted: Accepted) {
    let worker = Rc::clone(worker);
    spawn_local(async move {
        if let Err(error) = client.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY towards the client");
        }
        match dial::dial(&worker, &accepted.route).await {
            Ok(mut upstream) => {
                if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut upstream).await {
                    tracing::debug!(%error, "a connection ended");
                }
            }
            Err(error) => tracing::debug!(route = accepted.route.spec.name, %error, "no upstream"),
        }
        drop(accepted);
        worker.ended();
    });
}
