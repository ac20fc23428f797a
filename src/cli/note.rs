//! `firedrill note`: write something into the running drill's journal.

use super::running::{Which, block_on};
use super::say::say;

/// Write something into the running drill's journal
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// What to write
    #[arg(required = true, value_name = "TEXT")]
    text: Vec<String>,
}

pub(super) fn exec(args: Args) -> anyhow::Result<super::Exit> {
    let text = args.text.join(" ");
    block_on(async {
        let drill = args.which.find().await?;
        drill.note(&text).await?;
        say(&format!("noted in drill {}", drill.status.drill));
        Ok(super::Exit::Passed)
    })
}
