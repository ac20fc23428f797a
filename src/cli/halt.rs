//! `firedrill halt`: stop the running drills, take every fault back, and let none start until that is released.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::Exit;
use super::running::block_on;
use super::say::say;
use super::server::{self, Server};
use crate::agent::Directories;
use crate::coordinator::api::wire::{Halt, Reason};
use crate::coordinator::clock;
use crate::coordinator::control::Status;
use crate::coordinator::control::client::{self, CallProblem, Drill, FindProblem};
use crate::coordinator::lever::Lever;
use crate::coordinator::office::Standing;
use crate::drill::Event;

/// How long to wait for a drill to have taken everything back.
const TAKEN_BACK_WITHIN: Duration = Duration::from_secs(30);
/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// How often a server is asked.
const ASK_SERVER_EVERY: Duration = Duration::from_millis(250);

/// Stop the running drills and take every fault back
///
/// No drill starts afterwards until `firedrill halt release --reason TEXT`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Stop only this drill; without it, all that run here
    #[arg(long, value_name = "ID")]
    drill: Option<String>,
    #[command(flatten)]
    server: server::Perhaps,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Let drills start again
    Release {
        /// Why it is safe again, for the record
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        server: server::Perhaps,
    },
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let directories = Directories::here();
    let lever = Lever::new(&directories.runtime, &directories.state);
    match args.command {
        Some(Command::Release { reason, server }) => {
            if reason.trim().is_empty() {
                bail!("`--reason` says nothing; say why drills may start again");
            }
            match server.open()? {
                Some(server) => block_on(release_there(&server, reason)),
                None => release(&lever, &reason),
            }
        }
        None => match args.server.open()? {
            Some(server) => block_on(halt_there(&server, args.drill.as_deref(), args.reason)),
            None => block_on(halt(&directories, &lever, args.drill, &args.reason)),
        },
    }
}

async fn release_there(server: &Server, reason: String) -> anyhow::Result<Exit> {
    server.tell("/v1/halt/release", &Reason { reason }).await?;
    say(&format!("released; drills and game days may start again at {}", server.url()));
    Ok(Exit::Passed)
}

/// Halts all that a server runs, and waits until it runs nothing any more.
async fn halt_there(server: &Server, drill: Option<&str>, reason: String) -> anyhow::Result<Exit> {
    if drill.is_some() {
        bail!(
            "a server halts all that it runs, so --drill says nothing here; `firedrill gameday stop ID --reason TEXT` \
             stops one game day"
        );
    }
    server.tell("/v1/halt", &Halt { reason }).await?;
    say(&format!("{} takes every fault back", server.url()));
    let waited = tokio::time::timeout(TAKEN_BACK_WITHIN, async {
        loop {
            let standing: Standing = server.get("/v1/status").await?;
            if standing.drills.is_empty() {
                return anyhow::Ok(());
            }
            tokio::time::sleep(ASK_SERVER_EVERY).await;
        }
    })
    .await;
    match waited {
        Ok(done) => done?,
        Err(_) => bail!(
            "drills still run there after {} s; `firedrill drill watch` shows what they wait for",
            TAKEN_BACK_WITHIN.as_secs()
        ),
    }
    say("no drill runs there any more, and none starts until `firedrill halt release --reason TEXT`");
    Ok(Exit::Passed)
}

fn release(lever: &Lever, reason: &str) -> anyhow::Result<Exit> {
    match lever.release(&client::ourselves(), reason, clock::wall())? {
        Some(engaged) => {
            let why = if engaged.why.is_empty() { String::new() } else { format!(" ({})", engaged.why) };
            say(&format!("released; it was halted by {}{why}; drills may start again", engaged.who));
        }
        None => say("no halt is engaged; drills may start"),
    }
    Ok(Exit::Passed)
}

async fn halt(
    directories: &Directories,
    lever: &Lever,
    wanted: Option<String>,
    reason: &str,
) -> anyhow::Result<Exit> {
    let drills = match wanted {
        Some(id) => vec![client::find(&directories.runtime, Some(&id)).await?],
        None => all(directories, lever, reason).await?,
    };
    // First the lever: whatever happens to the calls, nothing new starts.
    lever
        .engage(&client::ourselves(), reason, clock::wall())
        .context("the drills are still told to halt")
        .unwrap_or_else(|error| eprintln!("warning: {error:#}"));
    let mut all_back = true;
    for drill in &drills {
        all_back &= stop(drill, reason).await;
    }
    say("no drill starts until `firedrill halt release --reason TEXT`");
    if !all_back {
        bail!("not every fault is known to be gone");
    }
    Ok(Exit::Passed)
}

/// Every running drill. One that does not answer on its socket is halted by the HALT file, which every drill watches.
async fn all(directories: &Directories, lever: &Lever, reason: &str) -> anyhow::Result<Vec<Drill>> {
    let (drills, silent) = client::running(&directories.runtime).await?;
    if drills.is_empty() && silent.is_empty() {
        return Err(FindProblem::None { path: directories.runtime.clone() }.into());
    }
    for problem in &silent {
        eprintln!("warning: {problem}; it is told by the file `{}`", lever.halt_file().display());
    }
    if !silent.is_empty() {
        let text = format!("{}: {reason}\n", client::ourselves());
        std::fs::write(lever.halt_file(), text)
            .with_context(|| format!("cannot write `{}`", lever.halt_file().display()))?;
    }
    Ok(drills)
}

/// Halts one drill and waits; says whether every fault is known to be gone.
async fn stop(drill: &Drill, reason: &str) -> bool {
    let id = &drill.status.drill;
    match drill.halt(reason).await {
        Ok(()) => say(&format!("drill {id} is stopping")),
        // It ends right now; whether it is clean is seen below.
        Err(CallProblem::Gone { .. }) => {}
        Err(CallProblem::Refused(problem)) if problem.status == 503 => {}
        Err(problem) => {
            eprintln!("error: drill {id} could not be told: {problem}");
            return false;
        }
    }
    let mut last = drill.status.clone();
    let waited = tokio::time::timeout(TAKEN_BACK_WITHIN, async {
        loop {
            match drill.status().await {
                Ok(status) if status.is_all_taken_back() => break Some(status),
                Ok(status) => last = status,
                Err(_) => break None,
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    })
    .await;
    match waited {
        Ok(Some(status)) => {
            say(&format!("drill {id}: every fault is gone{}", was_on(&status)));
            true
        }
        Ok(None) => {
            say(&format!("drill {id} ended; what it came to stands in {}", last.folder.display()));
            // The last known state decides: a drill that vanished with a fault on has not shown that it is gone.
            ended_clean(&last)
        }
        Err(_) => {
            let on: Vec<String> = last
                .faults
                .iter()
                .filter(|fault| fault.state.is_on())
                .map(|fault| format!("{} ({})", fault.id, fault.state.word()))
                .collect();
            eprintln!(
                "error: drill {id} has not taken back everything within {} s: {}",
                TAKEN_BACK_WITHIN.as_secs(),
                on.join(", ")
            );
            false
        }
    }
}

/// What became of each fault, in brackets.
fn was_on(status: &Status) -> String {
    let faults: Vec<String> =
        status.faults.iter().map(|fault| format!("{} {}", fault.id, fault.state.word())).collect();
    if faults.is_empty() { String::new() } else { format!(" ({})", faults.join(", ")) }
}

/// Whether the journal of a drill that ended says of every fault that it is gone.
fn ended_clean(last: &Status) -> bool {
    let path = last.folder.join("journal.jsonl");
    let Ok(file) = std::fs::File::open(&path) else {
        return !last.faults.iter().any(|fault| fault.state.is_on());
    };
    let mut on = BTreeSet::new();
    for line in BufReader::new(file).lines() {
        let Some(event) = line.ok().and_then(|line| serde_json::from_str::<Event>(&line).ok()) else {
            continue;
        };
        match event {
            Event::FaultApplied { fault, .. } => drop(on.insert(fault)),
            Event::FaultRemoved { fault, residue, .. } if residue.is_empty() => drop(on.remove(&fault)),
            Event::FaultLost { fault, .. } => drop(on.remove(&fault)),
            _ => {}
        }
    }
    for fault in &on {
        eprintln!("error: `{}` does not say that fault {fault} is gone", path.display());
    }
    on.is_empty()
}
