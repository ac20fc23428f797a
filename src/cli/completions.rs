//! `firedrill completions`: what a shell needs to complete commands and options.

use clap::{Command, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::say::say;
use super::{Cli, Exit};

/// Print what a shell needs to complete commands and options
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which shell
    shell: Shell,
}

pub(super) fn exec(args: &Args) -> Exit {
    say(script(args.shell).trim_end());
    Exit::Passed
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    generate(shell, &mut shown(&Cli::command()), "firedrill", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// A command without all that is hidden, which the scripts would offer: processes that firedrill starts itself.
fn shown(command: &Command) -> Command {
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set()).cloned();
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set()).map(shown);
    let about = command.get_about().cloned().unwrap_or_default();
    let shown = Command::new(command.get_name().to_owned()).about(about).disable_help_subcommand(true);
    shown.disable_version_flag(command.get_version().is_none()).args(arguments).subcommands(commands)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_is_offered_every_command_and_none_that_is_hidden() {
        for shell in Shell::value_variants() {
            let script = script(*shell);
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
            for hidden in ["guardian", "companion"] {
                assert!(!script.contains(hidden), "{shell}: {hidden}");
            }
        }
    }
}
