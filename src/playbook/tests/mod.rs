//! What is accepted, what is refused and where, and what comes of it.

mod accepted;
mod mistakes;
mod mutated;
mod named;
mod written;

use std::collections::BTreeMap;

use super::plan::Playbook;
use super::{Around, check};
use crate::scenario::plan::PlaybookStart;
use crate::scenario::{Catalog, Checked, Context};
use crate::text::{Severity, Source, location};

/// The playbook of the reference, and the service that it names.
const COMPLETE: &str = include_str!("../../../tests/files/playbooks/payments-degraded.yaml");

struct Shelf;

impl Catalog for Shelf {
    fn read(&self, folder: &str, name: &str) -> Option<Source> {
        (folder == "services" && name == "checkout").then(|| Source::new("services/checkout.yaml", ""))
    }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Reads a playbook; around it there is a steady state with one probe, `checkout-http`.
fn checked(path: &str, text: &str, inputs: &[(&str, &str)]) -> Checked<Playbook> {
    let around = Around {
        probes: vec!["checkout-http".to_owned()],
        start: PlaybookStart::Alarm,
        expects_alarms: false,
    };
    checked_in(path, text, inputs, Some(&around))
}

fn checked_in(path: &str, text: &str, inputs: &[(&str, &str)], around: Option<&Around>) -> Checked<Playbook> {
    let (sets, inputs) = (map(&[("SHOP", "http://127.0.0.1:8080")]), map(inputs));
    let process_env = BTreeMap::new();
    let context = Context {
        catalog: &Shelf,
        sets: &sets,
        process_env: &process_env,
        inputs: &inputs,
        environment: None,
    };
    check(Source::new(path, text), &context, around)
}

/// Every problem as `line:col rule`, warnings with `(warning)` behind.
fn problems<T>(checked: Checked<T>) -> Vec<String> {
    let mut lines = Vec::new();
    for (source, problems) in checked.files {
        for problem in problems.into_sorted() {
            let (line, column) = location(&source, problem.span);
            let warning = if problem.severity == Severity::Warning { " (warning)" } else { "" };
            lines.push(format!("{line}:{column} {}{warning}", problem.rule));
        }
    }
    lines
}

/// The same with the words, for a failed test.
fn told<T>(checked: &Checked<T>) -> String {
    let all = checked.files.iter().flat_map(|(source, problems)| {
        problems.iter().map(move |problem| {
            let (line, column) = location(source, problem.span);
            let help = problem.help.as_deref().unwrap_or_default();
            format!("{}:{line}:{column} {}: {} | {help}\n", source.path, problem.rule, problem.message)
        })
    });
    all.collect()
}

/// The playbook of a file without errors.
fn resolved(path: &str, text: &str, inputs: &[(&str, &str)]) -> Playbook {
    let checked = checked(path, text, inputs);
    let told = told(&checked);
    checked.value.unwrap_or_else(|| panic!("{text}\n{told}"))
}
