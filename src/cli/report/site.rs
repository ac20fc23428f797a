//! `firedrill report site`: an index of all drills below a folder.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::cli::Exit;
use crate::cli::say::say;
use crate::report::{Entry, Report, Skipped, site};

/// How many folders deep drills are looked for, and how many are taken in.
const DEPTH_MAX: usize = 6;
const DRILLS_MAX: usize = 10_000;

/// Make an index of all drills below a folder: verdicts, history of each scenario, links to the reports
///
/// A journal that is broken is left out and named. The drills' folders are not touched.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder that holds drills' folders, such as `firedrill-reports`
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Where the index is written; the links are made for this place [default: index.html in DIR]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let folder = &args.folder;
    let mut found = Vec::new();
    look(folder, 0, &mut found).with_context(|| format!("cannot look through `{}`", folder.display()))?;
    if found.is_empty() {
        bail!(
            "there is no `journal.jsonl` in `{0}` or up to {DEPTH_MAX} folders below it; give the folder that \
               drills were kept in (`--out` of `firedrill run`, else `firedrill-reports`)",
            folder.display()
        );
    }
    let out = args.out.unwrap_or_else(|| folder.join("index.html"));
    let (mut entries, mut skipped) = (Vec::new(), Vec::new());
    for drill in &found {
        let name = drill.strip_prefix(folder).unwrap_or(drill).display().to_string();
        let name = if name.is_empty() { ".".to_owned() } else { name };
        match super::of_journal(drill.clone()) {
            Ok(report) => entries.push(entry(&report, drill, &out)),
            Err(error) => skipped.push(Skipped { folder: name, why: format!("{error:#}") }),
        }
    }
    let (good, bad) = (entries.len(), skipped.len());
    let title = folder.file_name().map_or_else(|| "drills".into(), |name| name.to_string_lossy());
    std::fs::write(&out, site(&title, entries, skipped))
        .with_context(|| format!("cannot write `{}`", out.display()))?;
    let left_out = if bad == 0 { String::new() } else { format!(", {bad} left out and named there") };
    say(&format!("{}: {good} drills{left_out}", out.display()));
    Ok(Exit::Passed)
}

/// The folders that hold a journal, in order of their names. Links are not followed.
fn look(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if folder.join("journal.jsonl").is_file() && found.len() < DRILLS_MAX {
        found.push(folder.to_owned());
    }
    if depth == DEPTH_MAX {
        return Ok(());
    }
    let mut below = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            below.push(entry.path());
        }
    }
    below.sort();
    below.iter().try_for_each(|folder| look(folder, depth + 1, found))
}

/// What is kept of a drill, with a link from the index's place to its report.
fn entry(report: &Report, drill: &Path, out: &Path) -> Entry {
    let page = drill.join("report.html");
    Entry::of(report, page.is_file().then(|| link(out.parent().unwrap_or(Path::new("")), &page)))
}

/// The way from a folder to a file, as a browser reads it; the whole path where there is no way down.
fn link(from: &Path, to: &Path) -> String {
    let whole =
        |path: &Path| std::path::absolute(Path::new(".").join(path)).unwrap_or_else(|_| path.to_owned());
    let (from, to) = (whole(from), whole(to));
    let way = match to.strip_prefix(&from) {
        Ok(way) => way.to_string_lossy().into_owned(),
        Err(_) => format!("file://{}", to.display()),
    };
    let mut link = String::new();
    for c in way.chars() {
        match c {
            '%' | '?' | '#' | ' ' => link.push_str(&format!("%{:02X}", u32::from(c))),
            c => link.push(c),
        }
    }
    // A first part with a colon would be read as a scheme.
    if link.starts_with("file://") { link } else { format!("./{link}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_the_index_to_the_report_whatever_folders_are_called() {
        for (from, to, way) in [
            ("reports", "reports/a/report.html", "./a/report.html"),
            ("reports", "reports/50%? a#b/report.html", "./50%25%3F%20a%23b/report.html"),
            ("", "reports/x:y/report.html", "./reports/x:y/report.html"),
            ("/elsewhere", "/reports/a/report.html", "file:///reports/a/report.html"),
        ] {
            assert_eq!(link(Path::new(from), Path::new(to)), way);
        }
    }
}
