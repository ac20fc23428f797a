//! `firedrill new`: write a commented file to start from.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Exit;
use super::say::say;
use crate::fault::is_name;
use crate::text::quote;

const SCENARIO: &str = include_str!("scenario.yaml");
const PLAYBOOK: &str = include_str!("playbook.yaml");
const GAMEDAY: &str = include_str!("gameday.yaml");
const SERVICE: &str = include_str!("service.yaml");

/// Write a commented file to start from
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, clap::Subcommand)]
enum Kind {
    /// What goes wrong, and what is expected to happen then
    Scenario(Wanted),
    /// What people and machines do about a failure
    Playbook(Wanted),
    /// A scheduled event: what is injected, when, and who takes part
    Gameday(Wanted),
    /// The catalog entry of a thing under test
    Service(Wanted),
}

#[derive(Debug, clap::Args)]
struct Wanted {
    /// Its name: a-z, 0-9 and `-`; the file is NAME.yaml
    name: String,
    /// The folder to write to
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let (Wanted { name, dir }, template) = match args.kind {
        Kind::Scenario(wanted) => (wanted, SCENARIO),
        Kind::Playbook(wanted) => (wanted, PLAYBOOK),
        Kind::Gameday(wanted) => (wanted, GAMEDAY),
        Kind::Service(wanted) => (wanted, SERVICE),
    };
    anyhow::ensure!(
        is_name(&name),
        "{} is no name: use a-z, 0-9 and `-`, begin with a letter, and no word that YAML may read as something else",
        quote(&name)
    );
    let path = dir.join(format!("{name}.yaml"));
    let path = path.strip_prefix(".").unwrap_or(&path).to_owned();
    let shown = path.display().to_string();
    write_new(&path, &template.replace("NAME", &name).replace("PATH", &shown))?;
    say(&format!("wrote {shown}\nnext: firedrill check {shown}"));
    Ok(Exit::Passed)
}

/// Writes a file that is not there yet.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = match file {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            anyhow::bail!("{} is there already and was not touched; choose another name", path.display())
        }
        other => other.with_context(|| format!("cannot write {}", path.display()))?,
    };
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}
