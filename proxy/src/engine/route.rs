//! A route: what control and data planes share of it. Snapshots and counters, no locks.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use futures_util::task::AtomicWaker;

use super::armed::Armed;
use super::door::Door;
use super::listen::Listener;
use super::problem::EngineError;
use super::red::Red;
use super::snapshot::Snapshot;
use super::tls::{Tls, Turns};
use super::upstreams::{Leads, Upstreams};
use crate::control::wire::{Bound, RouteSpec, RouteView, TrafficCounts};

/// One listen→upstream pair and all that is counted about it.
#[derive(Debug)]
pub(super) struct Route {
    /// Unique in this engine, never used again.
    pub(super) id: u64,
    pub(super) spec: RouteSpec,
    pub(super) bound: Bound,
    pub(super) leads: Leads,
    /// Read anew when the route is told so; nothing when it has none.
    tls: ArcSwapOption<Tls>,
    /// Kept here too, so that removing the route can stop it listening without waiting for a data thread. None while
    /// the route is switched off.
    pub(super) listener: Option<Arc<Listener>>,
    /// Open connections of all routes of the engine.
    pub(super) all_open: Arc<AtomicU64>,
    faults: ArcSwap<Snapshot>,
    /// Goes up with every change, after the change can be seen.
    epoch: AtomicU64,
    closed: AtomicBool,
    /// Listening is over for good. Held while the state of the listening socket changes, so that a fault that goes away
    /// never brings back what was stopped.
    stopped: Mutex<bool>,
    /// These two go on when the route is changed, so that no ordinal comes twice.
    pub(super) counts: Arc<Counts>,
    pub(super) red: Arc<Red>,
}

/// What passed, since the route was made.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Also the next connection's ordinal.
    pub(super) connections: AtomicU64,
    pub(super) connections_open: AtomicU64,
    /// Woken when a connection ends.
    pub(super) vacancy: AtomicWaker,
    /// Connections reset because the route, or the engine, had as many as it may have.
    pub(super) refused: AtomicU64,
    /// Connections reset because they did not begin with the header that was asked for.
    pub(super) unintroduced: AtomicU64,
    pub(super) idle_closed: AtomicU64,
    /// Dials under way.
    pub(super) dials: AtomicU64,
    /// Client handshakes that failed, and hellos that lead nowhere.
    pub(super) tls_failures: AtomicU64,
    /// Client handshakes under way.
    pub(super) handshakes: Turns,
    pub(super) upstream_failures: AtomicU64,
    /// Faults that requests asked for by header and did not get.
    pub(super) headers_ignored: AtomicU64,
    /// Also the next request's ordinal.
    pub(super) requests: AtomicU64,
    pub(super) bytes_request: AtomicU64,
    pub(super) bytes_response: AtomicU64,
}

impl Route {
    pub(super) fn new(
        id: u64,
        spec: RouteSpec,
        bound: Bound,
        leads: Leads,
        tls: Option<Tls>,
        listener: Option<Arc<Listener>>,
        all_open: &Arc<AtomicU64>,
    ) -> Self {
        Self {
            id,
            spec,
            bound,
            leads,
            tls: ArcSwapOption::from_pointee(tls),
            listener,
            all_open: Arc::clone(all_open),
            faults: ArcSwap::default(),
            epoch: AtomicU64::new(1),
            closed: AtomicBool::new(false),
            stopped: Mutex::default(),
            counts: Arc::default(),
            red: Arc::default(),
        }
    }

    /// Takes over what another route counted, and its faults as they stand.
    pub(super) fn succeeding(mut self, before: &Self) -> Self {
        self.faults.store(before.faults());
        (self.counts, self.red) = (Arc::clone(&before.counts), Arc::clone(&before.red));
        self
    }

    /// The TLS of this moment.
    pub(super) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.load_full()
    }

    /// Handshakes take this from now on; connections that stand go on.
    pub(super) fn renew_tls(&self, tls: Option<Tls>) {
        self.tls.store(tls.map(Arc::new));
    }

    /// Where a connection leads: by the rule that its client's hello fits, or where the route does.
    pub(super) fn upstreams(&self, rule: Option<u8>) -> &Upstreams {
        self.leads.of(rule)
    }

    /// The faults of this moment. Read [`Route::epoch`] before, never after.
    pub(super) fn faults(&self) -> Arc<Snapshot> {
        self.faults.load_full()
    }

    /// Puts other faults in force; who watches the epoch sees them. Where they cannot be, all stays as it was.
    pub(super) fn set_faults(&self, faults: Vec<Arc<Armed>>) -> Result<(), EngineError> {
        let next = Snapshot::following(&self.faults(), faults)
            .map_err(|_| EngineError::TooManyPatterns { route: self.spec.name.clone() })?;
        self.faults.store(Arc::new(next));
        self.epoch.fetch_add(1, Release);
        Ok(())
    }

    /// Changes whenever the faults do, or the route is closed.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Acquire)
    }

    /// Whether the route is gone and its connections must end.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Acquire)
    }

    /// Ends the route: it listens no more from now on, and its connections end as soon as they look.
    pub(super) fn close(&self) {
        self.end_connections();
        self.stop_listening();
    }

    /// Its connections end as soon as they look, and it accepts none; its listener may serve another.
    pub(super) fn end_connections(&self) {
        self.closed.store(true, Release);
        self.epoch.fetch_add(1, Release);
    }

    /// The data thread closes its copy a moment later; shut down, the port is free at once.
    pub(super) fn stop_listening(&self) {
        let Some(listener) = &self.listener else { return };
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        *stopped = true;
        if let Err(error) = listener.stop() {
            tracing::debug!(route = self.spec.name, %error, "shutting down a listener");
        }
    }

    /// Lets new connections find this door.
    pub(super) fn put_door(&self, listener: &Listener, door: Door) -> io::Result<()> {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        if *stopped || self.is_closed() {
            Err(io::ErrorKind::NotConnected.into())
        } else {
            listener.put(door)
        }
    }

    pub(super) fn view(&self) -> RouteView {
        RouteView {
            spec: self.spec.clone(),
            bound: self.bound.clone(),
            traffic: self.counts.view(),
            faults: self.faults.load().faults.iter().map(|fault| fault.view()).collect(),
            warnings: self.tls.load().as_ref().map_or_else(Vec::new, |tls| tls.warnings.clone()),
        }
    }

    /// One fault as it stands.
    pub(super) fn fault(&self, id: &str) -> Option<Arc<Armed>> {
        self.faults.load().faults.iter().find(|fault| fault.spec.id == id).cloned()
    }
}

impl Counts {
    fn view(&self) -> TrafficCounts {
        TrafficCounts {
            connections: self.connections.load(Relaxed),
            connections_open: self.connections_open.load(Relaxed),
            refused: self.refused.load(Relaxed),
            unintroduced: self.unintroduced.load(Relaxed),
            idle_closed: self.idle_closed.load(Relaxed),
            tls_failures: self.tls_failures.load(Relaxed),
            upstream_failures: self.upstream_failures.load(Relaxed),
            headers_ignored: self.headers_ignored.load(Relaxed),
            requests: self.requests.load(Relaxed),
            bytes_request: self.bytes_request.load(Relaxed),
            bytes_response: self.bytes_response.load(Relaxed),
        }
    }
}
