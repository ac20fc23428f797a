//! `firedrill note`: write something into the running drill's journal.

use super::running::{Which, block_on};
use super::say::say;

/// Write something into the running drill's journal
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// It tells of something that you did and no step of the playbook says
    #[arg(long)]
    action: bool,
    /// What to write
    #[arg(required = true, value_name = "TEXT")]
    text: Vec<String>,
}

pub(super) fn exec(args: Args) -> anyhow::Result<super::Exit> {
    let text = args.text.join(" ");
    block_on(async {
        let drill = args.which.find().await?;
        let what = if args.action { "action noted" } else { "noted" };
        drill.note(&text, args.action).await?;
        say(&format!("{what} in drill {}", drill.status.drill));
        Ok(super::Exit::Passed)
    })
}
