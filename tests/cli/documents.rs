//! The documents are about this program: their examples are read by it, and what it can say itself they repeat.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::{Child, firedrill, requires, temp_dir};

const SOON: Duration = Duration::from_secs(20);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md and everything in docs/, with their texts.
fn documents() -> Vec<(PathBuf, String)> {
    let (mut found, mut folders) = (vec![root().join("README.md")], vec![root().join("docs")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(ending) if ending == "md" => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    let read = |path: PathBuf| (path.clone(), std::fs::read_to_string(path).unwrap());
    found.into_iter().map(read).collect()
}

#[test]
fn the_whole_files_that_documents_show_have_no_error() {
    // One folder for all: a game day names scenarios that are shown elsewhere.
    let dir = temp_dir();
    let mut files = Vec::new();
    for (document, text) in documents() {
        for example in examples(&text) {
            let word = |key: &str| example.lines().find_map(|line| line.strip_prefix(key)).expect("a word");
            let file = match word("kind: ").trim() {
                "Playbook" => format!("playbooks/{}.yaml", word("name: ")),
                "Environment" => format!("environments/{}.yaml", word("name: ")),
                "Service" => format!("services/{}.yaml", word("name: ")),
                _ => format!("{}.yaml", word("name: ")),
            };
            // The same name may be shown in several documents: each is looked at beside the others of its own.
            let folder = dir.path().join(document.file_stem().unwrap());
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, example).unwrap();
            files.push((document.clone(), folder, path));
        }
    }
    assert!(files.len() >= 5, "{}", files.len());
    for (document, folder, path) in files {
        let mut check = firedrill();
        check.arg("check").arg(&path).current_dir(folder);
        // A scenario for one environment is read with it, as `run` would.
        if std::fs::read_to_string(&path).unwrap().contains("\nenvironments: [staging]\n") {
            check.args(["--environment", "staging"]);
        }
        let ended = Child::spawn(&mut check).wait(SOON);
        assert_eq!(ended.code, Some(0), "{}, {}:\n{}", document.display(), path.display(), ended.stdout);
    }
}

/// The blocks of YAML that are whole files of this program, as they would be written.
fn examples(document: &str) -> Vec<String> {
    blocks(document).into_iter().filter(|text| text.starts_with("firedrill: v1")).collect()
}

/// The blocks of YAML, without the indent that they have in a list.
fn blocks(document: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let Some(indent) = line.strip_suffix("```yaml").filter(|indent| indent.trim().is_empty()) else {
            continue;
        };
        let block = lines.by_ref().take_while(|line| line.trim() != "```");
        found.push(block.map(|line| format!("{}\n", line.strip_prefix(indent).unwrap_or(line))).collect());
    }
    found
}

#[test]
fn whole_files_are_told_from_snippets() {
    let document =
        "x\n  ```yaml\n  firedrill: v1\n  name: a\n  ```\n```yaml\nwhen: b\n```\n```sh\nfiredrill: v1\n```\n";
    assert_eq!(examples(document), ["firedrill: v1\nname: a\n"]);
}

#[test]
fn the_reference_of_the_files_is_what_the_program_prints() {
    let refused = Child::spawn(firedrill().args(["schema", "no-such-kind"])).wait(SOON).stderr;
    let kinds = refused.split_once("possible values: ").and_then(|(_, rest)| rest.split_once(']'));
    let kinds: Vec<&str> = kinds.expect("the kinds are listed").0.split(", ").collect();
    assert!(kinds.contains(&"scenario"), "{kinds:?}");
    // The API is no kind of file; its page is written by hand, and its routes are held against the program's.
    for kind in kinds.into_iter().filter(|kind| *kind != "openapi") {
        let ended = Child::spawn(firedrill().args(["schema", kind, "--format", "markdown"])).wait(SOON);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let path = root().join(format!("docs/files/{kind}.md"));
        if std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
            std::fs::write(&path, &ended.stdout).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(kept, ended.stdout, "{} is not current; UPDATE_GOLDEN=1 writes it anew", path.display());
    }
}

#[test]
fn what_the_documents_say_to_monitoring_is_valid_for_its_own_tools() {
    if !requires(&["promtool", "amtool"]) {
        return;
    }
    let dir = temp_dir();
    let text = std::fs::read_to_string(root().join("docs/alarms.md")).unwrap();
    let mut count = 0;
    for block in blocks(&text) {
        let tool: &[&str] = if block.starts_with("route:") {
            &["amtool", "check-config"]
        } else if block.starts_with("alerting:") {
            &["promtool", "check", "config", "--syntax-only"]
        } else {
            continue;
        };
        let file = dir.path().join(format!("{count}.yml"));
        std::fs::write(&file, block).unwrap();
        let ended = Child::spawn(Command::new(tool[0]).args(&tool[1..]).arg(&file)).wait(SOON);
        assert_eq!(ended.code, Some(0), "{tool:?}:\n{}{}", ended.stdout, ended.stderr);
        count += 1;
    }
    assert_eq!(count, 2, "one for Alertmanager and one for Prometheus");
}
