//! The data plane: routes, their connections, and what faults do to them.
//!
//! Control and data share no lock. A change stores a new snapshot of a route's faults, counts the route's epoch up
//! and wakes the data threads, which wake the connections concerned. No method here waits for a socket.

mod accept;
mod act;
mod acting;
mod address;
mod armed;
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
mod listen;
mod names;
mod outq;
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

use crate::control::wire::{FaultSpec, FaultView, LedgerEntry, Protocol, RouteSpec, RouteView};
use crate::fault::RequestMatch;
use armed::Armed;
use listen::Listener;
use pipes::PipeCount;
use record::Record;
use route::Route;
use tls::Tls;
use upstreams::Leads;
use worker::Workers;

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
        arm_headers(&route)?;
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

    /// Arms a fault, or changes it in its place. Live connections feel it within 10 ms. A refused change changes
    /// nothing.
    pub fn put_fault(&self, route: &str, spec: FaultSpec) -> Result<FaultView, EngineError> {
        check_name("the id of a fault", &spec.id)?;
        let kind = spec.fault.kind();
        if let Some(problem) = spec.check().into_iter().next() {
            return Err(EngineError::BadFault { id: spec.id, kind, problem });
        }
        let _changes = self.changes()?;
        let route = self.find(route)?;
        let needs_http = spec.fault.needs_http() || spec.matching.needs_http() || spec.scope.needs_http();
        if needs_http && route.spec.protocol == Protocol::Tcp {
            return Err(EngineError::NeedsHttp { id: spec.id, kind, route: route.spec.name.clone() });
        }
        if spec.fault.is_of_connections() && (spec.matching.needs_http() || spec.scope.needs_http()) {
            return Err(EngineError::OfConnections { id: spec.id, kind });
        }
        let mut faults = route.faults().faults.clone();
        let place = faults.iter().position(|fault| fault.spec.id == spec.id);
        // Evidence goes on through a change of parameters; another kind of fault starts its own.
        let record = place.map(|at| &faults[at]).filter(|old| old.spec.fault.kind() == kind);
        let record =
            record.map_or_else(|| Arc::new(Record::since(timer::now_ns())), |old| Arc::clone(&old.record));
        let id = spec.id.clone();
        let regexes = |one: &FaultSpec| {
            one.matching.regexes() + one.scope.exclude.as_ref().map_or(0, RequestMatch::regexes)
        };
        let others = faults.iter().filter(|fault| fault.spec.id != id).map(|fault| regexes(&fault.spec));
        let wanted = regexes(&spec);
        if wanted > 0 && others.sum::<usize>() + wanted > REGEXES_MAX {
            return Err(EngineError::TooManyPatterns { route: route.spec.name.clone() });
        }
        let next = faults.last().map_or(0, |last| last.place + 1);
        let armed = Armed::new(&route.spec.name, spec, record, place.map_or(next, |at| faults[at].place));
        let armed = Arc::new(armed.map_err(|problem| EngineError::BadFault { id, kind, problem })?);
        match place {
            Some(at) => faults[at] = Arc::clone(&armed),
            None if faults.len() >= self.inner.table.faults_max => {
                return Err(EngineError::TooManyFaults {
                    route: route.spec.name.clone(),
                    limit: self.inner.table.faults_max,
                });
            }
            None => faults.push(Arc::clone(&armed)),
        }
        route.set_faults(faults)?;
        self.inner.workers.wake();
        Ok(armed.view())
    }

    /// Takes a fault away and returns it with its final evidence.
    pub fn remove_fault(&self, route: &str, id: &str) -> Result<FaultView, EngineError> {
        let _changes = self.changes()?;
        let route = self.find(route)?;
        let fault = Self::find_fault(&route, id)?;
        let mut faults = route.faults().faults.clone();
        faults.retain(|other| other.spec.id != id);
        route.set_faults(faults)?;
        self.inner.workers.wake();
        Ok(fault.view())
    }

    /// All routes, in the order in which they were made.
    pub fn routes(&self) -> Vec<RouteView> {
        self.inner.table.routes.load().iter().map(|route| route.view()).collect()
    }

    /// One route.
    pub fn route(&self, name: &str) -> Option<RouteView> {
        self.find(name).ok().map(|route| route.view())
    }

    /// One fault of a route, if it stands.
    pub fn fault(&self, route: &str, fault: &str) -> Result<Option<FaultView>, EngineError> {
        Ok(self.find(route)?.fault(fault).map(|armed| armed.view()))
    }

    /// What was asked for of one fault of a route, if it stands.
    pub fn fault_spec(&self, route: &str, fault: &str) -> Result<Option<FaultSpec>, EngineError> {
        Ok(self.find(route)?.fault(fault).map(|armed| armed.spec.clone()))
    }

    /// The faults of an owner, each as route and fault.
    pub fn faults_of(&self, owner: &str) -> Vec<(String, String)> {
        let routes = self.inner.table.routes.load();
        let owned = routes.iter().flat_map(|route| {
            let faults = route.faults();
            let ids: Vec<String> = faults
                .faults
                .iter()
                .filter(|armed| armed.spec.owner == owner)
                .map(|armed| armed.spec.id.clone())
                .collect();
            ids.into_iter().map(|id| (route.spec.name.clone(), id))
        });
        owned.collect()
    }

    /// How many routes there are, and how many faults on them.
    pub fn counts(&self) -> (usize, usize) {
        let routes = self.inner.table.routes.load();
        (routes.len(), routes.iter().map(|route| route.faults().faults.len()).sum())
    }

    /// The first decisions of a fault, by ordinal.
    pub fn ledger(&self, route: &str, fault: &str) -> Result<Vec<LedgerEntry>, EngineError> {
        let route = self.find(route)?;
        Ok(Self::find_fault(&route, fault)?.record.ledger())
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

    fn find_fault(route: &Route, id: &str) -> Result<Arc<Armed>, EngineError> {
        route.fault(id).ok_or_else(|| EngineError::NoFault {
            route: route.spec.name.clone(),
            id: id.to_owned(),
            known: route.faults().faults.iter().map(|fault| fault.spec.id.clone()).collect(),
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

/// Lets what a route obeys by itself stand among its faults.
fn arm_headers(route: &Route) -> Result<(), EngineError> {
    let Some(limits) = &route.spec.envoy_headers else { return Ok(()) };
    let spec = FaultSpec::of_headers(limits);
    let (id, kind) = (spec.id.clone(), spec.fault.kind());
    let armed = Armed::new(&route.spec.name, spec, Arc::new(Record::since(timer::now_ns())), 0);
    route.set_faults(vec![Arc::new(armed.map_err(|problem| EngineError::BadFault { id, kind, problem })?)])
}

fn check_name(what: &'static str, name: &str) -> Result<(), EngineError> {
    let chars = name.chars().count();
    if chars == 0 || chars > NAME_MAX_CHARS || name.chars().any(char::is_control) {
        let value = name.chars().take(NAME_MAX_CHARS).collect();
        return Err(EngineError::BadName { what, value });
    }
    Ok(())
}
