//! What stands on this host by our doing: the faults, their undo journal, and whether a guardian watches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::deed::Deed;
use super::refusal::AgentError;
use super::undo::{Entry, UndoJournal, Undoer, go_back};
use super::worker::{Applied, Lost, Removed};
use crate::fault::Evidence;

/// How long a record may wait for the guardian's lock.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where a transaction is; a test kills the worker at each of them.
fn step(step: &str, fault: &str) {
    tracing::trace!(target: "firedrill::agent::step", step, fault);
}

/// What stands on this host by our doing.
#[derive(Debug)]
pub(super) struct Standing {
    journal: Mutex<UndoJournal>,
    faults: Mutex<BTreeMap<String, Known>>,
    broken: Mutex<Option<String>>,
    lost: Mutex<Vec<Lost>>,
    /// Held by whoever changes the host: one transaction at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// A fault that was applied.
#[derive(Debug)]
struct Known {
    deed: Arc<Deed>,
    /// The most that were hit at one time: what was done stays done, even when a victim ends afterwards.
    hits: u64,
    removed: Option<Removed>,
}

impl Known {
    fn evidence(&self) -> Evidence {
        Evidence { matched: self.deed.matched(), faulted: self.hits, ..Evidence::default() }
    }
}

/// A thread that panicked with the lock left whole values: each is changed in one step.
fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Standing {
    pub fn new(journal: UndoJournal) -> Self {
        Self {
            journal: Mutex::new(journal),
            faults: Mutex::default(),
            broken: Mutex::default(),
            lost: Mutex::default(),
            turn: Arc::default(),
        }
    }

    /// The right to change the host.
    pub async fn turn(&self) -> tokio::sync::OwnedMutexGuard<()> {
        self.turn.clone().lock_owned().await
    }

    /// An error once the guardian is gone.
    pub fn health(&self) -> Result<(), String> {
        open(&self.broken).clone().map_or(Ok(()), Err)
    }

    /// The faults that ended without `remove` since the last call.
    pub fn take_lost(&self) -> Vec<Lost> {
        std::mem::take(&mut open(&self.lost))
    }

    /// Whether a fault of this name is on.
    pub fn is_on(&self, id: &str) -> bool {
        open(&self.faults).get(id).is_some_and(|known| known.removed.is_none())
    }

    /// How many faults are on.
    pub fn count_on(&self) -> usize {
        open(&self.faults).values().filter(|known| known.removed.is_none()).count()
    }

    /// The transaction: the way back is written, the deed done, the effect seen, or all of it is taken back.
    pub fn apply(&self, id: &str, deed: Deed) -> Result<Applied, AgentError> {
        if let Some(why) = deed.nobody_left() {
            return Err(AgentError::NoEffect { fault: id.into(), why });
        }
        self.health().map_err(|why| AgentError::NoGuardian { why })?;
        step("chosen", id);
        self.write(&deed.intent(id))?;
        step("intent-written", id);
        let deed = Arc::new(deed);
        // Known before the deed, so that whatever ends us from here on also ends it.
        open(&self.faults).insert(id.to_owned(), Known { deed: Arc::clone(&deed), hits: 0, removed: None });
        let failures = deed.act(|| step("one-hit", id));
        step("all-hit", id);
        let missing = deed.wait_for_effect(|| self.health().is_err());
        step("effect-seen", id);
        let hits = deed.hits();
        if let Some(known) = open(&self.faults).get_mut(id) {
            known.hits = known.hits.max(hits);
        }
        let no_effect = hits == 0 || (!missing.is_empty() && !deed.may_be_partial());
        if no_effect || self.health().is_err() {
            let residue = self.undo(id)?.residue;
            open(&self.faults).remove(id);
            let because = |why: String| [vec![why], residue].concat().join("; ");
            return Err(match self.health() {
                Err(why) => AgentError::NoGuardian { why: because(why) },
                Ok(()) => {
                    let why = because(deed.missing_effect(&missing, &failures));
                    AgentError::NoEffect { fault: id.into(), why }
                }
            });
        }
        if let Err(error) = self.write(&Entry::Applied { fault: id.into() }) {
            self.undo(id)?;
            open(&self.faults).remove(id);
            return Err(error);
        }
        step("applied-written", id);
        Ok(Applied { detail: deed.detail(&missing) })
    }

    /// What a fault has done by now; nothing for one that is unknown.
    pub fn measure(&self, id: &str) -> Evidence {
        let deed = match open(&self.faults).get(id) {
            None => return Evidence::default(),
            Some(known) if known.removed.is_some() => return known.evidence(),
            Some(known) => Arc::clone(&known.deed),
        };
        // Looked without the lock: a look at thousands of processes takes a while.
        let hits = deed.hits();
        open(&self.faults).get_mut(id).map_or_else(Evidence::default, |known| {
            known.hits = known.hits.max(hits);
            known.evidence()
        })
    }

    /// Takes a fault back and looks; what was taken back before is only told again.
    pub fn undo(&self, id: &str) -> Result<Removed, AgentError> {
        let deed = match open(&self.faults).get(id) {
            None => return Err(AgentError::Unknown { fault: id.into() }),
            Some(Known { removed: Some(removed), .. }) if removed.residue.is_empty() => {
                return Ok(removed.clone());
            }
            Some(known) => Arc::clone(&known.deed),
        };
        let evidence = self.measure(id);
        let residue = go_back(deed.way_back().iter());
        step("undone", id);
        let mark = Entry::Undone {
            fault: id.into(),
            by: Undoer::Worker,
            residue: u32::try_from(residue.len()).unwrap_or(u32::MAX),
        };
        // Without the mark, the way back is gone once more by whoever comes next, which changes nothing.
        if let Err(error) = self.write(&mark) {
            tracing::warn!(fault = id, %error, "the undo journal could not be marked");
        }
        step("undone-written", id);
        let removed = Removed { evidence, residue };
        if let Some(known) = open(&self.faults).get_mut(id) {
            known.removed = Some(removed.clone());
        }
        Ok(removed)
    }

    /// Takes everything back; says what is left behind.
    pub fn undo_all(&self) -> Vec<String> {
        let ids: Vec<String> = open(&self.faults)
            .iter()
            .filter(|(_, known)| known.removed.as_ref().is_none_or(|removed| !removed.residue.is_empty()))
            .map(|(id, _)| id.clone())
            .collect();
        ids.iter().rev().filter_map(|id| self.undo(id).ok()).flat_map(|removed| removed.residue).collect()
    }

    /// The guardian took a fault back.
    pub fn ended_by_guardian(&self, fault: &str, why: &str) {
        if self.is_on(fault) {
            open(&self.lost).push(Lost { fault: fault.to_owned(), why: why.to_owned() });
        }
    }

    /// The guardian is gone: nothing new may be begun, and what stands is taken back, since only one is left to do it.
    pub async fn guardian_lost(self: Arc<Self>, why: String) {
        tracing::error!(why, "the guardian is gone; every fault is taken back");
        *open(&self.broken) = Some(why.clone());
        let turn = self.turn().await;
        let undone = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let on: Vec<String> = open(&self.faults)
                .iter()
                .filter(|(_, known)| known.removed.is_none())
                .map(|(id, _)| id.clone())
                .collect();
            self.undo_all();
            open(&self.lost).extend(on.into_iter().map(|fault| Lost { fault, why: why.clone() }));
        });
        if undone.await.is_err() {
            tracing::error!("taking the faults back failed");
        }
    }

    /// Deletes the undo journal of an agent that left nothing behind.
    pub fn close(&self) -> Result<(), AgentError> {
        let journal = open(&self.journal);
        journal.delete().map_err(|source| AgentError::File {
            what: "delete undo journal",
            path: journal.path().into(),
            source,
        })
    }

    fn write(&self, entry: &Entry) -> Result<(), AgentError> {
        let mut journal = open(&self.journal);
        journal.append(entry, PATIENCE).map_err(|source| AgentError::File {
            what: "write undo journal",
            path: journal.path().into(),
            source,
        })
    }
}
