//! `firedrill rescore`: what a drill is worth, computed once more from its journal alone.

use std::path::PathBuf;

use anyhow::Context as _;

use super::Exit;
use super::journal_file;
use super::say::say;
use crate::drill::journal::Verified;
use crate::score::{Scorecard, explain, table};

/// Compute once more, from its journal alone, what a drill is worth
///
/// Exits with the drill's status. The same journal always gives the same bytes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The journal, `journal.jsonl` of a drill's folder, or that folder
    #[arg(value_name = "FILE|DIR")]
    file: PathBuf,
    /// Print the scorecard as JSON, as `scorecard.json` holds it
    #[arg(long)]
    json: bool,
    /// Say the rule of every verdict
    #[arg(long, conflicts_with = "json")]
    explain: bool,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let (path, journal) = journal_file::open(args.file)?;
    let (verified, card) = Scorecard::read_checked(journal).with_context(|| journal_file::cannot(&path))?;
    let card = card.with_context(|| format!("cannot score `{}`", path.display()))?;
    if args.json {
        let json = card.to_json_bytes()?;
        say(String::from_utf8_lossy(&json).trim_end());
    } else {
        let whole = !matches!(verified, Verified::Broken { .. });
        for line in lines(&card, whole, args.explain) {
            say(&line);
        }
    }
    Ok(Exit::of(card.summary.exit).unwrap_or(Exit::Unproven))
}

fn lines(card: &Scorecard, whole: bool, explained: bool) -> Vec<String> {
    let summary = &card.summary;
    let meaning = Exit::of(summary.exit).map_or("unknown", Exit::meaning);
    let mut lines = vec![format!("{}: exit {}, {meaning}", summary.scenario, summary.exit)];
    if !whole {
        lines.push("this journal was changed after it was written: see `firedrill verify`".to_owned());
    }
    lines.extend(summary.reasons.iter().map(|reason| format!("  because {reason}")));
    lines.extend(table(card));
    if explained {
        lines.push("rules:".to_owned());
        lines.extend(explain(card));
    }
    lines
}
