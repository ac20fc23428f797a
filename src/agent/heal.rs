//! Undoing what dead lives left.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::identity::{Identity, boot_id, pid_namespace};
use super::refusal::AgentError;
use super::undo::{Contents, Entry, Outstanding, Tail, UndoJournal, Undoer, VERSION, go_back, outstanding};

/// The ending of an undo journal's name.
pub(super) const EXTENSION: &str = "undo";

/// How many undo journals are looked at.
const JOURNALS_MAX: usize = 10_000;

/// What healing found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HealReport {
    /// Faults that were taken back now, in words.
    pub undone: Vec<String>,
    /// What could not be taken back, and what to do about it.
    pub residue: Vec<String>,
    /// Undo journals of processes that live and look after themselves.
    pub alive: Vec<PathBuf>,
}

impl HealReport {
    /// Whether nothing is left behind.
    pub fn is_clean(&self) -> bool {
        self.residue.is_empty()
    }
}

/// Takes back whatever dead lives left, by the undo journals in this directory. What lives is left alone. Idempotent;
/// one failure stops no other.
pub fn heal(state_dir: &Path) -> HealReport {
    let mut report = HealReport::default();
    let entries = match std::fs::read_dir(state_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return report,
        Err(error) => {
            report.residue.push(format!("cannot look for undo journals in {}: {error}", state_dir.display()));
            return report;
        }
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION))
        .take(JOURNALS_MAX)
        .collect();
    paths.sort();
    for path in paths {
        if let Err(why) = heal_one(&path, &mut report) {
            report.residue.push(format!("undo journal {}: {why}", path.display()));
        }
    }
    report
}

fn heal_one(path: &Path, report: &mut HealReport) -> Result<(), String> {
    let (mut journal, Contents { entries, tail }) =
        UndoJournal::open(path).map_err(|error| error.to_string())?;
    let Some(Entry::Opened { version, owner, boot_id: boot, pid_namespace: namespace, worker }) =
        entries.first()
    else {
        // The first record was never whole, so no deed was begun.
        return journal.delete().map_err(|error| error.to_string());
    };
    if *version > VERSION {
        return Err(format!(
            "is of version {version} and this program reads {VERSION}; heal with a newer firedrill"
        ));
    }
    let left = outstanding(&entries);
    let this_boot = boot_id().map_err(|error: AgentError| error.to_string())?;
    let rebooted = *boot != this_boot;
    if !rebooted && *namespace != pid_namespace() {
        if left.is_empty() {
            return Ok(());
        }
        return Err(format!(
            "belongs to another container ({namespace}); run `firedrill agent heal` inside it"
        ));
    }
    if !rebooted && (worker.lives() || guardians(&entries).any(|guardian| guardian.lives())) {
        report.alive.push(path.to_owned());
        return Ok(());
    }
    // After a restart of the host the processes are gone, and their numbers belong to others.
    let by = if rebooted { Undoer::Reboot } else { Undoer::Heal };
    let mut clean = tail != Tail::Foreign;
    for Outstanding { fault, kind, undo } in left {
        let residue = if rebooted { Vec::new() } else { go_back(undo.iter()) };
        let count = u32::try_from(residue.len()).unwrap_or(u32::MAX);
        journal
            .append(&Entry::Undone { fault: fault.clone(), by, residue: count }, Duration::from_secs(1))
            .map_err(|error| error.to_string())?;
        if residue.is_empty() {
            let how = if rebooted { "gone with the restart of this host" } else { "taken back" };
            report.undone.push(format!("{kind} `{fault}` of {owner}: {how}"));
        }
        clean &= residue.is_empty();
        report.residue.extend(residue);
    }
    if tail == Tail::Foreign {
        return Err(
            "holds a record that this program cannot read; heal with the firedrill that wrote it".into()
        );
    }
    if clean { journal.delete().map_err(|error| error.to_string()) } else { Ok(()) }
}

fn guardians(entries: &[Entry]) -> impl Iterator<Item = Identity> {
    entries.iter().filter_map(|entry| match entry {
        Entry::Guardian { guardian } => Some(*guardian),
        Entry::Opened { .. } | Entry::Intent { .. } | Entry::Applied { .. } | Entry::Undone { .. } => None,
    })
}
