//! Changing a route in place: switched on or off, listening elsewhere, leading elsewhere.
//!
//! A changed route is a new one in the place of the old, with the same faults and the same counts. What must be bound
//! is bound before the old one is touched, so a change that fails leaves everything as it was.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use super::address::{self, Upstream};
use super::route::Route;
use super::{Engine, EngineError};
use crate::control::wire::{RouteChange, RouteSpec, RouteView};

/// A route as it is to become.
struct Next {
    spec: RouteSpec,
    upstream: Upstream,
    /// Where it is to listen, where that is not where it is.
    moves_to: Option<SocketAddr>,
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
        let Next { mut spec, upstream, moves_to } = next;
        let (bound, listener) = match (&before.listener, moves_to) {
            (_, to) if !spec.enabled => (to.unwrap_or(before.bound), None),
            (Some(listener), None) => (before.bound, Some(Arc::clone(listener))),
            _ => {
                let (bound, listener) = bind_beside(&before, &spec)?;
                (bound, Some(listener))
            }
        };
        if !spec.enabled && before.listener.is_some() && moves_to.is_none() {
            spec.listen = bound.to_string();
        }
        let stays = matches!((&before.listener, &listener), (Some(old), Some(new)) if Arc::ptr_eq(old, new));
        let route =
            Arc::new(Route::new(changes.next_id(), spec, bound, upstream, listener).succeeding(&before));
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
        }
        spec.enabled = change.enabled.unwrap_or(spec.enabled);
        let upstream = Upstream::read(&spec)?;
        let mut moves_to = None;
        if let Some(listen) = &change.listen {
            let there = std::mem::replace(&mut spec.listen, listen.clone());
            let address = address::listen_address(&spec)?;
            // Port 0 asks for a new port each time.
            if address.port() == 0 || address != before.bound {
                moves_to = Some(address);
            } else {
                spec.listen = there;
            }
        }
        Ok(Self { spec, upstream, moves_to })
    }
}

/// Binds the listen address; says what was bound.
pub(super) fn bind(spec: &RouteSpec) -> Result<(SocketAddr, Arc<TcpListener>), EngineError> {
    with_address(spec, address::bind(spec)?)
}

/// Binds while the route before still listens, also where that one is in the way.
fn bind_beside(before: &Route, spec: &RouteSpec) -> Result<(SocketAddr, Arc<TcpListener>), EngineError> {
    let same_port = address::listen_address(spec)?.port() == before.bound.port();
    match &before.listener {
        Some(standing) if same_port => with_address(spec, address::bind_beside(spec, standing)?),
        _ => bind(spec),
    }
}

fn with_address(
    spec: &RouteSpec,
    listener: TcpListener,
) -> Result<(SocketAddr, Arc<TcpListener>), EngineError> {
    let bound = listener.local_addr().map_err(|source| EngineError::Bind {
        route: spec.name.clone(),
        listen: spec.listen.clone(),
        holder: None,
        source,
    })?;
    Ok((bound, Arc::new(listener)))
}
