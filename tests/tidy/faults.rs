//! Every fault is documented and shown in use.

use firedrill::fault::Fault;

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
