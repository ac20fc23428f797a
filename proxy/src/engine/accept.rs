//! Accepting: one task per route, which never waits for a dial and never holds a socket up.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use nix::libc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, spawn_local};

use super::connection::Accepted;
use super::route::Route;
use super::timer::{Sleep, now_ns};
use super::worker::Worker;

/// How long to leave waiting connections alone when descriptors or memory have run out.
const BACK_OFF_NS: u64 = 50_000_000;

/// The accepting tasks, by route.
#[derive(Debug, Default)]
pub(super) struct Accepting {
    tasks: HashMap<u64, AbortHandle>,
}

impl Accepting {
    /// Begins with routes that are new and ends with those that are gone.
    pub(super) fn follow(&mut self, worker: &Rc<Worker>) {
        let routes = worker.table.routes.load_full();
        self.tasks.retain(|id, task| {
            let there = routes.iter().any(|route| route.id == *id);
            if !there {
                task.abort();
            }
            there
        });
        for route in routes.iter().filter(|route| route.listener.is_some()) {
            self.tasks.entry(route.id).or_insert_with(|| {
                let (worker, route) = (Rc::clone(worker), Arc::clone(route));
                spawn_local(async move {
                    accept(&worker, &route).await;
                })
                .abort_handle()
            });
        }
    }
}

async fn accept(worker: &Rc<Worker>, route: &Arc<Route>) {
    // The listener takes a descriptor too, and there may be none left just now.
    let (mut listener, mut waiting) = (None, false);
    while !route.is_closed() {
        match next(&mut listener, route).await {
            Ok((stream, client)) => {
                waiting = false;
                let counts = &route.counts;
                let ordinal = counts.connections.fetch_add(1, Relaxed);
                if counts.connections_open.load(Relaxed) >= worker.table.connections_max {
                    counts.refused.fetch_add(1, Relaxed);
                    // A reset says at once what a silent close would leave open.
                    if let Err(error) = stream.set_zero_linger() {
                        tracing::debug!(%error, "refusing a connection");
                    }
                    continue;
                }
                let accepted = Accepted::new(route, ordinal, client.ip(), now_ns());
                worker.hand_out(stream, accepted);
            }
            Err(_) if route.is_closed() => break,
            // The client of this one has gone already; the next may be there.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) {
                    worker.out_of_descriptors();
                }
                if !std::mem::replace(&mut waiting, true) {
                    tracing::warn!(route = route.spec.name, %error, "accepting; trying again every 50 ms");
                }
                Sleep::until(&worker.timers, now_ns() + BACK_OFF_NS).await;
            }
        }
    }
}

async fn next(listener: &mut Option<TcpListener>, route: &Route) -> io::Result<(TcpStream, SocketAddr)> {
    let open = match listener.take() {
        Some(open) => open,
        None => {
            let shared = route.listener.as_ref().ok_or(io::ErrorKind::NotConnected)?;
            TcpListener::from_std(shared.try_clone()?)?
        }
    };
    listener.insert(open).accept().await
}
