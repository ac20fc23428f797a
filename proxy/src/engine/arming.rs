//! Arming faults, changing them and taking them away.

use std::sync::Arc;

use super::armed::Armed;
use super::record::Record;
use super::route::Route;
use super::timer::now_ns;
use super::{Engine, EngineError, REGEXES_MAX, check_name};
use crate::control::wire::{FaultSpec, FaultView, LedgerEntry, Protocol};
use crate::fault::RequestMatch;

impl Engine {
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
        let record = record.map_or_else(|| Arc::new(Record::since(now_ns())), |old| Arc::clone(&old.record));
        if has_no_room_for_patterns(&faults, &spec) {
            return Err(EngineError::TooManyPatterns { route: route.spec.name.clone() });
        }
        let id = spec.id.clone();
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

    /// The first decisions of a fault, by ordinal.
    pub fn ledger(&self, route: &str, fault: &str) -> Result<Vec<LedgerEntry>, EngineError> {
        let route = self.find(route)?;
        Ok(Self::find_fault(&route, fault)?.record.ledger())
    }

    fn find_fault(route: &Route, id: &str) -> Result<Arc<Armed>, EngineError> {
        route.fault(id).ok_or_else(|| EngineError::NoFault {
            route: route.spec.name.clone(),
            id: id.to_owned(),
            known: route.faults().faults.iter().map(|fault| fault.spec.id.clone()).collect(),
        })
    }
}

/// Whether the regular expressions of this fault would be too many beside those of the others.
fn has_no_room_for_patterns(faults: &[Arc<Armed>], spec: &FaultSpec) -> bool {
    let regexes = |one: &FaultSpec| {
        one.matching.regexes() + one.scope.exclude.as_ref().map_or(0, RequestMatch::regexes)
    };
    let wanted = regexes(spec);
    let others = faults.iter().filter(|fault| fault.spec.id != spec.id).map(|fault| regexes(&fault.spec));
    wanted > 0 && others.sum::<usize>() + wanted > REGEXES_MAX
}

/// Lets what a route obeys by itself stand among its faults.
pub(super) fn arm_headers(route: &Route) -> Result<(), EngineError> {
    let Some(limits) = &route.spec.envoy_headers else { return Ok(()) };
    let spec = FaultSpec::of_headers(limits);
    let (id, kind) = (spec.id.clone(), spec.fault.kind());
    let armed = Armed::new(&route.spec.name, spec, Arc::new(Record::since(now_ns())), 0);
    route.set_faults(vec![Arc::new(armed.map_err(|problem| EngineError::BadFault { id, kind, problem })?)])
}
