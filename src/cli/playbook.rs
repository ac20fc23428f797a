//! `firedrill playbook`: start the running drill's playbook.

use super::running::{Which, block_on};
use super::say::say;

/// Start the running drill's playbook
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Start the running drill's playbook now, whatever it waits for
    Start(Start),
}

#[derive(Debug, clap::Args)]
struct Start {
    #[command(flatten)]
    which: Which,
}

pub(super) fn exec(args: Args) -> anyhow::Result<super::Exit> {
    match args.command {
        Command::Start(args) => block_on(async {
            let drill = args.which.find().await?;
            drill.start_playbook().await?;
            say(&format!("the playbook of drill {} is started", drill.status.drill));
            Ok(super::Exit::Passed)
        }),
    }
}
