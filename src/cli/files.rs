//! The files that commands name: finding them, and saying what is wrong with them.

use std::io::{ErrorKind, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::text::{Problem, Problems, Severity, Source, Span, Style};

/// Files in one folder tree beyond this are not looked at.
const FILES_MAX: usize = 10_000;
/// Folders deeper than this are not looked into.
const DEPTH_MAX: usize = 16;

/// Reads a file. One that cannot be read comes back empty, with the reason as its only problem.
pub(super) fn open(path: &Path) -> (Source, Problems) {
    let mut problems = Problems::new();
    let source = Source::open(path).unwrap_or_else(|error| {
        let message = match error.kind() {
            ErrorKind::NotFound => "there is no such file".to_owned(),
            ErrorKind::IsADirectory => "this is a folder, not a file".to_owned(),
            _ => format!("the file cannot be read: {error}"),
        };
        let problem = problems.error("unreadable", Span::default(), message);
        if let Some(help) = help_for(path, error.kind()) {
            problem.help(help);
        }
        Source::new(path.display().to_string(), "")
    });
    (source, problems)
}

/// The way out, where there is one to see.
fn help_for(path: &Path, error: ErrorKind) -> Option<String> {
    match error {
        ErrorKind::NotFound => {
            let meant = PathBuf::from(format!("{}.yaml", path.display()));
            Some(if meant.is_file() {
                format!("did you mean `{}`?", meant.display())
            } else {
                "look at the path; `firedrill new scenario NAME` writes a file to start from".to_owned()
            })
        }
        ErrorKind::IsADirectory => Some("name one scenario; `firedrill check` also takes folders".to_owned()),
        _ => None,
    }
}

/// The YAML files meant by files and folders, each folder in the order of its names.
pub(super) fn yaml_files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = found.len();
            walk(path, 0, &mut found)?;
            anyhow::ensure!(found.len() > before, "no .yaml file in {}", path.display());
        } else {
            // A name that does not exist is reported with the problems of the other files.
            found.push(path.clone());
        }
    }
    Ok(found)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let here = || format!("cannot look into {}", folder.display());
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(here)? {
        entries.push(entry.with_context(here)?.path());
    }
    entries.sort();
    for path in entries {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let is_yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        if hidden {
            continue;
        }
        // A link to a folder is not followed: it may lead back up.
        if path.is_dir() && !path.is_symlink() && depth < DEPTH_MAX {
            walk(&path, depth + 1, found)?;
        } else if is_yaml && path.is_file() {
            anyhow::ensure!(found.len() < FILES_MAX, "more than {FILES_MAX} files; name fewer");
            found.push(path);
        }
    }
    Ok(())
}

/// How to draw on a stream: colours and lines for a person, plain text for a pipe.
pub(super) fn style(is_terminal: bool) -> Style {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(120);
    Style {
        colour: is_terminal && !set("NO_COLOR") && !dumb,
        unicode: is_terminal && !dumb,
        width: usize::clamp(width, 60, 400),
    }
}

/// The style for standard output.
pub(super) fn stdout_style() -> Style {
    style(std::io::stdout().is_terminal())
}

/// The style for standard error.
pub(super) fn stderr_style() -> Style {
    style(std::io::stderr().is_terminal())
}

/// What was found, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) files: usize,
    pub(super) errors: usize,
    pub(super) warnings: usize,
}

impl Tally {
    /// Counts problems, and their file unless it was counted before.
    pub(super) fn add(&mut self, problems: &[Problem], is_new: bool) {
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        self.files += usize::from(is_new);
        self.errors += errors;
        self.warnings += problems.len() - errors;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let problems = match (self.errors, self.warnings) {
            (0, 0) => "no problems".to_owned(),
            (0, warnings) => count(warnings, "warning"),
            (errors, 0) => count(errors, "error"),
            (errors, warnings) => format!("{} and {}", count(errors, "error"), count(warnings, "warning")),
        };
        write!(f, "{problems} in {}", count(self.files, "file"))
    }
}
