//! Undoing what dead lives left.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::family::end_family;
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
    let (mut journal, Contents { entries, tail }) = match UndoJournal::open(path) {
        // Its drill ended since we looked into the directory, or another start healed it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(|error| error.to_string())?,
    };
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
    if !rebooted {
        let (ended, running) = end_family(*worker);
        if ended > 0 && running.is_empty() {
            report.undone.push(format!("{ended} processes that {owner} had started: ended"));
        }
        clean &= running.is_empty();
        report.residue.extend(running);
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::stopped::Stopped;
    use crate::agent::undo::UndoStep;

    const SOON: Duration = Duration::from_secs(5);

    /// What a drill that paused `process` would have left, if nobody of it lives.
    fn opened() -> Entry {
        Entry::Opened {
            version: VERSION,
            owner: "d1".into(),
            boot_id: boot_id().unwrap(),
            pid_namespace: pid_namespace(),
            // Of a number that was never given out: nobody of it lives.
            worker: Identity { start: 1, pid: i32::MAX },
        }
    }

    fn changed(change: impl FnOnce(&mut u32, &mut String, &mut String, &mut Identity)) -> Entry {
        let mut entry = opened();
        let Entry::Opened { version, boot_id, pid_namespace, worker, .. } = &mut entry else {
            unreachable!()
        };
        change(version, boot_id, pid_namespace, worker);
        entry
    }

    /// Heals after a drill that paused `process`; also gives the number of journals left.
    fn healed(opened: &Entry, process: Identity) -> (HealReport, usize) {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = UndoJournal::create(&folder.path().join("d1.undo"), opened).unwrap();
        let undo = vec![UndoStep::Resume { process, name: "sleep".into() }];
        let intent =
            Entry::Intent { fault: "f".into(), kind: "process_pause".into(), undo, left_alone: vec![] };
        journal.append(&intent, SOON).unwrap();
        let report = heal(folder.path());
        (report, std::fs::read_dir(folder.path()).unwrap().count())
    }

    #[test]
    fn what_a_dead_drill_paused_goes_on_and_its_journal_goes() {
        let victim = Stopped::start();
        let (report, left) = healed(&opened(), victim.identity());
        assert_eq!(report.undone, ["process_pause `f` of d1: taken back"]);
        assert!(report.is_clean() && left == 0 && !victim.stands_still());
    }

    #[test]
    fn a_number_that_now_belongs_to_another_process_is_not_signalled() {
        let other = Stopped::start();
        let before = Identity { start: other.identity().start - 1, ..other.identity() };
        let (report, left) = healed(&opened(), before);
        assert!(other.stands_still(), "whoever stopped it meant it");
        assert!(report.is_clean() && left == 0, "the process that we stopped is gone: {report:?}");
    }

    #[test]
    fn after_a_restart_of_the_host_nobody_is_signalled() {
        let other = Stopped::start();
        let earlier = changed(|_, boot_id, _, _| *boot_id = "an earlier start".into());
        let (report, left) = healed(&earlier, other.identity());
        assert_eq!(report.undone, ["process_pause `f` of d1: gone with the restart of this host"]);
        assert!(other.stands_still() && left == 0);
    }

    #[test]
    fn a_drill_that_lives_is_left_alone() {
        let victim = Stopped::start();
        let alive = changed(|_, _, _, worker| *worker = Identity::of_self().unwrap());
        let (report, left) = healed(&alive, victim.identity());
        assert!(victim.stands_still() && report.is_clean());
        assert_eq!((report.alive.len(), left), (1, 1));
    }

    #[test]
    fn numbers_of_another_container_are_not_ours() {
        let other = Stopped::start();
        let elsewhere = changed(|_, _, namespace, _| *namespace = "pid:[1]".into());
        let (report, left) = healed(&elsewhere, other.identity());
        assert!(other.stands_still() && left == 1);
        assert!(report.residue[0].contains("belongs to another container"), "{report:?}");
    }

    #[test]
    fn a_later_version_is_kept_for_the_program_that_reads_it() {
        let victim = Stopped::start();
        let (report, left) = healed(&changed(|version, _, _, _| *version = VERSION + 1), victim.identity());
        assert!(victim.stands_still() && left == 1);
        assert!(report.residue[0].contains("heal with a newer firedrill"), "{report:?}");
    }

    #[test]
    fn a_file_that_never_became_a_journal_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in
            [("empty.undo", &b""[..]), ("zeros.undo", &[0; 100]), ("mark.undo", b"fd-undo\n")]
        {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        std::fs::write(folder.path().join("other.txt"), "not ours").unwrap();
        assert_eq!(heal(folder.path()), HealReport::default());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_journal_that_its_drill_has_deleted_meanwhile_is_nothing_left_behind() {
        let (folder, mut report) = (tempfile::tempdir().unwrap(), HealReport::default());
        let path = folder.path().join("d1.undo");
        heal_one(&path, &mut report).unwrap();
        let journal = UndoJournal::create(&path, &opened()).unwrap();
        std::fs::remove_file(&path).unwrap();
        journal.delete().unwrap();
    }

    #[test]
    fn a_directory_that_is_not_there_holds_nothing() {
        assert_eq!(heal(Path::new("/no/such/directory")), HealReport::default());
    }
}
