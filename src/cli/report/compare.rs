//! `firedrill report compare`: what changed from one drill to another.

use std::path::PathBuf;

use crate::cli::Exit;
use crate::report::{Comparison, comparison_html, comparison_json, comparison_markdown};

/// Show what changed from one drill to another, such as the last two of a scenario
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The drill that is compared with: its journal or its folder
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    /// The drill that is looked at: its journal or its folder
    #[arg(value_name = "AFTER")]
    after: PathBuf,
    /// In which form
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
    /// Write it to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One self-contained page for a browser
    Html,
    /// For a pull request, a wiki, a terminal
    Markdown,
    /// For programs
    Json,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let (before, after) = (super::of_journal(args.before)?, super::of_journal(args.after)?);
    let comparison = Comparison::of(&before, &after);
    let bytes = match args.format {
        Format::Html => comparison_html(&comparison).into_bytes(),
        Format::Markdown => comparison_markdown(&comparison).into_bytes(),
        Format::Json => comparison_json(&comparison)?,
    };
    super::give(bytes, args.out)?;
    Ok(Exit::Passed)
}
