//! `firedrill plan`: what would happen, and nothing happens.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Child, Ended, assert_golden, firedrill, temp_dir};

const SOON: Duration = Duration::from_secs(20);
const ALONE: &str = "tests/files/scenario/payments-slow.yaml";

fn plan(args: &[&str]) -> Ended {
    let mut command = firedrill();
    command.arg("plan").args(args).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("COLUMNS");
    Child::spawn(&mut command).wait(SOON)
}

#[test]
fn a_plan_says_what_would_happen_and_to_whom() {
    let ended = plan(&["--seed", "42", ALONE]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_golden("plan/payments-slow.txt", &ended.stdout);
    let ended = plan(&["scenarios/stock-killed.yaml", "--set=SHOP=http://127.0.0.1:8080"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_golden("plan/stock-killed.txt", &ended.stdout);
}

#[test]
fn variables_and_the_environment_are_resolved() {
    let file = "tests/files/scenario/checkout-payments-slow.yaml";
    let without = plan(&[file]);
    assert_eq!(without.code, Some(1));
    assert!(without.stdout.is_empty(), "no plan of a file that is wrong: {}", without.stdout);
    assert!(without.stderr.contains("the variable `SHOP` is not set"), "{}", without.stderr);
    let ended = plan(&[file, "--environment", "staging", "--set", "ALERTMANAGER=http://127.0.0.1:9093"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_golden("plan/checkout-payments-slow.txt", &ended.stdout);
}

#[test]
fn a_playbook_is_planned_alone_and_with_the_scenario_that_uses_it() {
    let file = "tests/files/playbooks/payments-degraded.yaml";
    let ended = plan(&[file, "--input", "region=eu-2"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_golden("plan/payments-degraded.txt", &ended.stdout);
    let json: Value = serde_json::from_str(&plan(&["--json", file]).stdout).expect("JSON");
    assert_eq!(
        (json["inputs"]["region"].as_str(), json["steps"].as_array().map(Vec::len)),
        (Some("eu-1"), Some(7))
    );
    let wrong = plan(&[file, "--input", "region=eu-9"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(1), ""));
    assert!(wrong.stderr.contains("`region` was given `eu-9`"), "{}", wrong.stderr);
}

#[test]
fn the_json_plan_holds_the_seed_only_when_it_is_fixed() {
    let json = |args: &[&str]| -> Value { serde_json::from_str(&plan(args).stdout).expect("JSON") };
    assert_eq!(json(&["--json", "--seed", "7", ALONE])["seed"], 7);
    let open = json(&["--json", ALONE]);
    assert!(open["seed"].is_null(), "{open}");
    assert_eq!(open["faults"][0]["fault"]["latency"]["delay"], "2s");
}

#[test]
fn the_long_form_reads_back_to_the_same_plan() {
    for file in [ALONE, "scenarios/stock-killed.yaml", "scenarios/payments-narrow.yaml"] {
        let sets = [
            "--set=SHOP=http://127.0.0.1:8080",
            "--set=PAYMENTS=127.0.0.1:9000",
            "--set=PAYMENTS_ROUTE=127.0.0.1:9001",
        ];
        let with = |more: &[&str]| plan(&[&sets[..], more].concat());
        let long = with(&["--expand", file]);
        assert_eq!(long.code, Some(0), "{}", long.stderr);
        let dir = temp_dir();
        let name = file.rsplit('/').next().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, &long.stdout).unwrap();
        let (first, again) = (with(&["--json", file]), with(&["--json", path.to_str().unwrap()]));
        assert_eq!(first.code, Some(0), "{}", first.stderr);
        assert_eq!(first.stdout, again.stdout, "{}{}", long.stdout, again.stderr);
    }
}

#[test]
fn a_file_of_another_kind_is_refused_by_name() {
    let ended = plan(&["tests/files/scenario/environments/staging.yaml"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("kind `Environment`, not a scenario"), "{}", ended.stderr);
}

#[test]
fn a_variable_without_a_value_is_bad_usage() {
    let ended = plan(&["--set", "SHOP", ALONE]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("write NAME=VALUE"), "{}", ended.stderr);
}
