//! `firedrill drill`: the drills of a server.

use serde::Deserialize;

use super::Exit;
use super::kept;
use super::live;
use super::running::{block_on, only};
use super::say::say;
use super::server::{Access, Server, segment};
use super::status;
use super::watch;
use crate::coordinator::office::{DrillLine, DrillView};

/// Drills of a server: those that run and those that were
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show drills, the newest first
    List(List),
    /// Show one: how it stands, or what it came to
    Show(One),
    /// Follow one as it happens; exits with what it came to
    Watch(One),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Of this game day
    #[arg(long, value_name = "ID")]
    gameday: Option<String>,
    /// Of this scenario
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// `running` or `over`
    #[arg(long, value_name = "WORD")]
    state: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: Option<u32>,
    /// Older than this drill
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    #[command(flatten)]
    access: Access,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct One {
    /// The drill's id; without it, the only one that runs
    #[arg(value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    access: Access,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl One {
    async fn find(&self) -> anyhow::Result<(Server, String)> {
        let server = self.access.open()?;
        let id = match &self.id {
            Some(id) => id.clone(),
            None => only(&server).await?,
        };
        Ok((server, id))
    }
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::List(args) => block_on(list(&args)),
        Command::Show(args) => block_on(show(&args)),
        Command::Watch(args) => block_on(async {
            let (server, id) = args.find().await?;
            watch::watch(&server, &id, args.json).await
        }),
    }
}

async fn list(args: &List) -> anyhow::Result<Exit> {
    #[derive(Deserialize)]
    struct Listed {
        drills: Vec<DrillLine>,
    }
    let server = args.access.open()?;
    let limit = args.limit.map(|limit| limit.to_string());
    let asked = [
        ("gameday", &args.gameday),
        ("scenario", &args.scenario),
        ("state", &args.state),
        ("limit", &limit),
        ("before", &args.before),
    ];
    let asked: Vec<String> = asked
        .iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", segment(value.as_deref()?))))
        .collect();
    let query = if asked.is_empty() { String::new() } else { format!("?{}", asked.join("&")) };
    let drills = server.get::<Listed>(&format!("/v1/drills{query}")).await?.drills;
    if args.json {
        say(&serde_json::to_string_pretty(&drills)?);
    } else {
        say(kept::drills(&drills).trim_end());
    }
    Ok(Exit::Passed)
}

async fn show(args: &One) -> anyhow::Result<Exit> {
    let (server, id) = args.find().await?;
    let view: DrillView = server.get(&format!("/v1/drills/{}", segment(&id))).await?;
    if args.json {
        say(&serde_json::to_string_pretty(&view)?);
        return Ok(Exit::Passed);
    }
    match (&view.status, &view.summary) {
        (Some(running), _) => say(status::text(running).trim_end()),
        (None, Some(summary)) => {
            say(kept::drill_line(&view.line).trim());
            live::came_to(summary, &watch::report(&server, &id)).iter().for_each(|line| say(line));
        }
        (None, None) => say(kept::drill_line(&view.line).trim()),
    }
    Ok(Exit::Passed)
}
