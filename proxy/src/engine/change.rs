//! Changing a route in place: switched on or off, listening elsewhere, leading elsewhere.
//!
//! A changed route is a new one in the place of the old, with the same faults and the same counts. What must be bound
//! is bound before the old one is touched, so a change that fails leaves everything as it was.

use std::sync::Arc;

use super::listen::{self, Listener};
use super::route::Route;
use super::upstreams::Upstreams;
use super::{Engine, EngineError};
use crate::control::wire::{Bound, RouteChange, RouteSpec, RouteView};

/// A route as it is to become.
struct Next {
    spec: RouteSpec,
    upstreams: Upstreams,
    /// Where it is to listen, where that is not where it is.
    moves_to: Option<Bound>,
}

impl Engine {
    /// Changes where a route listens or leads, or switches it on or off. Its faults and counts stay; its connections
    /// end, unless nothing changes at all. A route that is switched off keeps its port for the next time.
    pub fn change_route(&self, name: &str, change: &RouteChange) -> Result<RouteView, EngineError> {
        let mut changes = self.changes()?;
        let before = self.find(name)?;
        let next = Next::of(&before, change)?;
        if next.spec == before.spec && next.moves_to.is_none() {
            return Ok(before.view());
        }
        let Next { mut spec, upstreams, moves_to } = next;
        let stays_there = moves_to.is_none();
        let (bound, listener) = match (&before.listener, moves_to) {
            (_, to) if !spec.enabled => (to.unwrap_or_else(|| before.bound.clone()), None),
            (Some(listener), None) => (before.bound.clone(), Some(Arc::clone(listener))),
            _ => {
                let (listener, bound) = bind_beside(&before, &spec)?;
                (bound, Some(Arc::new(listener)))
            }
        };
        if !spec.enabled && before.listener.is_some() && stays_there {
            spec.listen = bound.to_string();
        }
        let stays = matches!((&before.listener, &listener), (Some(old), Some(new)) if Arc::ptr_eq(old, new));
        let route = Arc::new(
            Route::new(changes.next_id(), spec, bound, upstreams, listener, &before.all_open)
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
        Ok(route.view())
    }
}

impl Next {
    fn of(before: &Route, change: &RouteChange) -> Result<Self, EngineError> {
        let mut spec = before.spec.clone();
        if let Some(upstream) = &change.upstream {
            spec.upstream.clone_from(upstream);
            spec.upstreams.clear();
        }
        spec.enabled = change.enabled.unwrap_or(spec.enabled);
        let upstreams = Upstreams::read(&spec)?;
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
        if let Some(problem) = spec.check().into_iter().next() {
            return Err(EngineError::BadRoute { route: spec.name, problem });
        }
        Ok(Self { spec, upstreams, moves_to })
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
