//! `firedrill man`: a manual page for every command.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::say::say;
use super::{Cli, Exit};

/// Write a manual page for every command
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to write to; pages that are there already are written anew
    dir: PathBuf,
}

pub(super) fn exec(args: &Args) -> anyhow::Result<Exit> {
    let dir = &args.dir;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let count = write(&whole(), dir)?;
    let first = dir.join("firedrill.1");
    say(&format!("wrote {count} pages to {}\nnext: man -l {}", dir.display(), first.display()));
    Ok(Exit::Passed)
}

/// The command line, in which every command knows its whole name: it is the name of its page.
fn whole() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

/// Writes the page of a command and those of its commands, and says how many they are.
fn write(command: &Command, dir: &Path) -> anyhow::Result<usize> {
    let page = Man::new(command.clone()).source(concat!("firedrill ", env!("CARGO_PKG_VERSION")));
    let (path, mut text) = (dir.join(page.get_filename()), Vec::new());
    let written = page.render(&mut text).and_then(|()| std::fs::write(&path, text));
    written.with_context(|| format!("cannot write {}", path.display()))?;
    let mut count = 1;
    for below in shown(command) {
        count += write(below, dir)?;
    }
    Ok(count)
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_options_and_none_that_is_hidden_has_one() {
        let dir = tempfile::tempdir().unwrap();
        let whole = whole();
        let count = write(&whole, dir.path()).unwrap();
        let mut commands = vec![&whole];
        let mut pages = 0;
        while let Some(command) = commands.pop() {
            pages += 1;
            let name = command.get_display_name().unwrap_or_else(|| command.get_name());
            let page = std::fs::read_to_string(dir.path().join(format!("{name}.1"))).unwrap();
            for option in command.get_opts().filter(|option| !option.is_hide_set()) {
                let long = option.get_long().unwrap().replace('-', "\\-");
                assert!(page.contains(&format!("\\-\\-{long}")), "{name}: {long}");
            }
            commands.extend(shown(command));
        }
        let found = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!((found, count), (pages, pages));
        assert!(dir.path().join("firedrill-gameday-approve.1").exists());
        assert!(!dir.path().join("firedrill-agent-guardian.1").exists());
    }
}
