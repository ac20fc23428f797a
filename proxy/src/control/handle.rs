//! [`Control`]: routes, faults and their leases, in process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};

use super::change;
use super::keeper::{Alarm, Keeper, since_boot};
use super::lease::{self, Book};
use super::wire::{
    EndReason, EndedFault, FaultSpec, FaultState, FaultView, LedgerEntry, MANUAL, Problem, RouteChange,
    RouteSpec, RouteView,
};
use crate::engine::{Engine, EngineError, Options, RedView};

/// The longest name of a route, a fault or an owner.
const NAME_MAX_BYTES: usize = 64;

/// The handle to a running proxy. Cheap to clone; the proxy stops when the last one is dropped, or told to.
///
/// No method waits for a socket: all answer at once, whatever the connections are doing.
#[derive(Clone, Debug)]
pub struct Control(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    keeper: Mutex<Option<Keeper>>,
}

/// What the handles and the keeper share.
struct Shared {
    engine: Engine,
    /// Locked for as long as a change takes, so that changes happen one after the other.
    book: Mutex<Book>,
    alarm: Arc<Alarm>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("book", &self.book).finish_non_exhaustive()
    }
}

impl Control {
    /// Starts the data plane and the keeper of the leases.
    pub fn start(options: Options) -> Result<Self, EngineError> {
        let alarm = Alarm::new().map_err(|errno| EngineError::Start(errno.into()))?;
        let engine = Engine::start(&options)?;
        let shared = Arc::new(Shared { engine, book: Mutex::default(), alarm: Arc::clone(&alarm) });
        let kept = Arc::clone(&shared);
        // The book locks, ends what is due and sets the alarm anew.
        let keeper = Keeper::start(alarm, move || drop(kept.book())).map_err(EngineError::Start)?;
        Ok(Self(Arc::new(Handle { shared, keeper: Mutex::new(Some(keeper)) })))
    }

    /// Makes a route and listens.
    pub fn add_route(&self, spec: RouteSpec) -> Result<RouteView, Problem> {
        check_name("route", &spec.name)?;
        Ok(self.make_route(spec)?)
    }

    /// The same with any name that the engine takes.
    pub(super) fn make_route(&self, spec: RouteSpec) -> Result<RouteView, EngineError> {
        let _book = self.0.shared.book();
        self.0.shared.engine.add_route(spec)
    }

    /// Changes where a route listens or leads, or switches it on or off. Its faults stay; its connections end. A
    /// refused change changes nothing.
    pub fn change_route(&self, name: &str, change: &RouteChange) -> Result<RouteView, Problem> {
        Ok(self.alter_route(name, change)?)
    }

    /// The same, with the engine's own words for a refusal.
    pub(super) fn alter_route(&self, name: &str, change: &RouteChange) -> Result<RouteView, EngineError> {
        let _book = self.0.shared.book();
        self.0.shared.engine.change_route(name, change)
    }

    /// Switches every route on, or none.
    pub(super) fn enable_routes(&self) -> Result<(), EngineError> {
        let _book = self.0.shared.book();
        self.0.shared.engine.enable_routes()
    }

    /// Takes a route away, its connections and its faults with it.
    pub fn remove_route(&self, name: &str) -> Result<RouteView, Problem> {
        let mut book = self.0.shared.book();
        let view = self.0.shared.engine.remove_route(name)?;
        for fault in &view.faults {
            book.end(name, EndReason::RouteRemoved, fault.clone());
        }
        Ok(view)
    }

    /// All routes.
    pub fn routes(&self) -> Vec<RouteView> {
        self.0.shared.engine.routes()
    }

    /// One route.
    pub fn route(&self, name: &str) -> Result<RouteView, Problem> {
        self.0.shared.engine.route(name).ok_or_else(|| no_route(name))
    }

    /// Sets a fault on a route, or changes the one with its id; the same twice is the same once.
    ///
    /// A fault of an owner other than `manual` must carry a `lease` and a `max`.
    pub fn put_fault(&self, route: &str, spec: FaultSpec) -> Result<FaultView, Problem> {
        check_name("fault", &spec.id)?;
        check_name("owner", &spec.owner)?;
        Book::check(&spec)?;
        change::check(&spec)?;
        let mut book = self.0.shared.book();
        if let Some(standing) = self.0.shared.engine.fault_spec(route, &spec.id)?
            && standing.owner != spec.owner
        {
            return Err(Problem::new(
                409,
                "the fault is someone else's",
                format!(
                    "fault `{}` on route `{route}` belongs to `{}`; use another id, or let its owner remove it",
                    spec.id, standing.owner
                ),
            ));
        }
        let view = self.0.shared.engine.put_fault(route, spec)?;
        book.stands(route, &view.spec, since_boot());
        Ok(view)
    }

    /// Sets a fault by hand, with any id that the engine takes.
    pub(super) fn set_fault(&self, route: &str, spec: FaultSpec) -> Result<FaultView, EngineError> {
        let mut book = self.0.shared.book();
        let view = self.0.shared.engine.put_fault(route, spec)?;
        book.stands(route, &view.spec, since_boot());
        Ok(view)
    }

    /// Changes single parameters of a fault that stands: `{"delay": "3s"}`. Its lease goes on as it was.
    pub fn patch_fault(
        &self,
        route: &str,
        id: &str,
        changes: &Map<String, Value>,
    ) -> Result<FaultView, Problem> {
        let book = self.0.shared.book();
        let Ok(Some(standing)) = self.0.shared.engine.fault_spec(route, id) else {
            return Err(self.missing(&book, route, id));
        };
        let spec = change::changed(&standing, changes)?;
        Ok(self.0.shared.engine.put_fault(route, spec)?)
    }

    /// A fault as it stands, or how it ended.
    pub fn fault(&self, route: &str, id: &str) -> Result<FaultState, Problem> {
        let book = self.0.shared.book();
        if let Ok(Some(view)) = self.0.shared.engine.fault(route, id) {
            return Ok(FaultState::Standing(view));
        }
        match book.ended(route, id) {
            Some(ended) => Ok(FaultState::Ended(ended.clone())),
            None => Err(self.missing(&book, route, id)),
        }
    }

    /// Takes a fault back. One that is already gone is answered with its last evidence, as long as it is remembered.
    pub fn remove_fault(&self, route: &str, id: &str) -> Result<FaultView, Problem> {
        let mut book = self.0.shared.book();
        match self.0.shared.engine.remove_fault(route, id) {
            Ok(view) => {
                book.end(route, EndReason::Removed, view.clone());
                Ok(view)
            }
            Err(EngineError::Stopped) => Err(EngineError::Stopped.into()),
            Err(_) => match book.ended(route, id) {
                Some(ended) => Ok(ended.fault.clone()),
                None => Err(self.missing(&book, route, id)),
            },
        }
    }

    /// A sample of a fault's decisions.
    pub fn ledger(&self, route: &str, id: &str) -> Result<Vec<LedgerEntry>, Problem> {
        let book = self.0.shared.book();
        self.0.shared.engine.ledger(route, id).map_err(|_| self.missing(&book, route, id))
    }

    /// Lets every fault of an owner live for `lease` from now on, `max` permitting; says how many there are.
    pub fn renew(&self, owner: &str, lease: Duration) -> Result<usize, Problem> {
        if owner == MANUAL {
            return Err(Problem::new(
                422,
                "no lease to renew",
                format!("faults of `{MANUAL}` have no lease; they live as long as their route"),
            ));
        }
        lease::check_lease(lease)?;
        Ok(self.0.shared.book().renew(owner, lease, since_boot()))
    }

    /// Takes every fault of an owner back; answers with all it had, also those that had ended before.
    pub fn remove_owner(&self, owner: &str) -> Vec<FaultView> {
        let mut book = self.0.shared.book();
        let mut gone: Vec<FaultView> = book.ended_of(owner).map(|ended| ended.fault.clone()).collect();
        for (route, id) in self.0.shared.engine.faults_of(owner) {
            if let Ok(view) = self.0.shared.engine.remove_fault(&route, &id) {
                book.end(&route, EndReason::Removed, view.clone());
                gone.push(view);
            }
        }
        gone
    }

    /// How many routes there are, and how many faults on them.
    pub fn counts(&self) -> (usize, usize) {
        self.0.shared.engine.counts()
    }

    /// Requests, errors and durations of every route, faulted and not.
    pub fn red(&self) -> Vec<RedView> {
        self.0.shared.engine.red()
    }

    /// Stops the proxy: every listener, connection and thread. Once is enough; more does nothing.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Why there is no such fault: it ended, it never was, or there is not even the route.
    fn missing(&self, book: &Book, route: &str, id: &str) -> Problem {
        match (book.ended(route, id), self.route(route)) {
            (Some(ended), _) => gone(ended),
            (None, Ok(_)) => no_fault(route, id),
            (None, Err(problem)) => problem,
        }
    }
}

impl Handle {
    fn stop(&self) {
        drop(self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.shared.engine.stop();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// The book, with everything ended that is due by now; when it is let go, the alarm is set anew.
    fn book(&self) -> OpenBook<'_> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, why) in book.due(since_boot()) {
            let (route, id) = &place;
            match self.engine.remove_fault(route, id) {
                Ok(view) => {
                    tracing::warn!(%route, fault = %id, owner = %view.spec.owner, why = why.words(), "fault ended");
                    book.end(route, why, view);
                }
                // The route went away beneath it, so the fault is gone too.
                Err(error) => {
                    tracing::debug!(%route, fault = %id, %error, "fault to end is not there");
                    book.forget(&place);
                }
            }
        }
        OpenBook { book, alarm: &self.alarm }
    }
}

/// The book while it is locked.
struct OpenBook<'a> {
    book: MutexGuard<'a, Book>,
    alarm: &'a Alarm,
}

impl std::ops::Deref for OpenBook<'_> {
    type Target = Book;
    fn deref(&self) -> &Book {
        &self.book
    }
}

impl std::ops::DerefMut for OpenBook<'_> {
    fn deref_mut(&mut self) -> &mut Book {
        &mut self.book
    }
}

impl Drop for OpenBook<'_> {
    fn drop(&mut self) {
        self.alarm.set(self.book.next());
    }
}

fn no_route(name: &str) -> Problem {
    Problem::new(
        404,
        "no such route",
        format!("there is no route `{}`; `GET /v1/routes` lists them", name.escape_debug()),
    )
}

fn no_fault(route: &str, id: &str) -> Problem {
    Problem::new(
        404,
        "no such fault",
        format!(
            "there is no fault `{}` on route `{route}`; `GET /v1/routes/{route}` lists them",
            id.escape_debug()
        ),
    )
}

/// What to say to someone who wants to act on a fault that ended.
pub(super) fn gone(ended: &EndedFault) -> Problem {
    Problem::new(
        410,
        "the fault is gone",
        format!(
            "fault `{}` on route `{}` is gone: {}; put it again if it should act again",
            ended.fault.spec.id,
            ended.route,
            ended.why.words()
        ),
    )
}

fn check_name(what: &str, name: &str) -> Result<(), Problem> {
    let fits = name.len() <= NAME_MAX_BYTES
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c));
    if fits {
        return Ok(());
    }
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    Err(Problem::new(
        422,
        "the name does not fit",
        format!(
            "the name `{shown}` of the {what} is not 1 to {NAME_MAX_BYTES} letters, digits, `-`, `_` or `.`, \
             starting with a letter or digit"
        ),
    ))
}
