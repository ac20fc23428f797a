//! `firedrill gameday`: the game days of a server.

mod add;
mod finding;
mod folder;
mod which;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::json;

use super::Exit;
use super::kept;
use super::running::block_on;
use super::say::say;
use super::server::{Access, Server};
use crate::coordinator::api::wire::{Approve, DayNote, Reason, Review, Waive};
use crate::coordinator::office::GameDayView;

/// Game days of a server: add, approve, hold, review
///
/// A game day is named by its id, or by its name: then its latest occurrence is meant.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check a game day with all that it refers to, and hand it in as a draft
    Add(add::Args),
    /// Show all game days, the newest first
    List(On),
    /// Show one: its state, what is asked, its runs, what was found
    Show(One),
    /// Agree that it is held
    Approve(One),
    /// Start it now, whatever its schedule says
    Start(One),
    /// Begin no other run until it is resumed; the one under way goes on
    Pause(Why),
    /// Go on
    Resume(One),
    /// Stop it and the drill that runs; everything is taken back
    Stop(Because),
    /// Answer an item of the preflight (`ok` or `no`), or what a run asks (its number and the answer)
    Answer(Answer),
    /// Go on without an item of the preflight
    Waive(Item),
    /// Write something into its journal
    Note(Text),
    /// What is to be mended
    Finding(finding::Args),
    /// Answer a question of the review, by its number or its words
    Review(Answered),
    /// End its review
    Close(One),
    /// Fetch its reports and those of its drills into a folder
    Report(Report),
}

/// On which server, and as what it is printed.
#[derive(Debug, clap::Args)]
struct On {
    #[command(flatten)]
    access: Access,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct One {
    /// The game day's id or name
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    on: On,
}

#[derive(Debug, clap::Args)]
struct Why {
    #[command(flatten)]
    one: One,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
}

#[derive(Debug, clap::Args)]
struct Because {
    #[command(flatten)]
    one: One,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, clap::Args)]
struct Answer {
    #[command(flatten)]
    one: One,
    /// The item's name, or the number of a run
    item: String,
    /// `ok` or `no`; of a run: the answer
    #[arg(required = true)]
    answer: Vec<String>,
    /// What there is to say about it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
}

#[derive(Debug, clap::Args)]
struct Item {
    #[command(flatten)]
    one: One,
    /// The item's name
    item: String,
    /// Why it need not pass, for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, clap::Args)]
struct Text {
    #[command(flatten)]
    one: One,
    /// What to write
    #[arg(required = true, value_name = "TEXT")]
    text: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct Answered {
    #[command(flatten)]
    one: One,
    /// The question, or its number in `gameday show`
    question: String,
    /// The answer
    #[arg(required = true)]
    answer: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct Report {
    #[command(flatten)]
    one: One,
    /// The folder, which is made
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let nothing = || json!({});
    match args.command {
        Command::Add(args) => add::exec(args),
        Command::List(on) => block_on(list(&on)),
        Command::Show(one) => block_on(show(&one)),
        Command::Report(args) => block_on(report(&args)),
        Command::Finding(args) => finding::exec(args),
        Command::Approve(one) => {
            let in_stead_of = one.on.access.open()?.person().map(str::to_owned);
            one.tell("approve", &json!(Approve { in_stead_of }))
        }
        Command::Start(one) => one.tell("start", &nothing()),
        Command::Resume(one) => one.tell("resume", &nothing()),
        Command::Close(one) => one.tell("close", &nothing()),
        Command::Pause(Why { one, reason }) => one.tell("pause", &json!(Reason { reason })),
        Command::Stop(Because { one, reason }) => {
            said("--reason", &reason)?;
            one.tell("stop", &json!(Reason { reason }))
        }
        Command::Answer(args) => args.one.tell("answers", &args.body()?),
        Command::Waive(Item { one, item, reason }) => {
            said("--reason", &reason)?;
            one.tell("waivers", &json!(Waive { item, reason }))
        }
        Command::Note(Text { one, text }) => one.tell("notes", &json!(DayNote { text: text.join(" ") })),
        Command::Review(Answered { one, question, answer }) => {
            one.tell("reviews", &json!(Review { question, answer: answer.join(" ") }))
        }
    }
}

/// What must be said is not left empty.
fn said(option: &str, text: &str) -> anyhow::Result<()> {
    if text.trim().is_empty() {
        bail!("`{option}` says nothing; it stands in the record, so say why");
    }
    Ok(())
}

impl One {
    /// Tells the game day something, and shows how it stands then.
    fn tell(&self, what: &str, body: &serde_json::Value) -> anyhow::Result<Exit> {
        block_on(async {
            let server = self.on.access.open()?;
            let id = which::find(&server, &self.id).await?;
            server.tell(&format!("{}/{what}", which::path(&id)), body).await?;
            let view: GameDayView = server.get(&which::path(&id)).await?;
            if self.on.json {
                say(&serde_json::to_string_pretty(&view)?);
                return Ok(Exit::Passed);
            }
            let line = &view.line;
            let why = line.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            let mut text = format!("{id} is {}{why}", line.state);
            if what == "approve" {
                text.push_str(&format!("; {} of {} approvals", view.approvals.len(), view.approvals_needed));
            }
            say(&text);
            Ok(Exit::Passed)
        })
    }
}

impl Answer {
    fn body(&self) -> anyhow::Result<serde_json::Value> {
        let answer = self.answer.join(" ");
        if let Ok(run) = self.item.parse::<u32>() {
            let text = if self.note.is_empty() { answer } else { format!("{answer} ({})", self.note) };
            return Ok(json!({"run": run, "text": text}));
        }
        let ok = match answer.to_ascii_lowercase().as_str() {
            "ok" | "yes" | "true" => true,
            "no" | "false" => false,
            _ => bail!("`{}` is answered by `ok` or `no`; more is said with --note TEXT", self.item),
        };
        Ok(json!({"item": self.item, "ok": ok, "text": self.note}))
    }
}

async fn list(on: &On) -> anyhow::Result<Exit> {
    let days = which::all(&on.access.open()?).await?;
    if on.json {
        say(&serde_json::to_string_pretty(&days)?);
    } else {
        say(kept::gamedays(&days).trim_end());
    }
    Ok(Exit::Passed)
}

async fn show(one: &One) -> anyhow::Result<Exit> {
    let server = one.on.access.open()?;
    let id = which::find(&server, &one.id).await?;
    let view: GameDayView = server.get(&which::path(&id)).await?;
    if one.on.json {
        say(&serde_json::to_string_pretty(&view)?);
    } else {
        say(kept::gameday(&view).trim_end());
    }
    Ok(Exit::Passed)
}

async fn report(args: &Report) -> anyhow::Result<Exit> {
    let server: Server = args.one.on.access.open()?;
    let id = which::find(&server, &args.one.id).await?;
    let kept = folder::fetch(&server, &id, &args.out)
        .await
        .with_context(|| format!("the reports of {id} are not all in `{}`", args.out.display()))?;
    if args.one.on.json {
        say(&serde_json::to_string_pretty(&json!({"gameday": id, "folder": args.out, "files": kept}))?);
    } else {
        say(&format!("{} files in {}", kept.len(), args.out.display()));
    }
    Ok(Exit::Passed)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::Cli;
    use super::*;

    fn answer(words: &[&str]) -> anyhow::Result<serde_json::Value> {
        let all = ["firedrill", "gameday", "answer"].iter().chain(words);
        let Ok(Cli { command: super::super::Command::Gameday(args) }) = Cli::try_parse_from(all) else {
            panic!("{words:?}")
        };
        let Command::Answer(answer) = args.command else { panic!("{words:?}") };
        answer.body()
    }

    #[test]
    fn an_item_is_answered_by_ok_or_no_and_a_run_by_its_number() {
        assert_eq!(
            answer(&["tuesday", "duty", "ok", "--note", "Ana"]).unwrap(),
            json!({"item": "duty", "ok": true, "text": "Ana"})
        );
        assert_eq!(
            answer(&["tuesday", "duty", "no"]).unwrap(),
            json!({"item": "duty", "ok": false, "text": ""})
        );
        assert_eq!(
            answer(&["tuesday", "3", "the", "second"]).unwrap(),
            json!({"run": 3, "text": "the second"})
        );
        let refused = answer(&["tuesday", "duty", "maybe"]).unwrap_err().to_string();
        assert!(refused.contains("`ok` or `no`") && refused.contains("--note"), "{refused}");
    }
}
