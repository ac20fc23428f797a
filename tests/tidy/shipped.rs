//! The files that are shipped to be learnt from: they are well, and each stability pattern has its pair of a scenario
//! and a playbook.

use std::collections::BTreeMap;

use firedrill::gameday;
use firedrill::playbook::check_exercise;
use firedrill::scenario::{Catalog, Checked, Context, check_service};
use firedrill::text;

use crate::assert_none;
use crate::tree::{Source, files};

/// The patterns, as their tags (`pattern/NAME`) and files say them.
const PATTERNS: [&str; 8] =
    ["timeout", "retry", "circuit-breaker", "bulkhead", "shed-load", "fail-fast", "cache", "failover"];

/// The files of the project, by folder and name.
struct Shelf(Vec<Source>);

impl Shelf {
    fn shipped() -> Self {
        Self(files(&["scenarios", "playbooks"], &[".yaml"]))
    }

    fn get(&self, folder: &str, name: &str) -> Option<&Source> {
        let path = format!("{folder}/{name}.yaml");
        self.0.iter().find(|source| source.path == path)
    }
}

impl Catalog for Shelf {
    fn read(&self, folder: &str, name: &str) -> Option<text::Source> {
        let source = self.get(folder, name)?;
        Some(text::Source::new(source.path.as_str(), &source.text))
    }
}

#[test]
fn shipped_scenarios_are_well() {
    let shelf = Shelf::shipped();
    let scenarios = files(&["scenarios"], &[".yaml"]);
    let problems = scenarios.iter().flat_map(|source| problems_of(source, &shelf));
    assert_none(&problems.collect::<Vec<_>>());
}

/// Errors and warnings alike, of the scenario and of the playbook that it names: what is shipped is learnt from.
fn problems_of(scenario: &Source, shelf: &Shelf) -> Vec<String> {
    let addresses = [
        ("SHOP", "http://127.0.0.1:8080"),
        ("PAYMENTS", "127.0.0.1:9000"),
        ("PAYMENTS_ROUTE", "127.0.0.1:9001"),
        ("PAYMENTS_PROCESS", "payments"),
        ("PAYMENTS_PORT", "9000"),
        ("SHOP_PORT", "8080"),
        ("STOCK", "127.0.0.1:9010"),
        ("STOCK_ROUTE", "127.0.0.1:9011"),
        ("MONITORING", "http://127.0.0.1:9090"),
    ];
    let sets = addresses.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let nothing = BTreeMap::new();
    let context =
        Context { catalog: shelf, sets: &sets, process_env: &nothing, inputs: &nothing, environment: None };
    let source = text::Source::new(scenario.path.as_str(), &scenario.text);
    if scenario.text.contains("kind: GameDay") {
        let checked = gameday::check(source, &context);
        assert!(checked.value.is_some(), "{}", scenario.path);
        said(checked)
    } else if scenario.text.contains("kind: Service") {
        said(check_service(source, &context))
    } else {
        said(check_exercise(source, &context, None))
    }
}

fn said<T>(checked: Checked<T>) -> Vec<String> {
    let said =
        checked.files.into_iter().map(|(source, found)| text::render_short(&found.into_sorted(), &source));
    said.filter(|lines| !lines.is_empty()).collect()
}

#[test]
fn shipped_game_days_and_services_are_well() {
    let shelf = Shelf::shipped();
    let shipped = files(&["docs/examples"], &[".yaml"]);
    assert!(shipped.len() >= 2, "{}", shipped.len());
    let problems = shipped.iter().flat_map(|source| problems_of(source, &shelf));
    assert_none(&problems.collect::<Vec<_>>());
}

#[test]
fn a_scenario_that_is_not_well_is_found() {
    let source = |text: &str| Source { path: "scenarios/x.yaml".to_owned(), text: text.to_owned() };
    let wrong = source("firedrill: v1\nkind: Scenario\nname: x\nsteddy_state: []\n");
    assert_eq!(problems_of(&wrong, &Shelf::shipped()).len(), 1);
}

#[test]
fn every_playbook_is_used_in_a_shipped_scenario() {
    let scenarios = files(&["scenarios"], &[".yaml"]);
    let problems = files(&["playbooks"], &[".yaml"]).into_iter().filter_map(|playbook| {
        let name = playbook.path.trim_start_matches("playbooks/").trim_end_matches(".yaml").to_owned();
        let is_used = scenarios.iter().any(|scenario| playbook_of(scenario) == Some(&name));
        (!is_used).then(|| format!("{}:1: no shipped scenario says `playbook: {name}`", playbook.path))
    });
    assert_none(&problems.collect::<Vec<_>>());
}

#[test]
fn every_pattern_has_a_scenario_a_playbook_and_a_row() {
    let shelf = Shelf::shipped();
    let document = files(&["docs/patterns.md"], &[".md"]);
    let document = document.first().map_or("", |source| source.text.as_str());
    let mut problems = Vec::new();
    for pattern in PATTERNS {
        match shelf.get("scenarios", pattern) {
            None => problems.push(format!("scenarios/{pattern}.yaml: is not there")),
            Some(scenario) => {
                if playbook_of(scenario) != Some(pattern) {
                    problems.push(format!("{}:1: it does not name the playbook `{pattern}`", scenario.path));
                }
                let tag = format!("pattern/{pattern}");
                if !scenario.text.lines().any(|line| line.starts_with("tags:") && line.contains(&tag)) {
                    problems.push(format!("{}:1: it has no tag `{tag}`", scenario.path));
                }
            }
        }
        if shelf.get("playbooks", pattern).is_none() {
            problems.push(format!("playbooks/{pattern}.yaml: is not there"));
        }
        if !document
            .lines()
            .any(|line| line.starts_with('|') && line.contains(&format!("scenarios/{pattern}.yaml")))
        {
            problems.push(format!("docs/patterns.md:1: no row names scenarios/{pattern}.yaml"));
        }
    }
    assert_none(&problems);
}

#[test]
fn every_kind_of_step_is_shown_in_a_shipped_playbook() {
    let playbooks = files(&["playbooks"], &[".yaml"]);
    let kinds = ["manual", "approve", "http", "run", "probe", "notify", "host"];
    let shown = |kind: &str| {
        let key = format!("    {kind}: ");
        playbooks.iter().any(|playbook| playbook.text.lines().any(|line| line.starts_with(&key)))
    };
    let missing = kinds.into_iter().filter(|kind| !shown(kind));
    assert_none(
        &missing.map(|kind| format!("playbooks/: no file shows a step `{kind}`")).collect::<Vec<_>>(),
    );
}

/// The name in its line `playbook: NAME` or `playbook: {name: NAME, …}`.
fn playbook_of(scenario: &Source) -> Option<&str> {
    let line = scenario.text.lines().find_map(|line| line.strip_prefix("playbook: "))?;
    let name = line.strip_prefix("{name: ").unwrap_or(line);
    name.split([',', '}', ' ']).next().filter(|name| !name.is_empty())
}

#[test]
fn the_playbook_of_a_scenario_is_found_in_both_forms() {
    let of = |line: &str| {
        let source = Source { path: "x.yaml".to_owned(), text: format!("name: x\n{line}\n") };
        playbook_of(&source).map(str::to_owned)
    };
    assert_eq!(of("playbook: retry").as_deref(), Some("retry"));
    assert_eq!(of("playbook: {name: retry, start: impact}  # why").as_deref(), Some("retry"));
    assert_eq!(of("# playbook: retry"), None);
}
