//! How long files and functions may be, and what files may not be called.

use crate::assert_none;
use crate::tree::{Source, product, rust, tests_begin};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const NAMES_THAT_SAY_NOTHING: [&str; 5] = ["errors", "utils", "common", "helpers", "types"];

#[test]
fn files_are_short() {
    let sources = ["src", "proxy/src"].into_iter().flat_map(product);
    assert_none(&sources.filter_map(|source| too_long(&source)).collect::<Vec<_>>());
}

#[test]
fn functions_are_short() {
    assert_none(&rust().iter().flat_map(long_functions).collect::<Vec<_>>());
}

#[test]
fn file_names_say_what_is_inside() {
    let named = rust().into_iter().filter_map(|source| {
        let stem = source.path.rsplit('/').next()?.trim_end_matches(".rs").to_owned();
        let says_nothing = NAMES_THAT_SAY_NOTHING.contains(&stem.as_str());
        says_nothing.then(|| format!("{}:1: `{stem}` says nothing; name the one thing inside", source.path))
    });
    assert_none(&named.collect::<Vec<_>>());
}

fn too_long(source: &Source) -> Option<String> {
    let lines = tests_begin(&source.text) - 1;
    let limit = FILE_LINES_MAX;
    (lines > limit).then(|| {
        let place = format!("{}:{limit}", source.path);
        format!(
            "{place}: {lines} lines before the tests, at most {limit}; take one thing out into its own file"
        )
    })
}

/// Formatted code ends a function with a brace below the first letter of its line.
fn long_functions(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut problems = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let end = format!("{}}}", &line[..line.len() - line.trim_start().len()]);
        let has_body = |line: &&str| line.ends_with('{') || line.ends_with(';') || line.ends_with('}');
        if !lines[index..].iter().find(|line| has_body(line)).is_some_and(|line| line.ends_with('{')) {
            continue;
        }
        let count = lines[index..].iter().position(|line| *line == end).map_or(0, |at| at + 1);
        if count > FUNCTION_LINES_MAX {
            let place = format!("{}:{}", source.path, index + 1);
            let way_out = "take out what has a name of its own";
            problems.push(format!(
                "{place}: `{name}` has {count} lines, at most {FUNCTION_LINES_MAX}; {way_out}"
            ));
        }
    }
    problems
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.trim_start().split_once("fn ")?;
    let modifiers = ["pub", "async", "const", "unsafe", "extern", "\"C\""];
    let is_modifier =
        |word: &str| modifiers.contains(&word) || word.starts_with("pub(") || word.ends_with(')');
    if !before.split_whitespace().all(is_modifier) {
        return None;
    }
    after.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().filter(|name| !name.is_empty())
}

#[test]
fn long_files_and_functions_are_found() {
    let source = |text: String| Source { path: "x.rs".to_owned(), text };
    let long =
        |lines: usize| format!("    pub(super) async fn f(\n    ) {{\n{}    }}\n", "    x;\n".repeat(lines));
    assert_eq!(long_functions(&source(long(67))).len(), 0);
    assert_eq!(long_functions(&source(long(68))).len(), 1);
    assert_eq!(long_functions(&source(format!("fn f();\n{}", long(5)))).len(), 0);
    assert!(too_long(&source("x\n".repeat(400))).is_none());
    assert!(too_long(&source("x\n".repeat(401))).is_some());
    let tests = "#[cfg(test)]\nmod tests {\n";
    assert!(too_long(&source(format!("{}{tests}{}", "x\n".repeat(400), "x\n".repeat(400)))).is_none());
}
