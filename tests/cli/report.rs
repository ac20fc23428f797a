//! `firedrill report`: its forms as CI viewers take them, two drills side by side, and the index of many.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::{Child, Ended, firedrill, requires, temp_dir};

const SOON: Duration = Duration::from_secs(30);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn journal() -> PathBuf {
    root().join("tests/files/report/payments-slow.jsonl")
}

fn report(arguments: &[&str]) -> Ended {
    Child::spawn(firedrill().arg("report").args(arguments)).wait(SOON)
}

#[test]
fn junit_has_the_shape_that_ci_viewers_read() {
    if !requires(&["python3"]) {
        return;
    }
    let dir = temp_dir();
    let file = dir.path().join("junit.xml");
    let ended = report(&["--format", "junit", "--out", file.to_str().unwrap(), journal().to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let shape = root().join("tests/files/report/junit.py");
    let judged = Child::spawn(Command::new("python3").arg(&shape).arg(&file)).wait(SOON);
    assert_eq!(judged.code, Some(0), "{}", judged.stderr);
    let text = std::fs::read_to_string(&file).unwrap().replacen(" tests=", " test=", 2);
    std::fs::write(&file, text).unwrap();
    let judged = Child::spawn(Command::new("python3").arg(shape).arg(&file)).wait(SOON);
    assert_ne!(judged.code, Some(0), "the shape refuses something");
}

#[test]
fn two_drills_are_compared_in_every_form() {
    let journal = journal();
    let path = journal.to_str().unwrap();
    let same = report(&["compare", path, path]);
    assert_eq!(same.code, Some(0), "{}", same.stderr);
    assert!(same.stdout.contains("Both are the same drill.") && same.stdout.contains("Nothing changed."));
    let page = report(&["compare", path, path, "--format", "html"]);
    assert!(page.stdout.starts_with("<!DOCTYPE html>"), "{}", page.stdout);
    let json = report(&["compare", path, path, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["version"], &json["same_scenario"]), (&1.into(), &true.into()));
    let missing = report(&["compare", path, "nowhere"]);
    assert_eq!(missing.code, Some(1), "{}", missing.stderr);
    assert!(missing.stderr.contains("nowhere"), "{}", missing.stderr);
}

#[test]
fn an_index_names_every_drill_below_a_folder_and_what_is_broken() {
    let dir = temp_dir();
    let text = std::fs::read_to_string(journal()).unwrap();
    for (folder, text) in
        [("a", text.clone()), ("deep/b", text.clone()), ("changed", text.replacen("2s", "3s", 1))]
    {
        let folder = dir.path().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("journal.jsonl"), text).unwrap();
    }
    std::fs::write(dir.path().join("deep/b/report.html"), "").unwrap();
    let path = dir.path().to_str().unwrap();
    let ended = report(&["site", path]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("2 drills, 1 left out"), "{}", ended.stdout);
    let read = || std::fs::read_to_string(dir.path().join("index.html")).unwrap();
    let page = read();
    assert!(page.contains("href=\"./deep/b/report.html\"") && !page.contains("./a/report.html"), "{page}");
    assert!(page.contains("changed</code>: ") && page.contains("was changed after it was written"), "{page}");
    report(&["site", path]);
    assert_eq!(page, read(), "the same bytes for the same drills");
    let empty = temp_dir();
    let nothing = report(&["site", empty.path().to_str().unwrap()]);
    assert!(nothing.stderr.contains("no `journal.jsonl`"), "{}", nothing.stderr);
}
