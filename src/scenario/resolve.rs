//! From checked pieces to a scenario that only lacks a seed, and from there to a plan.

use std::collections::BTreeMap;

use super::check::Checker;
use super::check::environment::Environment;
use super::check::faults::NamedFault;
use super::check::probes::Steady;
use super::check::routes::Routes;
use super::expectation::Alarms;
use super::plan::{
    AbortRule, ExpectedRecovery, Hypothesis, Load, Plan, PlannedFault, PlannedRoute, PlaybookUse,
    SecretSource, SteadyState, Tolerance,
};
use super::{defaults, expand, written};
use crate::fault::{Percent, Period, Seed, Target};

/// What the checks made of a file without errors.
pub(super) struct Pieces {
    pub(super) name: String,
    pub(super) title: Option<String>,
    pub(super) own: Routes,
    pub(super) load: Option<Load>,
    pub(super) steady: Steady,
    pub(super) faults: Vec<NamedFault>,
    pub(super) alarms: Alarms,
    pub(super) recovery: Option<ExpectedRecovery>,
    pub(super) playbook: Option<PlaybookUse>,
    pub(super) hypothesis: Option<Hypothesis>,
    pub(super) abort: Vec<AbortRule>,
    pub(super) written: written::Scenario,
}

/// A scenario that nothing is wrong with, in the environment that was chosen for it.
#[derive(Debug)]
pub struct Scenario {
    name: String,
    title: Option<String>,
    environment: Option<String>,
    percent_max: Option<Percent>,
    routes: Vec<PlannedRoute>,
    load: Option<Load>,
    steady_state: SteadyState,
    faults: Vec<PlannedFault>,
    alarms: Alarms,
    recovery: Option<ExpectedRecovery>,
    playbook: Option<PlaybookUse>,
    abort: Vec<AbortRule>,
    hypothesis: Option<Hypothesis>,
    secrets: BTreeMap<String, SecretSource>,
    not_acted_on: Vec<String>,
    written: written::Scenario,
}

impl Scenario {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The seed that the file fixes, if it does.
    pub fn seed(&self) -> Option<Seed> {
        self.written.seed.get().copied().map(Seed)
    }

    /// The names of the probes that it measures.
    pub fn probes(&self) -> impl Iterator<Item = &str> {
        self.steady_state.probes.iter().map(|probe| probe.name.as_str())
    }

    /// How it exercises a playbook, if it does.
    pub fn playbook(&self) -> Option<&PlaybookUse> {
        self.playbook.as_ref()
    }

    /// Adds to what its files ask for and this version does not act on.
    pub(crate) fn not_acted_on(&mut self, what: String) {
        self.not_acted_on.push(what);
    }

    /// Whether any alarm is expected, which also starts a playbook.
    pub fn expects_alarms(&self) -> bool {
        !self.alarms.expected.is_empty()
    }

    /// The plan with a seed (the file's, or one that was chosen), and the command whose exit code is a verdict.
    pub fn plan(&self, seed: Seed, command: Option<Vec<String>>) -> Plan {
        Plan {
            scenario: self.name.clone(),
            title: self.title.clone(),
            environment: self.environment.clone(),
            percent_max: self.percent_max,
            seed,
            routes: self.routes.clone(),
            load: self.load.clone(),
            steady_state: self.steady_state.clone(),
            faults: self.faults.clone(),
            alarms: self.alarms.clone(),
            recovery: self.recovery,
            playbook: self.playbook.clone(),
            abort: self.abort.clone(),
            hypothesis: self.hypothesis.clone(),
            secrets: self.secrets.clone(),
            command,
            placebo: None,
            not_acted_on: self.not_acted_on.clone(),
        }
    }

    /// The file in its long form: every short form and every default written out. Variables stay as they were
    /// written; comments are lost. Reading it again gives the same plan.
    pub fn expanded(&self) -> String {
        expand::text(&self.written, &self.steady_state)
    }
}

pub(super) fn scenario(
    pieces: Pieces,
    environment: Option<&Environment>,
    checker: &mut Checker<'_>,
) -> Scenario {
    let Pieces {
        name,
        title,
        own,
        load,
        steady,
        faults,
        alarms,
        recovery,
        playbook,
        hypothesis,
        abort,
        written,
    } = pieces;
    let faults = kept(faults, checker);
    let mut routes: Vec<PlannedRoute> = own.good.into_iter().map(|named| named.route).collect();
    routes.extend(used(environment, &faults));
    if let Some(environment) = environment {
        let lines = environment.not_acted_on.iter();
        checker.not_acted_on.extend(lines.map(|line| format!("environment `{}`: {line}", environment.name)));
    }
    Scenario {
        name,
        title,
        environment: environment.map(|environment| environment.name.clone()),
        percent_max: environment.and_then(|environment| environment.policy.percent_max),
        routes,
        load,
        steady_state: steady_state(steady, &abort),
        faults,
        alarms,
        recovery,
        playbook,
        abort,
        hypothesis,
        secrets: std::mem::take(&mut checker.secrets),
        not_acted_on: std::mem::take(&mut checker.not_acted_on),
        written,
    }
}

/// The faults that this version acts on, in file order; the others are named.
fn kept(faults: Vec<NamedFault>, checker: &mut Checker<'_>) -> Vec<PlannedFault> {
    let mut kept = Vec::with_capacity(faults.len());
    for named in faults {
        match named.left_out {
            Some(why) => checker.not_acted_on(why),
            None => kept.extend(named.fault),
        }
    }
    kept
}

/// The environment's routes that a fault is for.
fn used(environment: Option<&Environment>, faults: &[PlannedFault]) -> Vec<PlannedRoute> {
    let Some(environment) = environment else { return Vec::new() };
    let targeted = |name: &String| faults.iter().any(|fault| fault.target == Target::Route(name.clone()));
    let routes = environment.routes.good.iter().map(|named| &named.route);
    routes.filter(|route| targeted(&route.spec.name)).cloned().collect()
}

fn steady_state(steady: Steady, abort: &[AbortRule]) -> SteadyState {
    let probes: Vec<_> = steady.probes.into_iter().filter_map(|named| named.probe).collect();
    let own = probes.iter().map(|probe| &probe.tolerance);
    let all = own.chain(abort.iter().filter_map(|rule| rule.tolerance.as_ref()));
    let windowed = |tolerance: &&Tolerance| {
        tolerance.errors.is_some()
            || [tolerance.p50, tolerance.p95, tolerance.p99].iter().any(Option::is_some)
    };
    let over = all.filter(windowed).map(|tolerance| tolerance.over).max().unwrap_or(Period::ZERO);
    let stable_for = steady.stable_for.unwrap_or(defaults::STABLE_FOR);
    SteadyState {
        stable_for,
        no_impact_after: steady.no_impact_after.unwrap_or(defaults::NO_IMPACT_AFTER),
        gate_within: steady.gate_within.unwrap_or_else(|| defaults::gate_within(over, stable_for)),
        recovery_within: steady
            .recovery_within
            .unwrap_or_else(|| defaults::recovery_within(over, stable_for)),
        probes,
    }
}
