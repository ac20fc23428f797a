//! The way back: written and synced before the deed, as data, so that anyone who lives can go it.

mod crc;
mod journal;
mod record;
mod step;

use std::time::Duration;

pub(super) use journal::{Contents, UndoJournal};
pub(super) use record::{Entry, Tail, Undoer, VERSION};
pub(super) use step::UndoStep;

use super::clock::wait_until;

/// How long a look may wait for what was undone to be seen.
const SEEN_WITHIN: Duration = Duration::from_millis(500);

/// A fault that was meant, perhaps done, and not taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outstanding {
    /// Its id.
    pub fault: String,
    /// Its kind.
    pub kind: String,
    /// The way back.
    pub undo: Vec<UndoStep>,
}

/// What is not taken back by these records. A fault whose undoing left something counts as not taken back.
pub(super) fn outstanding(entries: &[Entry]) -> Vec<Outstanding> {
    let mut left: Vec<Outstanding> = Vec::new();
    for entry in entries {
        match entry {
            Entry::Intent { fault, kind, undo, left_alone: _ } => {
                left.retain(|known| known.fault != *fault);
                left.push(Outstanding { fault: fault.clone(), kind: kind.clone(), undo: undo.clone() });
            }
            Entry::Undone { fault, residue: 0, by: _ } => left.retain(|known| known.fault != *fault),
            Entry::Undone { .. } | Entry::Opened { .. } | Entry::Guardian { .. } | Entry::Applied { .. } => {}
        }
    }
    left
}

/// Goes every step, the last deed first, and then looks at every one: a step that fails stops no other. Says what is
/// left behind.
pub(super) fn go_back<'a>(steps: impl DoubleEndedIterator<Item = &'a UndoStep>) -> Vec<String> {
    let mut failed = Vec::new();
    let mut gone: Vec<&UndoStep> = Vec::new();
    for step in steps.rev() {
        match step.go() {
            Ok(()) => gone.push(step),
            Err(why) => failed.push(why),
        }
    }
    let mut left = gone;
    wait_until(SEEN_WITHIN, || {
        left.retain(|step| !step.is_done());
        left.is_empty()
    });
    failed.extend(left.into_iter().map(ToString::to_string));
    failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::identity::Identity;

    fn intent(fault: &str) -> Entry {
        let process = Identity { start: 0, pid: 999_999_999 };
        Entry::Intent {
            fault: fault.into(),
            kind: "process_pause".into(),
            undo: vec![UndoStep::Resume { process, name: "nobody".into() }],
            left_alone: vec![],
        }
    }

    fn undone(fault: &str, residue: u32) -> Entry {
        Entry::Undone { fault: fault.into(), by: Undoer::Worker, residue }
    }

    #[test]
    fn an_intent_counts_until_it_is_undone_without_residue() {
        let names =
            |entries: &[Entry]| outstanding(entries).into_iter().map(|fault| fault.fault).collect::<Vec<_>>();
        assert_eq!(names(&[intent("a"), intent("b")]), ["a", "b"], "whether or not the deed was reached");
        assert_eq!(names(&[intent("a"), undone("a", 1)]), ["a"]);
        assert_eq!(names(&[intent("a"), intent("b"), undone("a", 0)]), ["b"]);
        assert_eq!(names(&[intent("a"), undone("a", 0), intent("a")]), ["a"], "applied once more");
    }

    #[test]
    fn a_process_that_is_gone_leaves_nothing_behind() {
        let steps = outstanding(&[intent("a")]);
        assert_eq!(go_back(steps[0].undo.iter()), Vec::<String>::new());
    }
}
