//! Accepting: one task per route, which never waits for a dial and never holds a socket up.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::net::TcpStream;
use tokio::task::{AbortHandle, spawn_local};

use super::accepted::Accepted;
use super::ends::Ends;
use super::gate::{Admitted, Gate};
use super::kernel;
use super::route::Route;
use super::timer::{Sleep, now_ns};
use super::worker::Worker;

/// How long to leave waiting connections alone when descriptors or memory have run out.
const BACK_OFF_NS: u64 = 50_000_000;

/// The accepting tasks, by route.
#[derive(Debug, Default)]
pub(super) struct Accepting {
    tasks: HashMap<u64, (Arc<Route>, AbortHandle)>,
}

impl Accepting {
    /// Begins with routes that are new and ends with those that are gone.
    pub(super) fn follow(&mut self, worker: &Rc<Worker>) {
        let routes = worker.table.routes.load_full();
        // Whoever takes a route away closes it first.
        self.tasks.retain(|_, (route, task)| {
            if route.is_closed() {
                task.abort();
            }
            !route.is_closed()
        });
        for route in routes.iter().filter(|route| route.listener.is_some()) {
            self.tasks.entry(route.id).or_insert_with(|| {
                let (worker, accepting) = (Rc::clone(worker), Arc::clone(route));
                let task = spawn_local(async move { accept(&worker, &accepting).await });
                (Arc::clone(route), task.abort_handle())
            });
        }
    }
}

async fn accept(worker: &Rc<Worker>, route: &Arc<Route>) {
    // The listener takes a descriptor too, and there may be none left just now.
    let (mut gate, mut waiting) = (Gate::new(worker, route), false);
    while !route.is_closed() {
        match gate.next().await {
            Ok((stream, client)) => {
                waiting = false;
                take(&mut gate, worker, route, (stream, client));
            }
            Err(_) if route.is_closed() => break,
            // The client of this one has gone already; the next may be there.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if !std::mem::replace(&mut waiting, true) {
                    tracing::warn!(route = route.spec.name, %error, "accepting; trying again every 50 ms");
                }
                worker.ran_out_of(&error);
                Sleep::until(&worker.timers, now_ns() + BACK_OFF_NS).await;
            }
        }
    }
}

/// Numbers a connection and hands it out, unless there is no room for it or it must not be.
fn take(gate: &mut Gate, worker: &Rc<Worker>, route: &Arc<Route>, (stream, client): (TcpStream, SocketAddr)) {
    let (counts, table) = (&route.counts, &worker.table);
    let ordinal = counts.connections.fetch_add(1, Relaxed);
    let route_max = route.spec.connections_max.unwrap_or(table.connections_max);
    if counts.connections_open.load(Relaxed) >= route_max
        || table.connections_open.load(Relaxed) >= table.connections_total_max
    {
        counts.refused.fetch_add(1, Relaxed);
        // A reset says at once what a silent close would leave open.
        return kernel::reset(&stream);
    }
    let admitted = gate.admit(ordinal, client);
    if matches!(admitted, Admitted::Reset) {
        return kernel::reset(&stream);
    }
    let mut accepted = Accepted::new(route, ordinal, client.ip(), now_ns());
    match Ends::of(table, route, &stream, client) {
        Ok(ends) => accepted.ends = ends.map(Arc::new),
        Err(error) => {
            if counts.upstream_failures.fetch_add(1, Relaxed) == 0 {
                tracing::warn!(route = route.spec.name, %error, "a connection that leads nowhere is reset");
            }
            return kernel::reset(&stream);
        }
    }
    match admitted {
        Admitted::Wait(armed) => gate.wait(stream, accepted, armed),
        Admitted::Serve | Admitted::Reset => worker.hand_out(stream, accepted),
    }
}
