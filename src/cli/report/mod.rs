//! `firedrill report`: what a drill was, for those who were not there.

mod compare;
mod site;

use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Exit;
use super::journal_file;
use super::say::say;
use crate::drill::journal::Verified;
use crate::report::{Report, html, json, junit, markdown};

/// Show what a drill was, from its journal alone, for those who were not there
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Args {
    #[command(subcommand)]
    other: Option<Other>,
    /// The journal, `journal.jsonl` of a drill's folder, or that folder
    #[arg(value_name = "FILE|DIR", required = true)]
    file: Option<PathBuf>,
    /// In which form
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
    /// Write it to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What is told of more than one drill.
#[derive(Debug, clap::Subcommand)]
enum Other {
    Compare(compare::Args),
    Site(site::Args),
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// One self-contained page for a browser
    Html,
    /// For a pull request, a wiki, a terminal
    Markdown,
    /// All that the other forms are made of
    Json,
    /// For CI viewers
    Junit,
}

impl Format {
    /// Every form.
    const ALL: [Self; 4] = [Self::Html, Self::Markdown, Self::Json, Self::Junit];

    /// The file's name in a drill's folder.
    const fn file(self) -> &'static str {
        match self {
            Self::Html => "report.html",
            Self::Markdown => "report.md",
            Self::Json => "report.json",
            Self::Junit => "junit.xml",
        }
    }

    fn of(self, report: &Report) -> anyhow::Result<Vec<u8>> {
        Ok(match self {
            Self::Html => html(report).into_bytes(),
            Self::Markdown => markdown(report).into_bytes(),
            Self::Json => json(report)?,
            Self::Junit => junit(report).into_bytes(),
        })
    }
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    match args.other {
        Some(Other::Compare(args)) => return compare::exec(args),
        Some(Other::Site(args)) => return site::exec(args),
        None => {}
    }
    let report = of_journal(args.file.context("no journal was named")?)?;
    give(args.format.of(&report)?, args.out)?;
    Ok(Exit::Passed)
}

/// The report on the journal that a path names.
fn of_journal(path: PathBuf) -> anyhow::Result<Report> {
    let (path, journal) = journal_file::open(path)?;
    read(&path, journal)
}

/// To the file, or to standard output.
fn give(bytes: Vec<u8>, out: Option<PathBuf>) -> anyhow::Result<()> {
    match out {
        None => say(String::from_utf8_lossy(&bytes).trim_end()),
        Some(out) => {
            std::fs::write(&out, bytes).with_context(|| format!("cannot write `{}`", out.display()))?
        }
    }
    Ok(())
}

/// The report on a journal, which must be as it was written.
fn read(path: &Path, journal: impl BufRead) -> anyhow::Result<Report> {
    let (verified, report) = Report::read_checked(journal).with_context(|| journal_file::cannot(path))?;
    if let Verified::Broken { line, why } = verified {
        anyhow::bail!(
            "`{}` was changed after it was written (line {line}: {why}); a report of it would prove nothing",
            path.display()
        );
    }
    report.with_context(|| format!("cannot report on `{}`", path.display()))
}

/// Writes every form into a drill's folder, beside its journal; gives their names.
pub(super) fn keep_all(folder: &Path) -> anyhow::Result<Vec<&'static str>> {
    let (_, journal) = journal_file::open(folder.to_owned())?;
    let report = Report::read(journal).context("cannot report on this drill")?;
    let mut names = Vec::new();
    for format in Format::ALL {
        let path = folder.join(format.file());
        std::fs::write(&path, format.of(&report)?)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        names.push(format.file());
    }
    Ok(names)
}
