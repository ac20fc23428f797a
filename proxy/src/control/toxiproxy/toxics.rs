//! Adding, changing and removing toxics.

use super::desk::Desk;
use super::mapping;
use super::refusal::Refusal;
use super::toxic::Toxic;
use crate::control::wire::{FaultSpec, MANUAL, RouteView};

impl Desk<'_> {
    /// Adds a toxic behind those that are there.
    pub(super) fn add_toxic(&mut self, proxy: &str, toxic: Toxic) -> Result<Toxic, Refusal> {
        let route = self.route(proxy)?;
        let is_taken = self.toxics(&route).iter().any(|other| other.name == toxic.name);
        if is_taken || standing(&route, &toxic.name).is_some() {
            return Err(Refusal::ToxicExists);
        }
        self.put(&route, &toxic)?;
        Ok(toxic)
    }

    pub(super) fn toxic(&mut self, proxy: &str, name: &str) -> Result<Toxic, Refusal> {
        let route = self.route(proxy)?;
        self.toxics(&route).into_iter().find(|toxic| toxic.name == name).ok_or(Refusal::NoToxic)
    }

    /// Puts a toxic in the place of the one with its name, or behind the others.
    pub(super) fn put_toxic(&mut self, proxy: &str, toxic: &Toxic) -> Result<(), Refusal> {
        let route = self.route(proxy)?;
        self.put(&route, toxic)
    }

    pub(super) fn delete_toxic(&mut self, proxy: &str, name: &str) -> Result<(), Refusal> {
        self.toxic(proxy, name)?;
        let route = self.route(proxy)?;
        self.take_back(&route, name)?;
        self.remembered(proxy).toxics.retain(|toxic| toxic.name != name);
        Ok(())
    }

    fn put(&mut self, route: &RouteView, toxic: &Toxic) -> Result<(), Refusal> {
        let proxy = &route.spec.name;
        let before = standing(route, &toxic.name);
        match (mapping::spec_of(toxic, self.seed), before) {
            (Some(made), before) => {
                check_owner(before)?;
                // The seed of a fault that was made elsewhere stays its own.
                let seed = before.map_or(made.seed, |before| before.seed);
                let set = self.control.set_fault(proxy, FaultSpec { seed, ..made });
                set.map_err(|error| Refusal::of_engine(error, ""))?;
            }
            (None, Some(_)) => self.take_back(route, &toxic.name)?,
            (None, None) => {}
        }
        let toxics = &mut self.remembered(proxy).toxics;
        match toxics.iter_mut().find(|other| other.name == toxic.name) {
            Some(place) => place.clone_from(toxic),
            None => toxics.push(toxic.clone()),
        }
        Ok(())
    }

    /// Removes the fault behind a toxic, if there is one.
    fn take_back(&self, route: &RouteView, name: &str) -> Result<(), Refusal> {
        let before = standing(route, name);
        check_owner(before)?;
        if before.is_some() {
            self.control.remove_fault(&route.spec.name, name)?;
        }
        Ok(())
    }

    /// Removes every toxic of a proxy, and with them all faults that were set by hand, whether a toxic can say them or
    /// not. What a drill set is the drill's.
    pub(super) fn clear(&mut self, route: &RouteView) -> Result<(), Refusal> {
        for fault in route.faults.iter().filter(|fault| fault.spec.owner == MANUAL) {
            self.control.remove_fault(&route.spec.name, &fault.spec.id)?;
        }
        self.remembered(&route.spec.name).toxics.clear();
        Ok(())
    }
}

fn standing<'a>(route: &'a RouteView, id: &str) -> Option<&'a FaultSpec> {
    route.faults.iter().map(|fault| &fault.spec).find(|spec| spec.id == id)
}

fn check_owner(fault: Option<&FaultSpec>) -> Result<(), Refusal> {
    match fault {
        Some(fault) if fault.owner != MANUAL => Err(Refusal::Other {
            status: 409,
            message: format!(
                "toxic {} belongs to {}, which takes it back itself; end that first",
                fault.id, fault.owner
            ),
        }),
        _ => Ok(()),
    }
}
