//! The desk at which one request after the other is served: the engine, and what is remembered beside it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::memory::{Memory, Remembered};
use super::proxy::Proxy;
use super::refusal::Refusal;
use super::toxic::Toxic;
use crate::control::handle::Control;
use crate::control::wire::RouteView;
use crate::seed::Seed;

/// What all requests share.
#[derive(Debug)]
pub(super) struct Office {
    control: Control,
    /// The seed of every toxic.
    seed: Seed,
    /// Locked while a request is served, which never waits for anything.
    memory: Mutex<Memory>,
}

impl Office {
    pub(super) fn new(control: Control, seed: Seed) -> Self {
        Self { control, seed, memory: Mutex::default() }
    }

    /// The desk, free for one request.
    pub(super) fn desk(&self) -> Desk<'_> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.keep(&self.control.routes());
        Desk { control: &self.control, seed: self.seed, memory }
    }
}

/// The desk while it is taken.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    pub(super) control: &'a Control,
    pub(super) seed: Seed,
    pub(super) memory: MutexGuard<'a, Memory>,
}

impl Desk<'_> {
    /// All proxies, in the order in which they were made.
    pub(super) fn proxies(&mut self) -> Vec<Proxy> {
        self.control.routes().iter().map(|route| self.shown(route)).collect()
    }

    pub(super) fn proxy(&mut self, name: &str) -> Result<Proxy, Refusal> {
        let route = self.route(name)?;
        Ok(self.shown(&route))
    }

    pub(super) fn route(&self, name: &str) -> Result<RouteView, Refusal> {
        self.control.route(name).map_err(|_| Refusal::NoProxy)
    }

    /// A route as a proxy.
    pub(super) fn shown(&mut self, route: &RouteView) -> Proxy {
        let seed = self.seed;
        let remembered = self.remembered(&route.spec.name);
        Proxy {
            name: route.spec.name.clone(),
            listen: remembered.listen_of(route),
            upstream: remembered.upstream_of(route),
            enabled: route.spec.enabled,
            logger: std::collections::BTreeMap::new(),
            toxics: remembered.toxics_of(route, seed),
        }
    }

    pub(super) fn toxics(&mut self, route: &RouteView) -> Vec<Toxic> {
        let seed = self.seed;
        self.remembered(&route.spec.name).toxics_of(route, seed)
    }

    pub(super) fn remembered(&mut self, proxy: &str) -> &mut Remembered {
        self.memory.of(proxy)
    }
}
