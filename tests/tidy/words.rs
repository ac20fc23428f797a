//! Words that have no place in the tree, and files that documents name.

use crate::assert_none;
use crate::tree::{Source, exists, files};

/// A word and the way out. Written in two halves, so that this file does not hold them.
const FORBIDDEN: [(&str, &str); 7] = [
    (concat!("dbg", "!("), "take it out, or say it with `tracing`"),
    (concat!("todo", "!("), "build it or leave it out"),
    (concat!("unimplemented", "!("), "build it or leave it out"),
    (concat!("TO", "DO"), "do it or leave it out"),
    (concat!("FIX", "ME"), "fix it"),
    (concat!("X", "XX"), "say what is wrong, and why it stays"),
    (concat!("/wo", "rk/"), "name no machine's paths"),
];

const EVERYTHING: [&str; 9] =
    ["src", "proxy", "tests", "docs", "scenarios", "playbooks", ".ci", "README.md", "CONTRIBUTING.md"];

#[test]
fn forbidden_words_are_nowhere() {
    let sources = files(&EVERYTHING, &[".rs", ".md", ".yaml", ".toml", ".ci/run"]);
    assert!(!sources.is_empty());
    assert_none(&sources.iter().flat_map(forbidden).collect::<Vec<_>>());
}

#[test]
fn the_files_that_documents_name_exist() {
    let sources = files(&["docs", "README.md", "CONTRIBUTING.md"], &[".md"]);
    assert_none(&sources.iter().flat_map(|source| dangling(source, exists)).collect::<Vec<_>>());
}

fn forbidden(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        for (word, way_out) in FORBIDDEN {
            if line.contains(word) {
                problems.push(format!("{}:{}: `{word}` is forbidden; {way_out}", source.path, index + 1));
            }
        }
    }
    problems
}

/// Paths of code and documents in backticks. A path with a placeholder (`<name>`, `NAME`, `*`) is none.
fn dangling(source: &Source, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        for path in line.split('`').skip(1).step_by(2) {
            let is_path = path.contains('/')
                && [".rs", ".md"].iter().any(|end| path.ends_with(end))
                && path.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "/._-".contains(c));
            if is_path && !exists(path) {
                problems.push(format!(
                    "{}:{}: there is no `{path}`; name the file as it is",
                    source.path,
                    index + 1
                ));
            }
        }
    }
    problems
}

#[test]
fn a_forbidden_word_and_a_dangling_path_are_found() {
    let source = |text: String| Source { path: "x.md".to_owned(), text };
    assert_eq!(forbidden(&source(format!("a\n{}", concat!("TO", "DO: b")))).len(), 1);
    let text = "see `src/a.rs`, `src/b.rs`, `src/<kind>.rs` and `b.rs`".to_owned();
    assert_eq!(dangling(&source(text), |path| path == "src/a.rs").len(), 1);
}
