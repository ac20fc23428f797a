//! `firedrill check`: every problem of every file in one run.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Child, Ended, assert_golden, firedrill, temp_dir};

const SOON: Duration = Duration::from_secs(20);
const GOOD: &str = "tests/files/scenario/payments-slow.yaml";
const MISTAKES: &str = "tests/files/check/mistakes.yaml";
const PLAYBOOK_MISTAKES: &str = "tests/files/check/playbook-mistakes.yaml";

fn check(args: &[&str]) -> Ended {
    let mut command = firedrill();
    command.arg("check").args(args).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("COLUMNS");
    Child::spawn(&mut command).wait(SOON)
}

/// The problems of one file with these bytes, as the JSON lines say them, and the exit code.
fn problems_of(bytes: &[u8]) -> (Vec<Value>, Option<i32>) {
    let dir = temp_dir();
    let path = dir.path().join("shop.yaml");
    std::fs::write(&path, bytes).unwrap();
    let ended = check(&["--json", path.to_str().unwrap()]);
    let lines = ended.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line"));
    (lines.collect(), ended.code)
}

#[test]
fn a_good_file_has_no_problems() {
    let ended = check(&[GOOD]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "no problems in 1 file\n"), "{}", ended.stderr);
}

#[test]
fn a_path_that_is_no_file_is_told_what_was_meant() {
    for (path, said) in [
        ("tests/files/scenario/payments-slow", "did you mean `tests/files/scenario/payments-slow.yaml`?"),
        ("tests/files/nothing.yaml", "there is no such file"),
    ] {
        let ended = check(&[path]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stdout.contains(said), "{ended:?}");
    }
}

#[test]
fn every_mistake_is_shown_with_its_place_and_the_way_out() {
    let ended = check(&[MISTAKES]);
    assert_eq!(ended.code, Some(1));
    assert!(!ended.stdout.contains('\u{1b}'), "no colours in a pipe");
    assert_golden("check/mistakes.txt", &ended.stdout);
}

#[test]
fn the_short_form_has_one_line_for_each_problem() {
    let ended = check(&["--short", MISTAKES]);
    assert_golden("check/mistakes-short.txt", &ended.stdout);
    let lines = ended.stdout.lines().filter(|line| line.starts_with(&format!("{MISTAKES}:"))).count();
    assert!(lines >= 25, "{lines} of at least 25 mistakes");
}

#[test]
fn each_of_the_numbered_mistakes_has_a_problem_on_its_line() {
    numbered_mistakes(MISTAKES, 20);
    numbered_mistakes(PLAYBOOK_MISTAKES, 18);
}

fn numbered_mistakes(file: &str, least: usize) {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let ended = check(&["--json", file]);
    let problems: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected: Vec<usize> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| {
            line.rsplit_once("# ").is_some_and(|(_, note)| note.starts_with(|c: char| c.is_ascii_digit()))
        })
        .map(|(n, _)| n + 1)
        .collect();
    assert!(expected.len() > least, "the notes of the file are read");
    for line in expected {
        let found = problems.iter().any(|problem| problem["line"] == line);
        assert!(found, "no problem on line {line}: {}", text.lines().nth(line - 1).unwrap());
    }
    for problem in &problems {
        for key in ["file", "line", "column", "end_line", "end_column", "severity", "rule", "message"] {
            assert!(!problem[key].is_null(), "{key} is missing in {problem}");
        }
    }
}

#[test]
fn input_of_every_bad_sort_is_refused_by_name() {
    let bomb = (b'b'..=b'z').fold("a: &a [x, x]\n".to_owned(), |text, level| {
        let (level, before) = (char::from(level), char::from(level - 1));
        format!("{text}{level}: &{level} [*{before}, *{before}, *{before}]\n")
    });
    let head = "firedrill: v1\nkind: Scenario\nname: shop\n";
    for (bytes, rule) in [
        (String::new(), "empty-file"),
        ("# nothing\n".into(), "empty-file"),
        ("- 1\n- 2\n".into(), "wrong-type"),
        ("just words\n".into(), "wrong-type"),
        ("name: shop\n".into(), "missing-key"),
        ("kind: Scenaro\n".into(), "unknown-kind"),
        (format!("{head}faults: [\n"), "syntax"),
        (format!("{head}title: \"open\nseed: 1\n"), "syntax"),
        (format!("{head}\tseed: 1\n"), "syntax"),
        (format!("{head}title: a: b\n"), "syntax"),
        (format!("{head}---\n{head}"), "second-document"),
        (format!("{head}seed: 99999999999999999999999999\n"), "bad-value"),
        (format!("{head}seed: -1\n"), "bad-value"),
        (format!("{head}seed: .nan\n"), "wrong-type"),
        (format!("{head}title: !secret x\n"), "tag"),
        (format!("{head}{bomb}"), "alias"),
        (format!("{head}a: {}\n", "[".repeat(100_000)), "too-deep"),
        (format!("{head}tags: [{}]\n", "a,".repeat(60_000)), "too-many-nodes"),
        (format!("{head}title: \"{}\"\n", "x".repeat(1 << 20)), "file-too-large"),
        (format!("{head}title: \u{0}\n"), "syntax"),
    ] {
        let (problems, code) = problems_of(bytes.as_bytes());
        let shown: String = bytes.chars().take(80).collect();
        assert_eq!(code, Some(1), "{shown:?}: {problems:?}");
        assert!(problems.iter().any(|problem| problem["rule"] == rule), "{shown:?}: {problems:?}");
    }
    let (problems, code) = problems_of(b"firedrill: v1\nkind: Scenario\ntitle: caf\xe9\n");
    assert_eq!(
        (code, problems[0]["rule"].as_str(), problems[0]["line"].as_u64()),
        (Some(1), Some("not-utf8"), Some(3))
    );
}

#[test]
fn game_days_and_services_are_checked_with_all_that_they_name() {
    let dir = temp_dir();
    let path = dir.path().join("night.yaml");
    std::fs::write(&path, "firedrill: v1\nkind: GameDay\nname: night\ninjects: [pay]\nanything: goes\n")
        .unwrap();
    let ended = check(&[path.to_str().unwrap(), "--short"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stdout.contains("there is no file for the scenario `pay`"), "{}", ended.stdout);
    assert!(ended.stdout.contains("`anything`"), "{}", ended.stdout);
    let path = dir.path().join("shop.yaml");
    std::fs::write(&path, "firedrill: v1\nkind: Service\nname: shop\nslo: shop\n").unwrap();
    let ended = check(&[path.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert!(ended.stdout.contains("no error budget is watched"), "{}", ended.stdout);
    let denied = check(&["--deny", "warnings", path.to_str().unwrap()]);
    assert_eq!(denied.code, Some(1), "{}", denied.stdout);
}

#[test]
fn a_playbook_is_checked_alone_and_with_the_scenario_that_names_it() {
    let ended = check(&[PLAYBOOK_MISTAKES]);
    assert_eq!(ended.code, Some(1));
    assert_golden("check/playbook-mistakes.txt", &ended.stdout);
    let dir = temp_dir();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let scenario = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(GOOD)).unwrap();
    let scenario = write(
        "scenarios/payments-slow.yaml",
        &format!("{scenario}playbook: {{name: back, start: impact}}\n"),
    );
    let absent = check(&["--short", &scenario]);
    assert_eq!(absent.code, Some(1), "{}", absent.stdout);
    assert!(absent.stdout.contains("error: there is no file for the playbook `back`"), "{}", absent.stdout);
    let book = "firedrill: v1\nkind: Playbook\nname: back\nsteps:\n  - id: go\n    run: [./go]\n    \
                undo: {run: [./back]}\n    verify: checkout\n";
    let book = write("playbooks/back.yaml", book);
    // By itself any probe may be there; the scenario knows which ones are.
    assert_eq!(check(&[&book]).stdout, "no problems in 1 file\n");
    let both = check(&["--short", &book, &scenario]);
    assert_eq!(both.code, Some(1), "{}", both.stdout);
    assert!(
        both.stdout.contains("back.yaml:8:13: error: the scenario's steady state has no probe `checkout`"),
        "{}",
        both.stdout
    );
    assert!(both.stdout.ends_with("1 error in 2 files\n"), "{}", both.stdout);
}

#[test]
fn an_input_without_a_value_is_no_problem_until_the_playbook_is_used() {
    let dir = temp_dir();
    let path = dir.path().join("call.yaml");
    let text = "firedrill: v1\nkind: Playbook\nname: call\ninputs: {who: {}}\ntriggers: [Any]\nsteps:\n  - {id: go, \
                manual: 'Call ${inputs.who}.', mutates: true, verify: steady_state, undo: {run: [./x]}}\n";
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(check(&["--deny", "warnings", path]).stdout, "no problems in 1 file\n");
    let plan = |more: &[&str]| Child::spawn(firedrill().arg("plan").arg(path).args(more)).wait(SOON);
    let without = plan(&[]);
    assert_eq!(without.code, Some(1));
    assert!(without.stderr.contains("the input `who` has no value and no default"), "{}", without.stderr);
    assert!(without.stderr.contains("--input who=…"), "{}", without.stderr);
    assert!(plan(&["--input", "who=Ana"]).stdout.contains("Call Ana."));
}

#[test]
fn a_variable_that_is_not_set_yet_is_a_warning() {
    let file = "scenarios/payments-slow.yaml";
    let ended = check(&[file]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert!(ended.stdout.contains("warning: the variable `SHOP` is not set"), "{}", ended.stdout);
    let sets = ["SHOP=http://127.0.0.1:1", "PAYMENTS=127.0.0.1:2", "PAYMENTS_ROUTE=127.0.0.1:3"];
    let args: Vec<&str> = [file].into_iter().chain(sets.iter().flat_map(|set| ["--set", set])).collect();
    let ended = check(&args);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "no problems in 1 file\n"));
}

#[test]
fn folders_are_walked_and_all_files_are_reported_in_one_run() {
    let dir = temp_dir();
    let good = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(GOOD)).unwrap();
    std::fs::create_dir_all(dir.path().join("inner")).unwrap();
    std::fs::write(dir.path().join("payments-slow.yaml"), good).unwrap();
    std::fs::write(dir.path().join("inner/a.yml"), "kind: Banana\n").unwrap();
    std::fs::write(dir.path().join("inner/b.yaml"), "kind: [\n").unwrap();
    std::fs::write(dir.path().join("notes.txt"), "no YAML").unwrap();
    let ended = check(&[dir.path().to_str().unwrap()]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("there is no kind `Banana`"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("2 errors in 3 files\n"), "{}", ended.stdout);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ended = check(&[GOOD, "no/such/file.yaml"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("no/such/file.yaml"), "{}", ended.stdout);
    assert!(ended.stdout.contains("there is no such file"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("1 error in 2 files\n"), "{}", ended.stdout);
}

#[test]
fn words_of_a_file_cannot_drive_the_terminal() {
    let dir = temp_dir();
    let path = dir.path().join("a.yaml");
    std::fs::write(&path, "kind: \"\\e[31mred\\nnext\"\n").unwrap();
    let ended = check(&[path.to_str().unwrap()]);
    assert_eq!(ended.code, Some(1));
    assert!(!ended.stdout.contains('\u{1b}'), "{:?}", ended.stdout);
}

#[test]
fn the_files_in_the_documentation_have_no_problems() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/files.md")).unwrap();
    let dir = temp_dir();
    let blocks: Vec<&str> =
        text.split("```yaml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0)).collect();
    assert_eq!(blocks.len(), 2, "one example of each kind");
    for block in blocks {
        let name = block.lines().find_map(|line| line.strip_prefix("name: ")).unwrap();
        std::fs::write(dir.path().join(format!("{name}.yaml")), block).unwrap();
    }
    let ended = check(&["--deny", "warnings", dir.path().to_str().unwrap()]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "no problems in 2 files\n"));
}

const RULES: [&str; 3] = [
    "tests/files/check/rules/shop.yaml",
    "--rules=tests/files/check/rules/rules.yml",
    "--alertmanager-config=tests/files/check/rules/alertmanager.yml",
];

#[test]
fn expectations_are_held_against_the_rules_that_should_fire_them() {
    let ended = check(&RULES);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_golden("check/rules.txt", &ended.stdout);
    let short = check(&["--short", RULES[0], RULES[1]]);
    assert!(short.stdout.contains("shop.yaml:19:25: error: no alerting rule fires"), "{}", short.stdout);
    assert!(
        short.stdout.contains("rules.yml:7:16: warning: the alarm `CheckoutSlow` says"),
        "{}",
        short.stdout
    );
    let ended = check(&["--json", RULES[0], RULES[1], RULES[2]]);
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for rule in
        ["no-such-rule", "slow-alarm", "fault-too-short", "wrong-receiver", "wrong-severity", "idle-match"]
    {
        assert!(lines.iter().any(|problem| problem["rule"] == rule), "{rule} in {}", ended.stdout);
    }
}

#[test]
fn rules_that_cannot_be_opened_are_told_and_routes_need_rules() {
    let ended = check(&[RULES[0], "--rules", "no/such/rules.yml"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("no/such/rules.yml"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("no alerting rule"), "nobody knows which there are: {}", ended.stdout);
    let ended = check(&[RULES[0], RULES[2]]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--rules"), "{}", ended.stderr);
}

#[test]
fn warnings_about_rules_are_errors_when_they_are_denied() {
    let dir = temp_dir();
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(RULES[0])).unwrap();
    let text = text.replace("CheckoutDwn", "CheckoutDown").replace("${PAYMENTS}", "127.0.0.1:9000");
    let path = dir.path().join("shop.yaml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(check(&[path, RULES[1]]).code, Some(0));
    assert_eq!(check(&["--deny", "warnings", path, RULES[1]]).code, Some(1));
    assert_eq!(check(&["--deny", "warnings", path]).code, Some(0), "without rules it is good");
}
