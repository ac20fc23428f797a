//! `firedrill schema`: print the JSON Schema of a kind of file.

use super::Exit;
use super::say::say;
use crate::{playbook, scenario};

/// Print the JSON Schema of a kind of file
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which kind of file
    kind: Kind,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    /// What goes wrong, and what is expected to happen then
    Scenario,
    /// What people and machines do about a failure
    Playbook,
    /// Where scenarios may run, and the policy that holds there
    Environment,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let schema = match args.kind {
        Kind::Scenario => scenario::schema(),
        Kind::Playbook => playbook::schema(),
        Kind::Environment => scenario::environment_schema(),
    };
    say(&serde_json::to_string_pretty(&schema)?);
    Ok(Exit::Passed)
}
