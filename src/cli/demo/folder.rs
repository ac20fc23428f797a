//! The demo's own folder: its files to read and to play with, and one folder for each game's report.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::coordinator::clock;
use crate::scenario::Catalog;
use crate::text::Source;

/// A shipped file: its path in the demo's folder, and its text.
type File = (&'static str, &'static str);

macro_rules! shipped {
    ($($path:literal)*) => { [$(($path, include_str!(concat!("../../../", $path)))),*] };
}

/// What the games use. All of it is in the program, so that it is there wherever the program is.
const OF_GAMES: [File; 6] = shipped!(
    "rules/shop.yml"
    "scenarios/payments-slow-paged.yaml"
    "scenarios/shelves-empty.yaml"
    "scenarios/payments-refusing.yaml"
    "playbooks/circuit-breaker.yaml"
    "playbooks/ask-again.yaml"
);

/// What one can play with besides.
const MORE: [File; 16] = shipped!(
    "scenarios/bulkhead.yaml"
    "scenarios/cache.yaml"
    "scenarios/circuit-breaker.yaml"
    "scenarios/fail-fast.yaml"
    "scenarios/failover.yaml"
    "scenarios/payments-paused.yaml"
    "scenarios/retry.yaml"
    "scenarios/shed-load.yaml"
    "scenarios/timeout.yaml"
    "playbooks/bulkhead.yaml"
    "playbooks/cache.yaml"
    "playbooks/fail-fast.yaml"
    "playbooks/failover.yaml"
    "playbooks/retry.yaml"
    "playbooks/shed-load.yaml"
    "playbooks/timeout.yaml"
);

/// The rules that the shop is watched by.
pub(super) const RULES: &str = "rules/shop.yml";

/// The files in the program, for a scenario that names a playbook.
pub(super) struct Shipped;

impl Catalog for Shipped {
    fn read(&self, folder: &str, name: &str) -> Option<Source> {
        source(&format!("{folder}/{name}.yaml")).ok()
    }
}

/// The text of a shipped file.
pub(super) fn text(path: &str) -> anyhow::Result<&'static str> {
    let found = OF_GAMES.iter().chain(&MORE).find(|(other, _)| *other == path);
    found.map(|(_, text)| *text).with_context(|| format!("{path} is not in this program"))
}

pub(super) fn source(path: &str) -> anyhow::Result<Source> {
    Ok(Source::new(path, text(path)?))
}

/// Makes the demo's folder, with the files of its games; those to play with come when somebody does.
pub(super) fn make(out: Option<&Path>) -> anyhow::Result<PathBuf> {
    let own = || {
        PathBuf::from("firedrill-reports").join(format!("demo-{}", clock::wall().strftime("%Y%m%d-%H%M%S")))
    };
    let folder = out.map_or_else(own, Path::to_owned);
    // Its files have names that many a project uses.
    if std::fs::read_dir(&folder).is_ok_and(|mut inside| inside.next().is_some()) {
        bail!("{} is not empty\nhelp: name a folder that is not there yet", folder.display());
    }
    for (path, text) in OF_GAMES {
        write(&folder, path, text)?;
    }
    Ok(folder)
}

/// Writes the files that only those need who play.
pub(super) fn fill(folder: &Path) -> anyhow::Result<()> {
    MORE.iter().try_for_each(|(path, text)| write(folder, path, text))
}

/// Writes a file, with the folders above it.
pub(super) fn write(folder: &Path, path: &str, text: &str) -> anyhow::Result<()> {
    let path = folder.join(path);
    let above = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(above).with_context(|| format!("cannot make the folder {}", above.display()))?;
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
