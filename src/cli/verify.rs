//! `firedrill verify`: check that a journal is whole and unchanged.

use std::path::PathBuf;

use anyhow::Context as _;

use super::Exit;
use super::journal_file;
use super::say::say;
use crate::drill::journal::{Verified, verify_from};

/// Check that a journal is whole and unchanged
///
/// Exits with 0 only when every line is as it was written and the last one closes the drill.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The journal, `journal.jsonl` of a drill's folder, or that folder
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The hash that the last line must have, as the drill printed it: shows also a journal written anew
    #[arg(long, value_name = "HASH")]
    head: Option<String>,
    /// Print the finding as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let (path, journal) = journal_file::open(args.file)?;
    let head = args.head.as_deref().map(|head| head.trim().to_ascii_lowercase());
    let verified = verify_from(journal, head.as_deref()).with_context(|| journal_file::cannot(&path))?;
    if args.json {
        say(&serde_json::to_string(&verified)?);
    } else {
        say(&format!("{}: {}", path.display(), words(&verified, head.is_some())));
    }
    Ok(if matches!(verified, Verified::Whole { .. }) { Exit::Passed } else { Exit::Refused })
}

fn words(verified: &Verified, against_head: bool) -> String {
    match verified {
        Verified::Whole { lines, head } if against_head => {
            format!("whole: {lines} lines as they were written, ending in the hash that was given ({head})")
        }
        Verified::Whole { lines, head } => format!(
            "whole: {lines} lines as they were written; last hash {head} \
             (give the one that the drill printed as --head to show that it is this very drill)"
        ),
        Verified::Cut { lines: 0, torn_bytes, .. } => {
            format!("cut: no whole line{}", torn(*torn_bytes))
        }
        Verified::Cut { lines, head, torn_bytes } => format!(
            "cut: {lines} lines as they were written, the last of them line {} with hash {head}, \
             and then no line that closes the drill{}",
            lines - 1,
            torn(*torn_bytes)
        ),
        Verified::Broken { line, why } => format!("broken at line {line} (the first is 0): {why}"),
    }
}

fn torn(bytes: usize) -> String {
    if bytes == 0 { String::new() } else { format!(" ({bytes} bytes of an unfinished line)") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_says_what_to_look_at() {
        let cut = Verified::Cut { lines: 3, head: "ab".into(), torn_bytes: 7 };
        let text = words(&cut, false);
        for part in ["cut", "3 lines", "line 2", "ab", "7 bytes"] {
            assert!(text.contains(part), "{text}");
        }
        let broken = Verified::Broken { line: 5, why: "its number is 7, but 5 is due".into() };
        assert!(words(&broken, false).contains("line 5"));
        assert!(
            words(&Verified::Whole { lines: 9, head: "cd".into() }, true).contains("that was given (cd)")
        );
    }
}
