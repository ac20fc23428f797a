//! Environment files: where scenarios may run, and what is allowed there.

use std::collections::BTreeMap;

use super::policy::{self, Policy};
use super::routes::{self, Routes};
use super::substitute::{Variables, is_variable};
use super::{Checker, alarms, given, header, optional};
use crate::scenario::expectation::{AlarmSource, GenericSource};
use crate::scenario::written::{Environment as Written, Hosts};
use crate::text::{Field, Pairs, Problems, Scalar, Source, quote};

/// An environment that can be used.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Whether real users are here.
    pub production: bool,
    /// What `${NAME}` stands for here.
    pub variables: BTreeMap<String, String>,
    /// Labels of hosts and their values.
    pub labels: BTreeMap<String, Vec<String>>,
    /// What is allowed.
    pub policy: Policy,
    /// Where alarms come from.
    pub alarms: Vec<AlarmSource>,
    /// Systems that post alarms of a form of their own.
    pub generic_alarms: Vec<GenericSource>,
    /// What its file asks for and this version does not act on.
    pub not_acted_on: Vec<String>,
    /// Its routes, with the places where they were written.
    pub(in crate::scenario) routes: Routes,
}

/// Checks an environment that was read. It is usable as far as it is right: the caller looks at the problems.
pub(in crate::scenario) fn check(
    source: &Source,
    written: &Written,
    problems: Problems,
    (sets, process): (&BTreeMap<String, String>, &BTreeMap<String, String>),
) -> (Environment, Problems) {
    let empty = BTreeMap::new();
    let lookup = Variables { sets, environment: &empty, process };
    let mut first = Checker::new(problems, lookup);
    let variables = variables(&mut first, &written.variables);
    let lookup = Variables { sets, environment: &variables, process };
    let mut checker = Checker::new(first.problems, lookup);
    let head = (&written.firedrill, &written.kind, &written.name);
    let name = header::check(&mut checker, source, "Environment", head);
    let production = optional(&written.production).flatten().unwrap_or(false);
    let routes = routes::environment(&mut checker, &written.routes);
    let labels = labels(&mut checker, &written.hosts);
    let (alarms, generic_alarms) = alarms::sources(&mut checker, &written.alarms);
    let policy = policy::read(&mut checker, &written.policy, production);
    let (problems, not_acted_on) = (checker.problems, checker.not_acted_on);
    let name = name.unwrap_or_default();
    let environment = Environment {
        name,
        production,
        variables,
        labels,
        policy,
        alarms,
        generic_alarms,
        not_acted_on,
        routes,
    };
    (environment, problems)
}

fn variables(checker: &mut Checker<'_>, field: &Field<Pairs<Scalar>>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for pair in field.get().into_iter().flatten() {
        if !is_variable(&pair.name) {
            checker
                .problems
                .error("bad-name", pair.name_span, format!("{} is no name of a variable", quote(&pair.name)))
                .help("use letters, digits and `_`, for example `SHOP`");
        }
        let Some((value, at)) = given(&pair.value) else { continue };
        if value.0.contains("${") {
            checker
                .problems
                .error("bad-substitution", at, "the value of a variable is not looked into again")
                .help("write it out");
        }
        variables.insert(pair.name.clone(), value.0.clone());
    }
    variables
}

fn labels(checker: &mut Checker<'_>, field: &Field<Hosts>) -> BTreeMap<String, Vec<String>> {
    let mut labels = BTreeMap::new();
    let Some(written) = field.get().and_then(|hosts| hosts.labels.get()) else { return labels };
    for pair in written {
        let unusable = |text: &str| text.is_empty() || text.contains([',', '=', '!', '[', ']', ' ']);
        if unusable(&pair.name) {
            checker
                .problems
                .error("bad-name", pair.name_span, format!("{} cannot stand in a target", quote(&pair.name)))
                .help("use letters, digits, `-`, `_` and `.`");
        }
        let mut values = Vec::new();
        for (value, at) in pair.value.get().into_iter().flatten().filter_map(given) {
            if unusable(&value.0) {
                checker
                    .problems
                    .error("bad-name", at, format!("{} cannot stand in a target", quote(&value.0)))
                    .help("use letters, digits, `-`, `_` and `.`");
            }
            values.push(value.0.clone());
        }
        labels.insert(pair.name.clone(), values);
    }
    labels
}
