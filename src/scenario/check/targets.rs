//! Targets: a route that is defined, the host that runs the drill, or hosts that the environment names.

use std::collections::BTreeMap;

use super::Checker;
use super::routes::Routes;
use crate::fault::{HostSelector, LOCAL_HOST, Protocol, Target};
use crate::text::{Span, nearest, quote};

/// What can be named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<'a> {
    /// The scenario's own routes.
    pub(crate) own: &'a Routes,
    /// The environment's routes and labels; absent when the scenario runs alone.
    pub(crate) environment: Option<(&'a Routes, &'a BTreeMap<String, Vec<String>>)>,
}

impl Places<'_> {
    /// What the bytes of a route are, when the route is well defined.
    pub(crate) fn protocol(&self, route: &str) -> Option<Protocol> {
        let environment = self.environment.and_then(|(routes, _)| routes.get(route));
        self.own.get(route).or(environment).map(|found| found.route.spec.protocol)
    }
}

/// The target, when there is such a place. Hosts by label are read and checked; whether they are reached is another
/// question.
pub(crate) fn check(checker: &mut Checker<'_>, text: &str, at: Span, places: Places<'_>) -> Option<Target> {
    let text = checker.resolve(text, at, false)?;
    let target: Target = match text.parse() {
        Ok(target) => target,
        Err(why) => {
            let why: String = why;
            let problem = checker.problems.error("bad-target", at, why);
            if let Some(meant) = meant(&text, places) {
                problem.help(format!("did you mean `{meant}`?"));
            }
            return None;
        }
    };
    let known = match &target {
        Target::Route(name) => route(checker, name, at, places),
        Target::Host(HostSelector::Named(name)) => host(checker, name, at, places),
        Target::Host(HostSelector::Labelled(terms)) => {
            let mut known = true;
            for (label, _, value) in terms {
                known &= labelled(checker, (label, value), at, places);
            }
            known
        }
    };
    known.then_some(target)
}

/// The target that a bare name stands for: a route, or the host that runs the drill.
fn meant(text: &str, places: Places<'_>) -> Option<String> {
    let environment = places.environment.iter().flat_map(|(routes, _)| routes.names());
    let route = nearest(text, places.own.names().chain(environment)).map(|name| format!("route/{name}"));
    let is_here = ["local", "localhost", "127.0.0.1"].contains(&text);
    route.or_else(|| is_here.then(|| format!("host/{LOCAL_HOST}")))
}

fn route(checker: &mut Checker<'_>, name: &str, at: Span, places: Places<'_>) -> bool {
    let environment = || places.environment.iter().flat_map(|(routes, _)| routes.names());
    let mut names = places.own.names().chain(environment());
    if names.any(|known| known == name) {
        return true;
    }
    let near = nearest(name, places.own.names().chain(environment())).map(str::to_owned);
    let define = format!(
        "define it: `routes: {{{name}: {{listen: \"127.0.0.1:9001\", upstream: \"127.0.0.1:9000\"}}}}`"
    );
    let help = match (near, places.environment.is_some()) {
        (Some(near), _) => format!("did you mean `route/{near}`?"),
        (None, true) => define,
        (None, false) => format!("{define}, or choose an environment that has it with `--environment NAME`"),
    };
    checker.problems.error("unknown-target", at, format!("there is no route {}", quote(name))).help(help);
    false
}

fn host(checker: &mut Checker<'_>, name: &str, at: Span, places: Places<'_>) -> bool {
    // Agents bring the names of their hosts, so with an environment any name may exist.
    if name == LOCAL_HOST || places.environment.is_some() {
        return true;
    }
    checker
        .problems
        .error("unknown-target", at, format!("there is no host {} when a scenario runs alone", quote(name)))
        .help("use `host/local`, or choose an environment with `--environment NAME`");
    false
}

fn labelled(checker: &mut Checker<'_>, (label, value): (&str, &str), at: Span, places: Places<'_>) -> bool {
    let Some((_, labels)) = places.environment else {
        checker
            .problems
            .error("unknown-target", at, "hosts by label are known only in an environment")
            .help("use `host/local`, or choose an environment with `--environment NAME`");
        return false;
    };
    let Some(values) = labels.get(label) else {
        let near = nearest(label, labels.keys().map(String::as_str));
        let help = near.map_or_else(
            || format!("the environment's `hosts.labels` has {}", list(labels.keys())),
            |near| format!("did you mean `{near}`?"),
        );
        checker
            .problems
            .error("unknown-target", at, format!("no host has a label {}", quote(label)))
            .help(help);
        return false;
    };
    if values.iter().any(|known| known == value) {
        return true;
    }
    let help = nearest(value, values.iter().map(String::as_str)).map_or_else(
        || format!("the environment's `hosts.labels.{label}` has {}", list(values.iter())),
        |near| format!("did you mean `{label}={near}`?"),
    );
    let message = format!("no host has {}", quote(&format!("{label}={value}")));
    checker.problems.error("unknown-target", at, message).help(help);
    false
}

fn list<'a>(words: impl Iterator<Item = &'a String>) -> String {
    let words: Vec<String> = words.take(8).map(|word| quote(word)).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}
