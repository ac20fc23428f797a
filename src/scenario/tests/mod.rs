//! What is accepted, what is refused and where, and what comes of it.

mod accepted;
mod expanded;
mod http_faults;
mod matching;
mod mistakes;
mod shipped;
mod written;

use std::collections::BTreeMap;

use super::{Catalog, Checked, Context, Scenario, check};
use crate::text::{Severity, Source, location};

/// Files by folder and name.
#[derive(Default)]
struct Shelf(BTreeMap<(String, String), String>);

impl Shelf {
    fn with(mut self, folder: &str, name: &str, text: &str) -> Self {
        self.0.insert((folder.into(), name.into()), text.into());
        self
    }
}

impl Catalog for Shelf {
    fn read(&self, folder: &str, name: &str) -> Option<Source> {
        let text = self.0.get(&(folder.to_owned(), name.to_owned()))?;
        Some(Source::new(format!("{folder}/{name}.yaml"), text))
    }
}

/// The files that the complete scenario names, and the shipped playbooks.
fn shelf() -> Shelf {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
    let shipped = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let shipped = shipped.fold(Shelf::default(), |shelf, path| {
        let name = path.file_stem().unwrap().to_str().unwrap();
        shelf.with("playbooks", name, &std::fs::read_to_string(&path).unwrap())
    });
    shipped
        .with("environments", "staging", STAGING)
        .with("environments", "production", "production")
        .with("services", "checkout", "")
        .with("services", "search", "")
        .with("services", "login", "")
        .with("playbooks", "payments-degraded", "")
}

const SMALLEST: &str = include_str!("../../../tests/files/scenario/payments-slow.yaml");
const COMPLETE: &str = include_str!("../../../tests/files/scenario/checkout-payments-slow.yaml");
const STAGING: &str = include_str!("../../../tests/files/scenario/environments/staging.yaml");

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn checked(path: &str, text: &str, environment: Option<&str>) -> Checked<Scenario> {
    let sets = map(&[
        ("ALERTMANAGER", "http://127.0.0.1:9093"),
        ("MONITORING", "http://127.0.0.1:9090"),
        ("SHOP", "http://127.0.0.1:8080"),
        ("PAYMENTS", "127.0.0.1:9000"),
        ("PAYMENTS_ROUTE", "127.0.0.1:9001"),
        ("PAYMENTS_PROCESS", "payments"),
        ("PAYMENTS_PORT", "9000"),
        ("SHOP_PORT", "8080"),
        ("STOCK", "127.0.0.1:9010"),
        ("STOCK_ROUTE", "127.0.0.1:9011"),
    ]);
    let process_env = map(&[("HOME", "/home/ana")]);
    let shelf = shelf();
    let inputs = BTreeMap::new();
    let context =
        Context { catalog: &shelf, sets: &sets, process_env: &process_env, inputs: &inputs, environment };
    check(Source::new(path, text), &context)
}

/// Every problem of every file as `line:col rule`, warnings with `(warning)` behind.
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
            format!(
                "{}:{line}:{column} {}: {} | {}\n",
                source.path,
                problem.rule,
                problem.message,
                problem.help.as_deref().unwrap_or_default()
            )
        })
    });
    all.collect()
}

/// The plan of a scenario that nothing is wrong with.
fn planned(path: &str, text: &str, environment: Option<&str>) -> super::plan::Plan {
    let checked = checked(path, text, environment);
    let told = told(&checked);
    let scenario = checked.value.unwrap_or_else(|| panic!("{text}\n{told}"));
    scenario.plan(crate::fault::Seed(7), None)
}

/// Compares with a file of `tests/files/scenario`; `UPDATE_GOLDEN=1` writes it anew.
fn golden(file: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/scenario").join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "differs from {file}; run with UPDATE_GOLDEN=1 and look at the difference");
}
