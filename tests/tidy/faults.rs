//! Every fault is documented and shown in use.

use std::collections::BTreeMap;

use firedrill::fault::Fault;
use firedrill::scenario::{Context, NoCatalog, check};
use firedrill::text;

use crate::assert_none;
use crate::tree::{Source, files};

#[test]
fn every_fault_has_a_section_in_its_document() {
    let document = files(&["docs/faults.md"], &[".md"]);
    let text = document.first().map_or("", |source| source.text.as_str());
    let missing = Fault::kinds().filter(|kind| !has_section(text, kind));
    let problem =
        |kind| format!("docs/faults.md:1: no section `## \\`{kind}\\``; see docs/adding-a-fault.md");
    assert_none(&missing.map(problem).collect::<Vec<_>>());
}

#[test]
fn every_section_is_about_a_fault() {
    for source in files(&["docs/faults.md"], &[".md"]) {
        let kinds = source.text.lines().filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`'));
        for kind in kinds {
            assert!(Fault::kinds().any(|known| known == kind), "docs/faults.md: `{kind}` is no fault");
        }
    }
}

#[test]
fn every_fault_is_used_in_a_shipped_scenario() {
    let scenarios = files(&["scenarios"], &[".yaml"]);
    let missing = Fault::kinds().filter(|kind| !scenarios.iter().any(|source| uses(source, kind)));
    let problem = |kind| format!("scenarios/: no file uses `{kind}`; see docs/adding-a-fault.md");
    assert_none(&missing.map(problem).collect::<Vec<_>>());
}

#[test]
fn shipped_scenarios_are_well() {
    let problems = files(&["scenarios"], &[".yaml"]).into_iter().flat_map(|source| problems_of(&source));
    assert_none(&problems.collect::<Vec<_>>());
}

/// Errors and warnings alike: what is shipped is learnt from.
fn problems_of(scenario: &Source) -> Vec<String> {
    let addresses = [
        ("SHOP", "http://127.0.0.1:8080"),
        ("PAYMENTS", "127.0.0.1:9000"),
        ("PAYMENTS_ROUTE", "127.0.0.1:9001"),
        ("PAYMENTS_PROCESS", "payments"),
    ];
    let sets = addresses.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let nothing = BTreeMap::new();
    let context = Context { catalog: &NoCatalog, sets: &sets, process_env: &nothing, environment: None };
    let checked = check(text::Source::new(scenario.path.as_str(), &scenario.text), &context);
    let said =
        checked.files.into_iter().map(|(source, found)| text::render_short(&found.into_sorted(), &source));
    said.filter(|lines| !lines.is_empty()).collect()
}

#[test]
fn a_scenario_that_is_not_well_is_found() {
    let source = |text: &str| Source { path: "scenarios/x.yaml".to_owned(), text: text.to_owned() };
    assert_eq!(problems_of(&source("firedrill: v1\nkind: Scenario\nname: x\nsteddy_state: []\n")).len(), 1);
}

fn has_section(text: &str, kind: &str) -> bool {
    text.lines().any(|line| line == format!("## `{kind}`"))
}

/// As a key, in block or flow style, and not in a comment.
fn uses(scenario: &Source, kind: &str) -> bool {
    let key = format!("{kind}:");
    let is_key = |line: &str| {
        let code = line.split('#').next().unwrap_or(line);
        code.match_indices(&key)
            .any(|(at, _)| matches!(code[..at].chars().next_back(), None | Some(' ' | '{')))
    };
    scenario.text.lines().any(is_key)
}

#[test]
fn a_use_is_a_key_and_no_comment() {
    let source = |text: &str| Source { path: "x.yaml".to_owned(), text: text.to_owned() };
    for (text, is_use) in [
        ("faults:\n  - latency: 2s", true),
        ("faults: [{latency: 2s}]", true),
        ("# latency: 2s", false),
        ("  - no_latency: 2s", false),
        ("title: latency", false),
    ] {
        assert_eq!(uses(&source(text), "latency"), is_use, "{text}");
    }
    assert!(has_section("# Faults\n## `latency`\n", "latency") && !has_section("## `latency`\n", "late"));
}
