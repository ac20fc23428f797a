//! `firedrill schema`: what editors use, judged by a validator that is not ours.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Child, assert_golden, firedrill, requires_that, temp_dir};

const SOON: Duration = Duration::from_secs(30);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn schema(kind: &str) -> String {
    let ended = Child::spawn(firedrill().args(["schema", kind])).wait(SOON);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

/// Whether python3 has the validator and a YAML reader.
fn validator_is_there() -> bool {
    let found = Command::new("python3").args(["-c", "import jsonschema, yaml"]).output();
    requires_that(
        found.is_ok_and(|output| output.status.success()),
        "needs python3 with jsonschema and PyYAML, which is not installed",
    )
}

/// One line for each file: `ok PATH`, or `bad PATH: why`.
fn validate(schema: &str, files: &[PathBuf]) -> Vec<String> {
    let dir = temp_dir();
    let path = dir.path().join("schema.json");
    std::fs::write(&path, schema).unwrap();
    let mut command = Command::new("python3");
    command.arg(root().join("tests/files/schema/validate.py")).arg(&path).args(files);
    let ended = Child::spawn(&mut command).wait(SOON);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    ended.stdout.lines().map(str::to_owned).collect()
}

fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} holds files");
    files
}

#[test]
fn shipped_files_and_new_ones_are_valid_for_an_independent_validator() {
    if !validator_is_there() {
        return;
    }
    let dir = temp_dir();
    let new = Child::spawn(firedrill().args(["new", "scenario", "fresh"]).current_dir(dir.path())).wait(SOON);
    assert_eq!(new.code, Some(0), "{}", new.stderr);
    let mut files = yaml_files("scenarios");
    files.extend(yaml_files("tests/files/scenario"));
    files.push(dir.path().join("fresh.yaml"));
    for line in validate(&schema("scenario"), &files) {
        assert!(line.starts_with("ok "), "{line}");
    }
    let new = Child::spawn(firedrill().args(["new", "playbook", "new"]).current_dir(dir.path())).wait(SOON);
    assert_eq!(new.code, Some(0), "{}", new.stderr);
    let mut books = yaml_files("playbooks");
    books.extend(yaml_files("tests/files/playbooks"));
    books.push(dir.path().join("new.yaml"));
    for line in validate(&schema("playbook"), &books) {
        assert!(line.starts_with("ok "), "{line}");
    }
    for line in validate(
        &schema("gameday"),
        &[
            root().join("tests/files/gameday/complete.yaml"),
            root().join("tests/files/gameday/monthly.yaml"),
            root().join("docs/examples/gamedays/payments-morning.yaml"),
        ],
    ) {
        assert!(line.starts_with("ok "), "{line}");
    }
    for line in validate(&schema("service"), &yaml_files("docs/examples/services")) {
        assert!(line.starts_with("ok "), "{line}");
    }
    for line in validate(&schema("environment"), &yaml_files("tests/files/scenario/environments")) {
        assert!(line.starts_with("ok "), "{line}");
    }
}

#[test]
fn the_schema_refuses_what_check_refuses() {
    if !validator_is_there() {
        return;
    }
    let dir = temp_dir();
    let good = std::fs::read_to_string(root().join("tests/files/scenario/payments-slow.yaml")).unwrap();
    let cases = [
        ("unknown-key", "banana: 1\n", ""),
        ("two-kinds", "", "kind: Scenario"),
        ("no-unit", "", "latency: 2s"),
        ("no-list", "tags: one\n", ""),
        ("missing-name", "", "name: payments-slow\n"),
    ];
    let files: Vec<PathBuf> = cases
        .iter()
        .map(|(name, add, change)| {
            let replacement = match *name {
                "two-kinds" => "kind: Environment",
                "no-unit" => "latency: 2",
                _ => "",
            };
            assert!(good.contains(change), "{name}: the good file has `{change}`");
            let text = if change.is_empty() { good.clone() } else { good.replacen(change, replacement, 1) };
            let path = dir.path().join(format!("{name}.yaml"));
            std::fs::write(&path, format!("{text}{add}")).unwrap();
            path
        })
        .collect();
    let lines = validate(&schema("scenario"), &files);
    assert_eq!(lines.len(), cases.len());
    for line in lines {
        assert!(line.starts_with("bad "), "{line}");
    }
}

#[test]
fn the_schema_of_playbooks_refuses_what_check_refuses() {
    if !validator_is_there() {
        return;
    }
    let dir = temp_dir();
    let good = std::fs::read_to_string(root().join("tests/files/playbooks/payments-degraded.yaml")).unwrap();
    let changes = [
        ("timeout: 10s", "timeout: 10"),
        ("    budget: 2m", "    bugdet: 2m"),
        ("kind: Playbook", "kind: Scenario"),
        ("type: boolean", "type: bool"),
        ("  - id: tell\n    title", "  - title"),
        ("run: [./bin/failover", "run: [{}, ./bin/failover"),
        ("end: true", "end: maybe"),
        ("attempts: 3", "attempts: many"),
    ];
    let files: Vec<PathBuf> = changes
        .iter()
        .enumerate()
        .map(|(n, (from, to))| {
            assert!(good.contains(from), "the good file has `{from}`");
            let path = dir.path().join(format!("{n}.yaml"));
            std::fs::write(&path, good.replacen(from, to, 1)).unwrap();
            let checked = Child::spawn(firedrill().arg("check").arg(&path)).wait(SOON);
            assert_eq!(checked.code, Some(1), "{to}: {}", checked.stdout);
            path
        })
        .collect();
    for line in validate(&schema("playbook"), &files) {
        assert!(line.starts_with("bad "), "{line}");
    }
}

#[test]
fn the_document_of_the_api_changes_only_where_somebody_sees_it() {
    assert_golden("openapi.json", &schema("openapi"));
}

#[test]
fn schemas_are_of_2020_12_and_say_what_a_key_means() {
    for kind in ["scenario", "playbook", "gameday", "service", "environment"] {
        let schema: Value = serde_json::from_str(&schema(kind)).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(schema["properties"]["name"]["description"].is_string(), "{kind}");
        let text = schema.to_string();
        for leak in ["\\u0000", "Field", "\"default\":\"", "\"default\":null", "uint"] {
            assert!(!text.contains(leak), "{kind} holds {leak}");
        }
    }
}

/// What programs read is held against its published form, and the form is one that refuses something.
#[test]
fn the_report_of_a_drill_is_valid_for_its_schema() {
    if !validator_is_there() {
        return;
    }
    let (dir, schema) = (temp_dir(), schema("report"));
    let journal = root().join("tests/files/report/payments-slow.jsonl");
    let (whole, cut) = (dir.path().join("whole.json"), dir.path().join("cut.json"));
    let mut report = firedrill();
    report.args(["report", "--format", "json", "--out"]).arg(&whole).arg(journal);
    let ended = Child::spawn(&mut report).wait(SOON);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut value: Value = serde_json::from_str(&std::fs::read_to_string(&whole).unwrap()).unwrap();
    assert_eq!(value["version"], 1);
    value["scorecard"]["summary"]["restored_by"] = "magic".into();
    std::fs::write(&cut, value.to_string()).unwrap();
    let found = validate(&schema, &[whole, cut]);
    assert!(found[0].starts_with("ok") && found[1].starts_with("bad"), "{found:#?}");
}
