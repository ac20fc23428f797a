//! Changing a route in place: switched on or off, listening elsewhere, leading elsewhere.
//!
//! A changed route is a new one in the place of the old, with the same faults and the same counts. What must be bound
//! is bound before the old one is touched, so a change that fails leaves everything as it was.

use std::sync::Arc;

use super::listen::{self, Listener};
use super::route::Route;
use super::tls::Tls;
use super::upstreams::Leads;
use super::{Changes, Engine, EngineError, check_route};
use crate::control::wire::{Bound, RouteChange, RouteSpec, RouteTls, RouteView};

/// A route as it is to become.
struct Next {
    spec: RouteSpec,
    leads: Leads,
    /// Where it is to listen, where that is not where it is.
    moves_to: Option<Bound>,
}

/// A change whose address is bound, so that nothing can stop it any more.
struct Ready {
    before: Arc<Route>,
    spec: RouteSpec,
    leads: Leads,
    tls: Option<Tls>,
    bound: Bound,
    listener: Option<Arc<Listener>>,
}

impl Engine {
    /// Changes where a route listens or leads, or switches it on or off. Its faults and counts stay; its connections
    /// end, unless nothing changes at all. A route that is switched off keeps its port for the next time.
    pub fn change_route(&self, name: &str, change: &RouteChange) -> Result<RouteView, EngineError> {
        let mut changes = self.changes()?;
        let before = self.find(name)?;
        match self.ready(&before, change)? {
            Some(ready) => Ok(self.put_in_place(&mut changes, ready).view()),
            None => {
                if change.tls.is_some() {
                    before.renew_tls(self.tls(&before.spec)?);
                }
                Ok(before.view())
            }
        }
    }

    /// Switches every route on; when one cannot listen, none is.
    pub fn enable_routes(&self) -> Result<(), EngineError> {
        let mut changes = self.changes()?;
        let on = RouteChange { enabled: Some(true), ..RouteChange::default() };
        let mut ready = Vec::new();
        for route in self.inner.table.routes.load().iter() {
            ready.extend(self.ready(route, &on)?);
        }
        for ready in ready {
            self.put_in_place(&mut changes, ready);
        }
        Ok(())
    }

    /// Binds what is to be bound; nothing when nothing changes.
    fn ready(&self, before: &Arc<Route>, change: &RouteChange) -> Result<Option<Ready>, EngineError> {
        let Next { mut spec, leads, moves_to } = Next::of(before, change)?;
        let stays_there = moves_to.is_none();
        if spec == before.spec && stays_there {
            return Ok(None);
        }
        let tls = self.tls(&spec)?;
        let (bound, listener) = match (&before.listener, moves_to) {
            (_, to) if !spec.enabled => (to.unwrap_or_else(|| before.bound.clone()), None),
            (Some(listener), None) => (before.bound.clone(), Some(Arc::clone(listener))),
            _ => {
                let (listener, bound) = bind_beside(before, &spec)?;
                (bound, Some(Arc::new(listener)))
            }
        };
        if !spec.enabled && before.listener.is_some() && stays_there {
            spec.listen = bound.to_string();
        }
        Ok(Some(Ready { before: Arc::clone(before), spec, leads, tls, bound, listener }))
    }

    fn put_in_place(&self, changes: &mut Changes, ready: Ready) -> Arc<Route> {
        let Ready { before, spec, leads, tls, bound, listener } = ready;
        let stays = matches!((&before.listener, &listener), (Some(old), Some(new)) if Arc::ptr_eq(old, new));
        let route = Arc::new(
            Route::new(changes.next_id(), spec, bound, leads, tls, listener, &before.all_open)
                .succeeding(&before),
        );
        let mut routes = Vec::clone(&self.inner.table.routes.load());
        for place in routes.iter_mut().filter(|other| other.id == before.id) {
            *place = Arc::clone(&route);
        }
        self.inner.table.routes.store(Arc::new(routes));
        if stays {
            before.end_connections();
        } else {
            before.close();
        }
        self.inner.workers.wake();
        route
    }
}

impl Next {
    fn of(before: &Route, change: &RouteChange) -> Result<Self, EngineError> {
        let mut spec = before.spec.clone();
        if let Some(upstream) = &change.upstream {
            if upstream.is_empty() {
                return Err(EngineError::BadUpstream { route: spec.name, value: String::new() });
            }
            spec.upstream.clone_from(upstream);
            spec.upstreams.clear();
        }
        spec.enabled = change.enabled.unwrap_or(spec.enabled);
        if let Some(tls) = &change.tls {
            // An empty block takes it away.
            spec.tls = Some(tls.clone()).filter(|tls| *tls != RouteTls::default());
        }
        if let Some(sni) = &change.sni {
            spec.sni.clone_from(sni);
        }
        let mut moves_to = None;
        if let Some(listen) = &change.listen {
            let there = std::mem::replace(&mut spec.listen, listen.clone());
            let place = listen::place(&spec)?;
            // Port 0 asks for a new port each time.
            if place.tcp().is_some_and(|address| address.port() == 0) || place != before.bound {
                moves_to = Some(place);
            } else {
                spec.listen = there;
            }
        }
        check_route(&spec)?;
        let leads = Leads::read(&spec)?;
        Ok(Self { spec, leads, moves_to })
    }
}

/// Binds while the route before still listens, also where that one is in the way.
fn bind_beside(before: &Route, spec: &RouteSpec) -> Result<(Listener, Bound), EngineError> {
    let port = |place: &Bound| place.tcp().map(|address| address.port());
    let same_port = port(&listen::place(spec)?).is_some_and(|wanted| port(&before.bound) == Some(wanted));
    match &before.listener {
        Some(standing) if same_port => Listener::bind_beside(spec, standing),
        _ => Listener::bind(spec),
    }
}
