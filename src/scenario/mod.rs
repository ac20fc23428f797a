//! What someone wants to go wrong: text → checked → plan.
//!
//! [`check`] reads a scenario and says everything that is wrong with it; a [`Scenario`] is one that nothing is wrong
//! with, and makes a [`Plan`](plan::Plan). [`check_environment`] does the same for an environment file. Other files are
//! found through a [`Catalog`], so that this module itself never opens one.

mod catalog;
pub(crate) mod changes;
pub(crate) mod check;
pub(crate) mod defaults;
pub(crate) mod expand;
pub mod expectation;
pub mod plan;
mod resolve;
mod rules;
pub(crate) mod schema;
#[cfg(test)]
mod tests;
pub(crate) mod written;

use std::collections::BTreeMap;

pub use catalog::{Catalog, NoCatalog};
pub use check::environment::Environment;
pub use check::policy::Policy;
pub use check::service::Service;
pub use resolve::Scenario;
pub use rules::Monitoring;
pub use schema::{environment_schema, schema, service_schema};

use crate::text::{Form, Problems, Source, Span, quote, read};
use check::Checker;
use check::substitute::Variables;
use check::targets::Places;
use check::{
    abort, alarms, expect, faults, header, hypothesis, lint, load, order, policy, probes, references, routes,
    secrets,
};
use expectation::{AlarmSource, GenericSource};

/// What a file is read against.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Where names of other files lead.
    pub catalog: &'a dyn Catalog,
    /// `--set NAME=value`.
    pub sets: &'a BTreeMap<String, String>,
    /// The environment variables of the process, handed in.
    pub process_env: &'a BTreeMap<String, String>,
    /// `--input NAME=value`, for playbooks.
    pub inputs: &'a BTreeMap<String, String>,
    /// The environment that was chosen, by name.
    pub environment: Option<&'a str>,
}

/// What came of checking a file: all problems, each with the file it is in, and the thing itself when nothing is
/// wrong with it. Warnings are problems that leave the thing usable.
#[derive(Debug)]
pub struct Checked<T> {
    /// The file first, then the environment's, each with its problems.
    pub files: Vec<(Source, Problems)>,
    /// What was read; absent when there is any error.
    pub value: Option<T>,
}

impl<T> Checked<T> {
    /// Whether anything is wrong that makes the file unusable.
    pub fn has_errors(&self) -> bool {
        self.files.iter().any(|(_, problems)| problems.has_errors())
    }
}

/// Reads and checks an environment file.
pub fn check_environment(source: Source, context: &Context<'_>) -> Checked<Environment> {
    let mut problems = Problems::new();
    let written = read::<written::Environment>(&source, &mut problems);
    let (value, problems) = match written {
        None => (None, problems),
        Some(written) => {
            let outside = (context.sets, context.process_env);
            let (environment, problems) = check::environment::check(&source, &written, problems, outside);
            ((!problems.has_errors()).then_some(environment), problems)
        }
    };
    Checked { files: vec![(source, problems)], value }
}

/// Reads and checks a service file.
pub fn check_service(source: Source, context: &Context<'_>) -> Checked<Service> {
    let mut problems = Problems::new();
    let Some(written) = read::<written::Service>(&source, &mut problems) else {
        return Checked { files: vec![(source, problems)], value: None };
    };
    let nothing = BTreeMap::new();
    let variables = Variables { sets: context.sets, environment: &nothing, process: context.process_env };
    let mut checker = Checker::new(problems, variables);
    let service = check::service::check(&mut checker, &source, &written, context.catalog);
    let problems = checker.problems;
    let value = (!problems.has_errors()).then_some(service);
    Checked { files: vec![(source, problems)], value }
}

/// Reads and checks a scenario, and the environment that was chosen for it.
pub fn check(source: Source, context: &Context<'_>) -> Checked<Scenario> {
    check_with(source, context, None, Vec::new())
}

/// The same of a scenario in which some keys are different. What is wrong with those is told at their own places,
/// which are not of the scenario's file.
pub(crate) fn check_changed(
    source: Source,
    context: &Context<'_>,
    different: Vec<changes::FaultChange>,
) -> Checked<Scenario> {
    check_with(source, context, None, different)
}

/// The same, and holds what it expects of alarms against the rules that should fire them. What is wrong with a rule
/// is kept with its file.
pub fn check_against(
    source: Source,
    context: &Context<'_>,
    monitoring: &mut Monitoring,
) -> Checked<Scenario> {
    check_with(source, context, Some(monitoring), Vec::new())
}

fn check_with(
    source: Source,
    context: &Context<'_>,
    monitoring: Option<&mut Monitoring>,
    different: Vec<changes::FaultChange>,
) -> Checked<Scenario> {
    let mut problems = Problems::new();
    let Some(mut written) = read::<written::Scenario>(&source, &mut problems) else {
        return Checked { files: vec![(source, problems)], value: None };
    };
    changes::apply(&mut written, different, &mut problems);
    let found = environment(context);
    let (environment_file, environment) = match found {
        Some(Checked { mut files, value }) => (files.pop(), value),
        None => {
            missing_environment(context, &written, &mut problems);
            (None, None)
        }
    };
    // With an environment that is chosen and broken, most of what follows would be wrong only because of that.
    let stop = context.environment.is_some() && environment.is_none();
    let (problems, scenario) = if stop {
        (problems, None)
    } else {
        whole(&source, written, problems, context, (environment, monitoring))
    };
    let mut files = vec![(source, problems)];
    files.extend(environment_file);
    let good = !files.iter().any(|(_, problems)| problems.has_errors());
    Checked { files, value: scenario.filter(|_| good) }
}

/// The chosen environment's file, read and checked, when one is chosen and there is such a file.
pub(crate) fn environment(context: &Context<'_>) -> Option<Checked<Environment>> {
    let source = context.catalog.read("environments", context.environment?)?;
    Some(check_environment(source, context))
}

/// The playbook that a scenario names, whatever else is wrong with the file.
pub fn named_playbook(source: &Source) -> Option<String> {
    let written: written::Scenario = read(source, &mut Problems::new())?;
    match written.playbook.into_value()? {
        Form::Word(name) => Some(name),
        Form::Map(map) => map.name.into_value(),
        Form::List(never) => match never {},
    }
}

fn missing_environment(context: &Context<'_>, written: &written::Scenario, problems: &mut Problems) {
    let Some(name) = context.environment else { return };
    let at = written.environments.span().unwrap_or(Span::new(0, 0));
    problems
        .error("unknown-environment", at, format!("there is no environment {}", quote(name)))
        .help(format!("write environments/{name}.yaml, or give its folder with `--catalog DIR`"));
}

fn whole(
    source: &Source,
    written: written::Scenario,
    problems: Problems,
    context: &Context<'_>,
    (environment, monitoring): (Option<Environment>, Option<&mut Monitoring>),
) -> (Problems, Option<Scenario>) {
    let nothing = BTreeMap::new();
    let variables = Variables {
        sets: context.sets,
        environment: environment.as_ref().map_or(&nothing, |environment| &environment.variables),
        process: context.process_env,
    };
    let mut checker = Checker::new(problems, variables);
    let scenario = parts(&mut checker, source, written, context, (environment.as_ref(), monitoring));
    (checker.problems, scenario)
}

fn parts(
    checker: &mut Checker<'_>,
    source: &Source,
    written: written::Scenario,
    context: &Context<'_>,
    (environment, monitoring): (Option<&Environment>, Option<&mut Monitoring>),
) -> Option<Scenario> {
    let top = Span::new(0, source.text.lines().next().map_or(0, str::len));
    let name = header::check(checker, source, "Scenario", (&written.firedrill, &written.kind, &written.name));
    checker.secrets = secrets::check(checker, &written.secrets);
    let title = checker.text(&written.title);
    let own = routes::own(checker, &written.routes);
    may_run_there(checker, &written, &own, environment);
    let load = load::check(checker, &written.load);
    let steady = probes::check(checker, &written.steady_state, top);
    let places = Places { own: &own, environment: environment.map(|found| (&found.routes, &found.labels)) };
    let has_playbook = !written.playbook.is_absent();
    let mut faults = faults::check(checker, &written.faults, top, places, has_playbook);
    order::check(checker, &mut faults);
    let hypothesis = hypothesis::check(checker, &written.hypothesis);
    hypothesis::premortem(checker, &written.premortem);
    let mut expected = expect::check(checker, &written.expect, &faults);
    references::check(checker, &written, context.catalog, environment.map(|found| found.name.as_str()));
    (expected.sources, expected.generic) = alarms::sources(checker, &written.alarms);
    if let Some(environment) = environment {
        // What both name is asked once, as the scenario says.
        let known = |source: &AlarmSource| expected.sources.iter().any(|own| own.url == source.url);
        let more: Vec<_> = environment.alarms.iter().filter(|source| !known(source)).cloned().collect();
        expected.sources.extend(more);
        let known = |source: &GenericSource| expected.generic.iter().any(|own| own.name == source.name);
        let more = environment.generic_alarms.iter().filter(|source| !known(source)).cloned();
        let more: Vec<_> = more.collect();
        expected.generic.extend(more);
    }
    let playbook = references::playbook(checker, &written.playbook, context.catalog);
    if let Some(monitoring) = monitoring {
        rules::hold(checker, &written, &expected, &faults, monitoring);
    }
    let abort = abort::check(checker, &written.abort, &steady.probes);
    all_left_out(checker, &written, &faults);
    if let Some(environment) = environment {
        policy::hold(checker, &environment.policy, &environment.name, &faults);
    }
    let whole = lint::Whole {
        load: load.as_ref(),
        probes: &steady.probes,
        faults: &faults,
        abort: &abort,
        has_abort: written.abort.is_given(),
    };
    lint::check(checker, &whole);
    if checker.problems.has_errors() {
        return None;
    }
    let pieces = resolve::Pieces {
        name: name?,
        title,
        own,
        load,
        steady,
        faults,
        alarms: expected,
        recovery: expect::recovery(&written.expect),
        playbook,
        hypothesis,
        abort,
        written,
    };
    Some(resolve::scenario(pieces, environment, checker))
}

/// The environment is one of those that the scenario names, and no route is defined twice.
fn may_run_there(
    checker: &mut Checker<'_>,
    written: &written::Scenario,
    own: &routes::Routes,
    environment: Option<&Environment>,
) {
    let Some(environment) = environment else { return };
    if let (Some(list), Some(at)) = (written.environments.get(), written.environments.span())
        && !list.iter().any(|entry| entry.get() == Some(&environment.name))
    {
        checker
            .problems
            .error("wrong-environment", at, format!("the scenario may not run in `{}`", environment.name))
            .help("add it to `environments`, or choose one that stands there");
    }
    for route in &own.good {
        let name = &route.route.spec.name;
        if environment.routes.names().any(|other| other == name) {
            checker
                .problems
                .error(
                    "route-defined-twice",
                    route.at,
                    format!("the route `{name}` is also defined by the environment `{}`", environment.name),
                )
                .help("rename it here, or leave it out here to use the environment's");
        }
    }
}

/// A plan without a fault would prove nothing.
fn all_left_out(checker: &mut Checker<'_>, written: &written::Scenario, faults: &[faults::NamedFault]) {
    if let Some(first) = faults.first()
        && faults.iter().all(|fault| fault.left_out.is_some())
    {
        let at = written.faults.key().unwrap_or(first.at);
        checker
            .problems
            .error("no-fault", at, "this version can reach none of the targets, so no fault is left")
            .help("add a fault on a route or on `host/local`");
    }
}
