//! `firedrill status`: show the running drill.

use std::fmt::Write as _;

use super::kept;
use super::playbook_lines;
use super::running::{Which, block_on};
use super::say::say;
use super::server::{Server, segment};
use crate::coordinator::control::Status;
use crate::coordinator::office::{DrillView, Standing};
use crate::drill::words;

/// Show the running drill; of a server, all that runs there
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn exec(args: Args) -> anyhow::Result<super::Exit> {
    if let (Some(server), None) = (args.which.server.open()?, &args.which.drill) {
        return block_on(of_server(&server, args.json));
    }
    let status = block_on(async { Ok(args.which.find().await?.status) })?;
    if args.json {
        say(&serde_json::to_string_pretty(&status)?);
    } else {
        say(text(&status).trim_end());
    }
    Ok(super::Exit::Passed)
}

async fn of_server(server: &Server, json: bool) -> anyhow::Result<super::Exit> {
    let standing: Standing = server.get("/v1/status").await?;
    if json {
        say(&serde_json::to_string_pretty(&standing)?);
        return Ok(super::Exit::Passed);
    }
    say(kept::standing(&standing, server.url()).trim_end());
    for drill in &standing.drills {
        let view: DrillView = server.get(&format!("/v1/drills/{}", segment(&drill.id))).await?;
        if let Some(status) = view.status {
            say(&format!("\n{}", text(&status).trim_end()));
        }
    }
    Ok(super::Exit::Passed)
}

pub(super) fn text(status: &Status) -> String {
    let mut out = format!("drill {}  seed {}  {}\n", status.drill, status.seed.0, status.scenario);
    let _ = write!(out, "phase {}  {} elapsed", status.phase.word(), words::short(status.elapsed.duration()));
    if let Some(left) = status.left.filter(|left| left.duration().as_secs() > 0) {
        let _ = write!(out, ", about {} left", words::short(left.duration()));
    }
    let _ = writeln!(out, "\nreport in {}", status.folder.display());
    if !status.probes.is_empty() {
        out.push_str("\nPROBES\n");
    }
    for probe in &status.probes {
        let last = probe.last.map_or_else(|| "-".to_owned(), |last| words::short(last.duration()));
        let _ = writeln!(out, "  {:<20}  {last:>7}  {}", probe.name, words::judgement(&probe.judgement));
    }
    if !status.faults.is_empty() {
        out.push_str("\nFAULTS\n");
    }
    for fault in &status.faults {
        let _ = writeln!(
            out,
            "  {:<20}  {:<9}  {} on {}  matched {}, faulted {}",
            fault.id,
            fault.state.word(),
            fault.kind,
            fault.target,
            fault.matched,
            fault.faulted
        );
    }
    if let Some(playbook) = &status.playbook {
        out.push('\n');
        out.push_str(&playbook_lines::text(playbook, status.elapsed.duration()));
    }
    if !status.recent.is_empty() {
        out.push_str("\nEVENTS\n");
    }
    for line in &status.recent {
        let _ = writeln!(out, "  {}", words::one_line(line));
    }
    out
}
