//! Making, changing and removing proxies.

use super::address::{Listen, dialled};
use super::desk::Desk;
use super::memory::Said;
use super::proxy::{Proxy, Wanted};
use super::refusal::Refusal;
use crate::control::wire::{Protocol, RouteChange, RouteSpec, RouteView};

impl Desk<'_> {
    /// Makes a proxy. All or nothing.
    pub(super) fn create(&mut self, wanted: &Wanted, listen: &Listen) -> Result<Proxy, Refusal> {
        wanted.is_whole()?;
        if self.control.route(&wanted.name).is_ok() {
            return Err(Refusal::ProxyExists);
        }
        let (told_listen, told_upstream) = (told(listen, "listen tcp: ")?, dialled(wanted.upstream()));
        let mut spec = RouteSpec::new(&wanted.name, told_listen, told_upstream, Protocol::Tcp);
        spec.enabled = wanted.enabled.unwrap_or(true);
        let made = self.control.make_route(spec);
        let route = made.map_err(|error| Refusal::of_engine(error, &listen.shown()))?;
        self.memory.forget(&wanted.name);
        self.remember(&route, Some(listen), Some(wanted.upstream()));
        Ok(self.shown(&route))
    }

    /// Changes a proxy in its place: its toxics stay, its connections end if anything but a name is different. What
    /// is refused leaves it as it was.
    pub(super) fn update(
        &mut self,
        name: &str,
        wanted: &Wanted,
        listen: Option<&Listen>,
    ) -> Result<Proxy, Refusal> {
        let before = self.proxy(name)?;
        let upstream = wanted.upstream.as_deref().filter(|upstream| *upstream != before.upstream);
        let change = RouteChange {
            listen: listen.map(|listen| told(listen, "")).transpose()?,
            upstream: upstream.map(dialled),
            enabled: wanted.enabled,
            ..RouteChange::default()
        };
        self.change(name, &change, listen, upstream)
    }

    /// Makes a change, and remembers how it was said.
    pub(super) fn change(
        &mut self,
        name: &str,
        change: &RouteChange,
        listen: Option<&Listen>,
        upstream: Option<&str>,
    ) -> Result<Proxy, Refusal> {
        let before = self.route(name)?;
        let shown = listen.map_or_else(|| before.spec.listen.clone(), Listen::shown);
        let changed = self.control.alter_route(name, change);
        let after = changed.map_err(|error| Refusal::of_engine(error, &shown))?;
        let moved = listen.filter(|_| after.spec.listen != before.spec.listen);
        self.remember(&after, moved, upstream);
        Ok(self.shown(&after))
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<(), Refusal> {
        self.route(name)?;
        self.control.remove_route(name)?;
        self.memory.forget(name);
        Ok(())
    }

    fn remember(&mut self, route: &RouteView, listen: Option<&Listen>, upstream: Option<&str>) {
        let remembered = self.remembered(&route.spec.name);
        if let Some(listen) = listen {
            remembered.listen = Said { said: listen.said.clone(), told: route.spec.listen.clone() };
        }
        if let Some(upstream) = upstream {
            remembered.upstream = Said { said: upstream.to_owned(), told: route.spec.upstream.clone() };
        }
    }
}

/// What the engine is told to listen on.
fn told(listen: &Listen, doing: &str) -> Result<String, Refusal> {
    match &listen.at {
        Ok(address) => Ok(address.to_string()),
        Err(why) => Err(Refusal::Other { status: 500, message: format!("{doing}{why}") }),
    }
}
