//! `firedrill agent`: processes of the host agent.

use std::path::PathBuf;

use anyhow::Context;

use super::Exit;
use super::dead;
use super::log::LogArgs;
use crate::agent::{Directories, guardian_main, heal};

/// Processes of the host agent
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Take back what dead runs left behind
    ///
    /// A run that was killed together with its guardian leaves an undo journal. This goes the way back that stands
    /// in it, as the next run on this host would. What the playbook of a killed run had changed is taken back too, by
    /// the `undo` of its steps, and its record is closed. Runs that live are left alone.
    Heal(Heal),
    /// Watch over a run and undo when it dies; started by `firedrill run`
    #[command(hide = true)]
    Guardian(Guardian),
}

#[derive(Debug, clap::Args)]
struct Heal {
    /// Only the undo journals in this directory [default: as root /var/lib/firedrill/undo, else below $XDG_STATE_HOME]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, clap::Args)]
struct Guardian {
    /// The undo journal
    #[arg(long, value_name = "FILE")]
    journal: PathBuf,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Heal(args) => exec_heal(args),
        Command::Guardian(args) => guardian_main(&args.journal).map(|()| Exit::Passed).map_err(Into::into),
    }
}

fn exec_heal(args: Heal) -> anyhow::Result<Exit> {
    let _log = args.log.install()?;
    let elsewhere = args.state_dir.is_some();
    let state_dir = args.state_dir.unwrap_or_else(|| Directories::here().undo_journals());
    let mut report = heal(&state_dir);
    if !elsewhere {
        dead::end_all(&mut report)?;
    }
    if args.json {
        println!("{}", serde_json::to_string(&report).context("cannot print the result")?);
    } else {
        for line in &report.undone {
            println!("undone: {line}");
        }
        for path in &report.alive {
            println!("left alone: {} belongs to a run that lives", path.display());
        }
        for line in &report.residue {
            println!("left behind: {line}");
        }
        if report.undone.is_empty() && report.residue.is_empty() {
            println!("nothing to undo in {}", state_dir.display());
        }
    }
    Ok(if report.is_clean() { Exit::Passed } else { Exit::Residue })
}
