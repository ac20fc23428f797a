//! What was said and cannot be read off the engine: words that were looked up, and toxics that no fault can express.
//!
//! The engine is the truth. What is remembered only fills in how a thing was said, as long as the thing is still there
//! and still as it was made here; what is changed over the native API is shown as it is now.

use std::collections::BTreeMap;

use super::mapping;
use super::toxic::Toxic;
use crate::control::wire::RouteView;
use crate::fault::Direction;
use crate::seed::Seed;

/// By the name of the proxy.
#[derive(Debug, Default)]
pub(super) struct Memory {
    proxies: BTreeMap<String, Remembered>,
}

/// One proxy.
#[derive(Clone, Debug, Default)]
pub(super) struct Remembered {
    pub(super) listen: Said,
    pub(super) upstream: Said,
    /// In the order in which they were made.
    pub(super) toxics: Vec<Toxic>,
}

/// How something was said, and what the engine was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub(super) said: String,
    pub(super) told: String,
}

impl Said {
    /// As it was said, while it is still so.
    fn of<'a>(&'a self, now: &'a str) -> &'a str {
        if self.told == now { &self.said } else { now }
    }
}

impl Memory {
    pub(super) fn of(&mut self, proxy: &str) -> &mut Remembered {
        self.proxies.entry(proxy.to_owned()).or_default()
    }

    pub(super) fn forget(&mut self, proxy: &str) {
        self.proxies.remove(proxy);
    }

    /// Forgets proxies that are there no more.
    pub(super) fn keep(&mut self, routes: &[RouteView]) {
        self.proxies.retain(|name, _| routes.iter().any(|route| route.spec.name == *name));
    }
}

impl Remembered {
    /// Where the proxy listens: the address in fact bound, and before that as it was said.
    pub(super) fn listen_of(&mut self, route: &RouteView) -> String {
        if route.spec.enabled {
            self.listen = Said::default();
            return route.bound.to_string();
        }
        self.listen.of(&route.spec.listen).to_owned()
    }

    pub(super) fn upstream_of(&self, route: &RouteView) -> String {
        self.upstream.of(&route.spec.leads_to()).to_owned()
    }

    /// The toxics as they stand: upstream first, then downstream, then those of both, each in the order of their making.
    pub(super) fn toxics_of(&mut self, route: &RouteView, seed: Seed) -> Vec<Toxic> {
        let fault = |name: &str| route.faults.iter().map(|fault| &fault.spec).find(|spec| spec.id == name);
        self.toxics.retain(|toxic| match (mapping::spec_of(toxic, seed), fault(&toxic.name)) {
            (Some(made), Some(now)) => mapping::is_same(&made, now),
            (None, None) => true,
            _ => false,
        });
        let mut toxics = self.toxics.clone();
        let others = route.faults.iter().filter_map(|fault| mapping::toxic_of(&fault.spec));
        for other in others {
            if !toxics.iter().any(|toxic| toxic.name == other.name) {
                toxics.push(other);
            }
        }
        toxics.sort_by_key(|toxic| match toxic.direction() {
            Direction::Request => 0,
            Direction::Response => 1,
            Direction::Both => 2,
        });
        toxics
    }
}
