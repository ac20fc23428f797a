//! `firedrill gameday finding`: what is to be mended.

use serde_json::json;

use super::One;
use crate::cli::Exit;
use crate::coordinator::api::wire::AddFinding;

/// What is to be mended
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add one; `gameday show` shows them all
    Add(Add),
}

#[derive(Debug, clap::Args)]
struct Add {
    #[command(flatten)]
    one: One,
    /// What is to be mended
    #[arg(required = true)]
    title: Vec<String>,
    /// Who mends it
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Until when
    #[arg(long, value_name = "YYYY-MM-DD")]
    due: Option<jiff::civil::Date>,
    /// What kind of thing it is: `alarm`, `playbook`, `service`, `drill`, or a word of one's own
    #[arg(long, value_name = "WORD", default_value = "other")]
    kind: String,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let Command::Add(Add { one, title, owner, due, kind }) = args.command;
    one.tell("findings", &json!(AddFinding { title: title.join(" "), owner, due, kind }))
}
