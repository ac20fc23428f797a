//! Files of game days: what is read, and each mistake at its place.

use std::collections::BTreeMap;

use crate::fault::Seed;
use crate::gameday::plan::RunWhat;
use crate::gameday::{GameDay, check};
use crate::scenario::{Catalog, Checked, Context, check_service};
use crate::text::Source;

const SCENARIO: &str = "firedrill: v1
kind: Scenario
name: pay-slow
routes:
  payments: {listen: \"127.0.0.1:9001\", upstream: \"127.0.0.1:9000\", protocol: http}
load: {http: \"http://127.0.0.1:8080/\", rate: 5/s}
steady_state:
  - {name: shop, http: \"http://127.0.0.1:8080/\", tolerance: {failures: 1 of 5}}
faults:
  - {id: slow, latency: 2s, target: route/payments, until: 1m, max: 2m}
  - {reset: {}, target: route/payments, start: 30s, until: 20s, max: 1m}
";

const ENVIRONMENT: &str = "firedrill: v1
kind: Environment
name: staging
policy: {percent_max: 25%}
";

const CALENDAR: &str = "BEGIN:VCALENDAR
BEGIN:VEVENT
SUMMARY:Christmas
DTSTART;VALUE=DATE:20251224
DTEND;VALUE=DATE:20251227
RRULE:FREQ=YEARLY
END:VEVENT
BEGIN:VEVENT
SUMMARY:Standup
DTSTART:20260101T090000Z
END:VEVENT
END:VCALENDAR
";

struct Shelf;

impl Catalog for Shelf {
    fn read(&self, folder: &str, name: &str) -> Option<Source> {
        let text = match (folder, name) {
            ("scenarios", "pay-slow") => SCENARIO,
            ("environments", "staging") => ENVIRONMENT,
            _ => return None,
        };
        Some(Source::new(format!("{folder}/{name}.yaml"), text))
    }

    fn file(&self, path: &str) -> Option<Source> {
        (path == "holidays/dk.ics").then(|| Source::new(path, CALENDAR))
    }
}

fn with<T>(f: impl FnOnce(&Context<'_>) -> T) -> T {
    let nothing = BTreeMap::new();
    f(&Context {
        catalog: &Shelf,
        sets: &nothing,
        process_env: &nothing,
        inputs: &nothing,
        environment: None,
    })
}

fn checked(body: &str) -> Checked<GameDay> {
    let text = format!("firedrill: v1\nkind: GameDay\nname: day\n{body}");
    with(|context| check(Source::new("day.yaml", text), context))
}

/// `rule: what is marked` of every problem, with the file's name when it is not the one that was checked.
fn told<T>(checked: &Checked<T>) -> Vec<String> {
    let mut told = Vec::new();
    for (place, (source, problems)) in checked.files.iter().enumerate() {
        for problem in problems.clone().into_sorted() {
            let marked = source.text[problem.span.start..problem.span.end].lines().next().unwrap_or_default();
            let file = if place == 0 { String::new() } else { format!("{} ", source.path) };
            told.push(format!("{file}{}: {marked}", problem.rule));
        }
    }
    told
}

#[track_caller]
fn wrong(body: &str, expected: &[&str]) {
    let checked = checked(body);
    assert_eq!(told(&checked), expected, "{body}\n{:?}", checked.files[0].1);
    assert!(checked.value.is_none() || checked.files.iter().all(|(_, problems)| !problems.has_errors()));
}

#[test]
fn a_day_is_planned_by_its_seed() {
    let body = "order: shuffled\ngap: {from: 10m, to: 20m}\ninjects:\n  - {scenario: pay-slow, repeat: 3}\n  \
                - {scenario: pay-slow, control: sham}\n  - ask: Who?\n";
    let day = checked(body).value.unwrap();
    let plan = day.plan(Seed(7), None);
    assert_eq!(plan, day.plan(Seed(7), None));
    let numbers = |seed| day.plan(Seed(seed), None).runs.iter().map(|run| run.inject).collect::<Vec<_>>();
    assert!((0..20).any(|seed| numbers(seed) != numbers(7)), "the order is never another");
    let mut sorted = numbers(7);
    sorted.sort_unstable();
    assert_eq!(sorted, [1, 1, 1, 2, 3]);
    for run in &plan.runs {
        let minutes = run.gap.duration().as_secs_f64() / 60.0;
        assert!(if run.number == 1 { minutes == 0.0 } else { (10.0..=20.0).contains(&minutes) }, "{minutes}");
        let drill = day.drill(run);
        match &run.what {
            RunWhat::Ask { .. } => assert!(drill.is_none()),
            RunWhat::Drill { control, seed, estimate, .. } => {
                let (drill, _) = drill.unwrap();
                assert_eq!(drill.seed, *seed);
                // The first fault is on for a minute; ten stable seconds before and after.
                assert_eq!(estimate.duration().as_secs(), 80);
                assert_eq!(drill.faults.is_empty(), control.is_some());
                assert_eq!(drill.placebo.is_some(), control.is_some());
            }
        }
    }
    let seeds: std::collections::BTreeSet<u64> = plan
        .runs
        .iter()
        .filter_map(|run| match run.what {
            RunWhat::Drill { seed, .. } => Some(seed.0),
            RunWhat::Ask { .. } => None,
        })
        .collect();
    assert_eq!(seeds.len(), 4, "each drill draws for itself");
}

#[test]
fn what_is_different_is_put_into_the_scenario() {
    let body = "environment: staging\ninjects:\n  - scenario: pay-slow\n    override: {faults: {slow: {scope: 10%, \
                until: 30s}, reset-1: {scope: 5%}}}\n";
    let checked = checked(body);
    assert_eq!(told(&checked), [""; 0]);
    let day = checked.value.unwrap();
    let (plan, _) = day.drill(&day.plan(Seed(1), None).runs[0]).unwrap();
    assert_eq!(plan.faults[0].scope.percent.to_string(), "10%");
    assert_eq!(plan.faults[1].scope.percent.to_string(), "5%");
    assert_eq!(day.plan(Seed(1), None).estimate().as_secs(), 70);
}

#[test]
fn what_is_wrong_with_a_difference_is_told_where_it_stands() {
    let inject = |faults: &str| {
        format!("injects:\n  - scenario: pay-slow\n    override:\n      faults:\n        {faults}\n")
    };
    wrong(&inject("slwo: {scope: 10%}"), &["broken-file: pay-slow", "unknown-fault-id: slwo"]);
    wrong(&inject("slow: {bandwidth: 1KB/s}"), &["broken-file: pay-slow", "two-faults: bandwidth"]);
    wrong(
        &inject("slow: {id: x, target: route/nowhere}"),
        &["broken-file: pay-slow", "bad-override: x", "unknown-target: route/nowhere"],
    );
    wrong(&inject("slow: {scoop: 10%}"), &["unknown-key: scoop"]);
    // What the environment forbids stands with the scenario where that says it, and here where this says it.
    let staging = "environment: staging\n".to_owned();
    wrong(
        &(staging.clone() + &inject("{slow: {scope: 50%}, reset-1: {scope: 5%}}")),
        &["broken-file: pay-slow", "policy-percent: 50%"],
    );
    wrong(
        &(staging + &inject("slow: {scope: 10%}")),
        &["broken-file: pay-slow", "scenarios/pay-slow.yaml policy-percent: reset"],
    );
}

#[test]
fn mistakes_are_told_all_at_once() {
    wrong("", &["missing-key: firedrill: v1"]);
    wrong("injects: []\n", &["no-inject: []"]);
    wrong(
        "injects: [pay-slwo, {ask: x, scenario: pay-slow}, {ask: x, repeat: 2}, {scenario: pay-slow, repeat: 0}]\n",
        &["unknown-file: pay-slwo", "two-injects: ask", "bad-inject: repeat", "bad-number: 0"],
    );
    let day = |block: &str| format!("{block}\ninjects: [pay-slow]\n");
    wrong(&day("environment: prod"), &["unknown-environment: prod"]);
    wrong(&day("gap: {from: 20m, to: 10m}"), &["bad-number: {from: 20m, to: 10m}"]);
    wrong(&day("type: tune-observabilty"), &["unknown-value: tune-observabilty"]);
    wrong(&day("approvals: {count: 0}"), &["bad-number: 0"]);
    wrong(
        &day("preflight: [{ask: x, hosts: {all: true}}, {playbooks: lnit}, {hosts: {}}]"),
        &["two-preflights: ask", "unknown-value: lnit", "missing-key: {}"],
    );
}

#[test]
fn schedules_that_cannot_be_are_told() {
    let day = |schedule: &str| format!("schedule: {{{schedule}}}\ninjects: [pay-slow]\n");
    let zone = "timezone: Europe/Copenhagen";
    wrong(&day(&format!("at: 2026-12-03T10:00, {zone}")), &[]);
    wrong(&day("at: \"2026-12-03T10:00:00+01:00\""), &[]);
    wrong(&day("at: 2026-12-03T10:00"), &["missing-key: schedule"]);
    wrong(&day("at: tomorrow, timezone: UTC"), &["bad-time: tomorrow"]);
    wrong(&day("at: 2026-12-03T10:00, timezone: Europe/Copenhagn"), &["unknown-timezone: Europe/Copenhagn"]);
    wrong(&day(&format!("{zone}, at: 2026-12-03T10:00, cron: \"0 10 * * *\"")), &["two-times: cron"]);
    wrong(&day(&format!("{zone}, at: 2026-03-29T02:30")), &["no-such-time: 2026-03-29T02:30"]);
    wrong(&day(&format!("{zone}, cron: \"0 10 30 2 *\"")), &["never-runs: \"0 10 30 2 *\""]);
    wrong(&day(&format!("{zone}, cron: \"10 * *\"")), &["bad-cron: \"10 * *\""]);
    wrong(
        &day(&format!("{zone}, cron: \"0 10 * * FRI\", windows: [Mon-Thu 09:00-16:00]")),
        &["never-runs: \"0 10 * * FRI\""],
    );
    wrong(&day(&format!("{zone}, cron: \"0 10 * * MON\", windows: [Mon 9-16]")), &["bad-window: Mon 9-16"]);
    wrong(
        &day(&format!("{zone}, at: 2026-12-25T10:00, blackouts: [{{calendar: holidays/dk.ics}}]")),
        &["never-runs: 2026-12-25T10:00", "not-acted-on: holidays/dk.ics"],
    );
    wrong(
        &day(&format!(
            "{zone}, at: 2026-12-25T10:00, blackouts: [{{calendar: ../dk.ics}}, {{calendar: no.ics}}, {{from: 2026-12-24, to: 2026-12-01}}]"
        )),
        &["bad-path: ../dk.ics", "unknown-file: no.ics", "bad-time: {from: 2026-12-24, to: 2026-12-01}"],
    );
}

#[test]
fn a_day_that_does_not_fit_its_windows_is_warned_of_by_its_estimate() {
    // Each drill takes 80 s; with eighteen gaps of at least 4 min and at most 8 min the day takes 1h 37m to 2h 49m.
    let day = |windows: &str, duration: &str| {
        format!(
            "schedule: {{cron: \"0 15 * * *\", timezone: UTC, {windows}{duration}}}\ngap: {{from: 4m, to: 8m}}\n\
             injects: [{{scenario: pay-slow, repeat: 19}}]\n"
        )
    };
    wrong(&day("windows: [Mon-Fri 09:00-18:00]", ""), &[]);
    wrong(&day("windows: [Mon-Fri 09:00-17:00]", ""), &["never-runs: windows"]);
    wrong(&day("windows: [Mon-Fri 09:00-16:00]", ""), &["never-runs: windows"]);
    wrong(&day("windows: [Mon-Fri 09:00-16:00]", ", duration: 30m"), &["takes-too-long: 30m"]);
    let message = |windows: &str| {
        let checked = checked(&day(windows, ""));
        assert!(checked.value.is_some(), "a warning, for it is an estimate");
        checked.files[0].1.clone().into_sorted()[0].message.clone()
    };
    let never = message("windows: [Mon-Fri 09:00-16:00]");
    assert!(
        never.starts_with("it can never run: the window closes") && never.contains("1h37m20s"),
        "{never}"
    );
    let perhaps = message("windows: [Mon-Fri 09:00-17:00]");
    assert!(perhaps.starts_with("it cannot run when its gaps are drawn long: "), "{perhaps}");
}

#[test]
fn what_preflight_cannot_judge_is_warned_of() {
    const LOADED: &str = "steady_state: {every: 1s, probes: [{name: quick, http: \"http://127.0.0.1:8080/\", \
                          tolerance: {p95: 300ms, over: 10s}}]}";
    const PLAIN: &str =
        "steady_state:\n  - {name: shop, http: \"http://127.0.0.1:8080/\", tolerance: {failures: 1 of 5}}";
    assert!(SCENARIO.contains(PLAIN));
    let scenario = |steady: &str| SCENARIO.replace(PLAIN, steady);
    let told_of = |probe: &str, preflight: &str| {
        let shelf = Changed(scenario(probe));
        let nothing = BTreeMap::new();
        let context = Context {
            catalog: &shelf,
            sets: &nothing,
            process_env: &nothing,
            inputs: &nothing,
            environment: None,
        };
        let text = format!(
            "firedrill: v1\nkind: GameDay\nname: day\npreflight: [{preflight}]\ninjects: [pay-slow, pay-slow]\n"
        );
        let checked = check(Source::new("day.yaml", text), &context);
        assert!(checked.value.is_some());
        told(&checked)
    };
    let steady = "{steady_state: 1m}";
    assert_eq!(told_of(LOADED, steady), ["too-few-samples: steady_state"], "the load is not there yet");
    assert_eq!(told_of(LOADED, "{ask: Ready?}"), [""; 0], "in the drill it is");
    let often = LOADED.replace("over: 10s", "over: 30s");
    assert_eq!(told_of(&often, steady), [""; 0], "once a second for 30 s");
    let slow = LOADED.replace("every: 1s", "every: 5s").replace("over: 10s", "over: 5m");
    assert_eq!(told_of(&slow, steady), ["too-few-samples: steady_state"], "its window fills too slowly");
}

/// The shelf with another `pay-slow`.
struct Changed(String);

impl Catalog for Changed {
    fn read(&self, folder: &str, name: &str) -> Option<Source> {
        match (folder, name) {
            ("scenarios", "pay-slow") => Some(Source::new("scenarios/pay-slow.yaml", &self.0)),
            _ => Shelf.read(folder, name),
        }
    }

    fn file(&self, path: &str) -> Option<Source> {
        Shelf.file(path)
    }
}

#[test]
fn what_is_not_acted_on_is_named() {
    let body = "roles: {facilitator: ana, scribe: ben}\nsealed: true\nannounce: [{to: \"#shop\", at: -7d}]\n\
                preflight: [{no_open_incident: true}]\nstop_when: [{host_lost: any}]\ninjects: [pay-slow]\n";
    let checked = checked(body);
    assert!(told(&checked).iter().all(|problem| problem.starts_with("not-acted-on")), "{:?}", told(&checked));
    let plan = checked.value.unwrap().plan(Seed(1), None);
    assert_eq!(plan.not_acted_on.len(), 5, "{:?}", plan.not_acted_on);
    assert_eq!(plan.facilitator.as_deref(), Some("ana"));
    assert_eq!(plan.preflight[0].text, "cannot be looked at by itself in this version: is no incident open?");
}

#[test]
fn services_are_checked() {
    let service = |body: &str| {
        let text = format!("firedrill: v1\nkind: Service\nname: shop\n{body}");
        with(|context| check_service(Source::new("shop.yaml", text), context))
    };
    let good = service("owner: team\ntier: 1\npaging: {receiver: team, ack_within: 5m}\n");
    assert_eq!(told(&good), [""; 0]);
    assert_eq!(good.value.unwrap().owner.as_deref(), Some("team"));
    let bad = service(
        "tier: 4\ndepends_on: [shop, stock]\nsteady_state: []\nfailure_modes: [{id: A}, {id: A}]\nslo: shop\n",
    );
    assert_eq!(
        told(&bad),
        [
            "bad-number: 4",
            "depends-on-itself: shop",
            "unknown-file: shop",
            "unknown-file: stock",
            "not-acted-on: steady_state",
            "no-probe: []",
            "duplicate-name: A",
            "not-acted-on: slo",
        ]
    );
}
