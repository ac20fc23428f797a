//! The files of the project, as text.

use std::fs;
use std::path::Path;

/// One file.
pub struct Source {
    /// Its path from the project's root.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// All files below the folders whose names end so, in order. A folder that is not there holds none.
pub fn files(folders: &[&str], ends: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in folders {
        gather(root, &root.join(folder), ends, &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// All code of ours.
pub fn rust() -> Vec<Source> {
    files(&["src", "proxy", "tests", "benches"], &[".rs"])
}

/// Whether a path from the project's root is there.
pub fn exists(path: &str) -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists()
}

fn gather(root: &Path, at: &Path, ends: &[&str], found: &mut Vec<Source>) {
    if at.is_dir() {
        if at.file_name().is_some_and(|name| name == "target") {
            return;
        }
        for entry in fs::read_dir(at).unwrap() {
            gather(root, &entry.unwrap().path(), ends, found);
        }
    } else if ends.iter().any(|end| at.to_string_lossy().ends_with(end)) && at.is_file() {
        let path = at.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        found.push(Source { path, text: fs::read_to_string(at).unwrap() });
    }
}

/// The lines with their numbers, without line comments. A `//` in a string ends the line too, which only hides text.
pub fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line.split("//").next().unwrap_or(line)))
}

/// The code that is in the product: no tests, neither those in files of their own nor files of the other folders.
pub fn product(root: &str) -> Vec<Source> {
    let all = files(&[root], &[".rs"]);
    let of_tests: Vec<String> = all.iter().flat_map(test_modules).collect();
    let is_test = |path: &str| of_tests.iter().any(|test| path.starts_with(test.as_str()));
    all.into_iter().filter(|source| !is_test(&source.path)).collect()
}

/// The files (`…/name.rs`) and folders (`…/name/`) of the modules that a file declares for tests only.
fn test_modules(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.text.lines().collect();
    let stem = source.path.trim_end_matches(".rs");
    let folder = ["/mod", "/lib", "/main"].iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(stem);
    let names = (0..lines.len()).filter_map(|at| test_module_at(&lines[at..])?.strip_suffix(';'));
    names.flat_map(|name| [format!("{folder}/{name}.rs"), format!("{folder}/{name}/")]).collect()
}

/// What follows `mod ` where lines begin with a module for tests only: `name;` or `name {`.
fn test_module_at<'a>(lines: &[&'a str]) -> Option<&'a str> {
    lines.first().filter(|line| line.trim_start().starts_with("#[cfg(test)]"))?;
    let declared = lines.iter().find(|line| !line.trim_start().starts_with("#["))?;
    declared.trim_start().split_once("mod ").map(|(_, name)| name)
}

/// Where the tests of a file begin: the number of the line, or one behind the last.
pub fn tests_begin(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let begins = |at: &usize| test_module_at(&lines[*at..]).is_some_and(|name| name.ends_with('{'));
    (0..lines.len()).find(begins).unwrap_or(lines.len()) + 1
}

#[test]
fn tests_are_told_from_the_product() {
    let text = "#[cfg(test)]\nmod walk;\nfn f() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n}\n";
    assert_eq!(tests_begin(text), 4);
    assert_eq!(tests_begin("#[cfg(test)]\nmod tests;\nfn f() {}\n"), 4);
    let source = Source { path: "src/a/mod.rs".to_owned(), text: text.to_owned() };
    assert_eq!(test_modules(&source), ["src/a/walk.rs", "src/a/walk/"]);
    let source = Source { path: "src/a/b.rs".to_owned(), text: text.to_owned() };
    assert_eq!(test_modules(&source), ["src/a/b/walk.rs", "src/a/b/walk/"]);
}
