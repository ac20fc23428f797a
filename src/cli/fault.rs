//! `firedrill fault`: change a fault of the running drill.

use std::collections::BTreeSet;

use anyhow::bail;

use super::running::{Which, block_on};
use super::say::say;

/// Change a fault of the running drill
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Change parameters of a fault while it is on: `firedrill fault set slow-payments delay=500ms`
    Set {
        #[command(flatten)]
        which: Which,
        /// The fault's id in the scenario
        #[arg(value_name = "ID")]
        fault: String,
        /// Parameters as files name them, with their new values
        #[arg(required = true, value_name = "KEY=VALUE")]
        changes: Vec<String>,
    },
}

pub(super) fn exec(args: Args) -> anyhow::Result<super::Exit> {
    let Command::Set { which, fault, changes } = args.command;
    let changes = read(&changes)?;
    block_on(async {
        let drill = which.find().await?;
        let change = drill.set_fault(&fault, &changes).await?;
        say(&format!("fault {fault}: {change}"));
        Ok(super::Exit::Passed)
    })
}

fn read(changes: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let mut seen = BTreeSet::new();
    changes
        .iter()
        .map(|change| match change.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                if !seen.insert(key) {
                    bail!("`{key}` is given twice; keep one");
                }
                Ok((key.to_owned(), value.to_owned()))
            }
            _ => {
                bail!("`{}` is no change; write KEY=VALUE, for example `delay=500ms`", change.escape_debug())
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_keys_with_values_and_a_value_may_hold_an_equals_sign() {
        let read = read(&["delay=500ms".into(), "body=a=b".into()]).unwrap();
        assert_eq!(read, [("delay".into(), "500ms".into()), ("body".into(), "a=b".into())]);
    }

    #[test]
    fn what_is_no_change_is_refused_with_an_example() {
        for wrong in ["delay", "=5s", "delay="] {
            let error = read(&[wrong.into()]).unwrap_err().to_string();
            assert!(error.contains("delay=500ms"), "{error}");
        }
        assert!(read(&["delay=1s".into(), "delay=2s".into()]).unwrap_err().to_string().contains("twice"));
    }
}
