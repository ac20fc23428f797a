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

/// Where the tests of a file begin: the number of the line, or one behind the last.
pub fn tests_begin(text: &str) -> usize {
    let at = text.lines().position(|line| line.trim_start().starts_with("#[cfg(test)]"));
    at.unwrap_or(text.lines().count()) + 1
}
