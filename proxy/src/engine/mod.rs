//! The data plane: routes, their connections, and what faults do to them.
//!
//! Control and data share no lock. A change stores a new snapshot of a route's faults, counts the route's epoch up
//! and wakes the data threads, which wake the connections concerned. No method here waits for a socket.

mod accept;
mod accepted;
mod act;
mod acting;
mod address;
mod armed;
mod arming;
mod bucket;
mod candidates;
mod change;
mod chunk;
mod closing;
mod connection;
mod cut;
mod dial;
mod door;
mod ending;
mod ends;
mod flow;
mod gate;
mod gates;
mod held;
mod hold;
mod holder;
mod http;
mod idle;
mod introduction;
mod kernel;
mod listen;
mod names;
mod pieces;
mod pipes;
mod plain;
mod problem;
mod record;
mod red;
mod regexes;
mod relay;
mod route;
mod snapshot;
mod sniff;
mod spread;
mod switched;
mod threads;
mod timer;
mod tls;
mod transparent;
mod unix;
mod upstreams;
mod vigil;
mod wall;
mod worker;

pub use listen::{Reserved, reserve};
pub use problem::EngineError;
pub use red::{BUCKETS_SECONDS, RedNumbers, RedView};
pub use tls::{TestCa, TestCaProblem};

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::control::wire::{RouteSpec, RouteView};
use listen::Listener;
use pipes::PipeCount;
use route::Route;
use threads::Workers;
use tls::Tls;
use upstreams::Leads;

/// The most routes that one engine has.
pub const ROUTES_MAX: usize = 1_000;
/// The most faults that one route has, unless the engine is told otherwise.
pub const FAULTS_MAX: usize = 10_000;
/// The most regular expressions that the faults of one route have together.
pub const REGEXES_MAX: usize = 2_000;
const NAME_MAX_CHARS: usize = 128;

/// How the engine is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Data threads; at least one.
    pub workers: usize,
    /// Open connections that a route may have unless it says otherwise; more are reset, and counted as refused.
    pub connections_max: u64,
    /// Faults that a route may have.
    pub faults_max: usize,
    /// Open connections that all routes together may have.
    pub connections_total_max: u64,
    /// Where the test CA is kept that signs generated certificates; without it there are none.
    pub ca: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: 1,
            connections_max: 20_000,
            connections_total_max: 60_000,
            faults_max: FAULTS_MAX,
            ca: None,
        }
    }
}

/// The data plane. Cheap to clone; when the last handle is dropped, the data threads stop.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// What the data threads read.
    table: Arc<Table>,
    /// Taken by changes, one after the other; data threads never look at it.
    changes: Mutex<Changes>,
    workers: Workers,
    /// Where the test CA is kept.
    ca: Option<PathBuf>,
}

#[derive(Debug)]
struct Changes {
    next_id: u64,
    stopped: bool,
}

impl Changes {
    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

/// The routes that there are now, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Table {
    routes: ArcSwap<Vec<Arc<Route>>>,
    /// Bytes held back in all connections of all routes.
    held_bytes: AtomicU64,
    /// Pipes that bytes are spliced through.
    pipes: Arc<PipeCount>,
    /// Open connections of all routes.
    connections_open: Arc<AtomicU64>,
    /// The local addresses of dials that could come back.
    own_dials: Arc<transparent::OwnDials>,
    /// Open connections that a route may have unless it says otherwise, and all together.
    connections_max: u64,
    faults_max: usize,
    connections_total_max: u64,
}

impl Engine {
    /// Starts the data threads. There are no routes yet.
    pub fn start(options: &Options) -> Result<Self, EngineError> {
        let table = Arc::new(Table {
            connections_max: options.connections_max,
            faults_max: options.faults_max,
            connections_total_max: options.connections_total_max,
            ..Table::default()
        });
        let workers = Workers::start(options.workers.max(1), &table).map_err(EngineError::Start)?;
        let changes = Mutex::new(Changes { next_id: 0, stopped: false });
        Ok(Self { inner: Arc::new(Inner { table, changes, workers, ca: options.ca.clone() }) })
    }

    /// Binds the listen address and begins to serve.
    pub fn add_route(&self, spec: RouteSpec) -> Result<RouteView, EngineError> {
        check_name("the name of a route", &spec.name)?;
        check_route(&spec)?;
        let leads = Leads::read(&spec)?;
        let tls = self.tls(&spec)?;
        let mut changes = self.changes()?;
        let routes = self.inner.table.routes.load();
        if routes.iter().any(|route| route.spec.name == spec.name) {
            return Err(EngineError::NameTaken(spec.name));
        }
        if routes.len() >= ROUTES_MAX {
            return Err(EngineError::TooManyRoutes { limit: ROUTES_MAX });
        }
        let place = listen::place(&spec)?;
        let (bound, listener) = if spec.enabled {
            let (listener, bound) = Listener::bind(&spec)?;
            (bound, Some(Arc::new(listener)))
        } else {
            (place, None)
        };
        let route = Arc::new(Route::new(
            changes.next_id(),
            spec,
            bound,
            leads,
            tls,
            listener,
            &self.inner.table.connections_open,
        ));
        arming::arm_headers(&route)?;
        let mut routes = Vec::clone(&routes);
        routes.push(Arc::clone(&route));
        self.inner.table.routes.store(Arc::new(routes));
        self.inner.workers.wake();
        Ok(route.view())
    }

    /// Stops listening and ends the route's connections. Returns the route as it was at the end.
    pub fn remove_route(&self, name: &str) -> Result<RouteView, EngineError> {
        let _changes = self.changes()?;
        let route = self.find(name)?;
        let mut routes = Vec::clone(&self.inner.table.routes.load());
        routes.retain(|other| other.id != route.id);
        self.inner.table.routes.store(Arc::new(routes));
        route.close();
        self.inner.workers.wake();
        Ok(route.view())
    }

    /// All routes, in the order in which they were made.
    pub fn routes(&self) -> Vec<RouteView> {
        self.inner.table.routes.load().iter().map(|route| route.view()).collect()
    }

    /// One route.
    pub fn route(&self, name: &str) -> Option<RouteView> {
        self.find(name).ok().map(|route| route.view())
    }

    /// How many routes there are, and how many faults on them.
    pub fn counts(&self) -> (usize, usize) {
        let routes = self.inner.table.routes.load();
        (routes.len(), routes.iter().map(|route| route.faults().faults.len()).sum())
    }

    /// Requests, errors and durations of every route.
    pub fn red(&self) -> Vec<RedView> {
        self.inner.table.routes.load().iter().map(|route| route.red.view(&route.spec.name)).collect()
    }

    /// Bytes held back now by faults, in all connections together.
    pub fn held_bytes(&self) -> u64 {
        self.inner.table.held_bytes.load(Relaxed)
    }

    /// Bytes that went from socket to socket without passing through this process, in all connections together.
    pub fn spliced_bytes(&self) -> u64 {
        self.inner.table.pipes.spliced_bytes()
    }

    /// Ends all connections and the data threads. Changes are refused from then on.
    pub fn stop(&self) {
        self.inner.stop();
    }

    fn changes(&self) -> Result<MutexGuard<'_, Changes>, EngineError> {
        let changes = self.inner.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.stopped { Err(EngineError::Stopped) } else { Ok(changes) }
    }

    /// What a route needs for its TLS, read anew.
    fn tls(&self, spec: &RouteSpec) -> Result<Option<Tls>, EngineError> {
        Tls::load(spec, self.inner.ca.as_deref())
            .map_err(|problems| EngineError::BadRoute { route: spec.name.clone(), problems })
    }

    fn find(&self, name: &str) -> Result<Arc<Route>, EngineError> {
        let routes = self.inner.table.routes.load();
        routes.iter().find(|route| route.spec.name == name).cloned().ok_or_else(|| EngineError::NoRoute {
            name: name.to_owned(),
            known: routes.iter().map(|route| route.spec.name.clone()).collect(),
        })
    }
}

impl Inner {
    fn stop(&self) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut changes.stopped, true) {
            let routes = self.table.routes.swap(Arc::default());
            routes.iter().for_each(|route| route.close());
        }
        drop(changes);
        self.workers.stop();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

fn check_route(spec: &RouteSpec) -> Result<(), EngineError> {
    let problems = spec.check();
    if problems.is_empty() {
        return Ok(());
    }
    Err(EngineError::BadRoute { route: spec.name.clone(), problems })
}

fn check_name(what: &'static str, name: &str) -> Result<(), EngineError> {
    let chars = name.chars().count();
    if chars == 0 || chars > NAME_MAX_CHARS || name.chars().any(char::is_control) {
        let value = name.chars().take(NAME_MAX_CHARS).collect();
        return Err(EngineError::BadName { what, value });
    }
    Ok(())
}
