//! One fault on the processes of this host: who is meant, what is done to them, and how it is seen.

use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::clock::wait_until;
use super::identity::{Condition, Identity};
use super::policy::Policy;
use super::process_restart::{self, Restart};
use super::processes::{Seen, choose, describe, everyone, matching, names};
use super::protected::Protected;
use super::refusal::AgentError;
use super::undo::{Entry, UndoStep};
use super::{process_kill, process_pause};
use crate::fault::{Draws, HostFault, ProcessSelector};

/// Those whom a fault may hit: they fit the selector and are not protected.
#[derive(Debug)]
pub(super) struct Candidates {
    /// Oldest first.
    pub seen: Vec<Seen>,
    /// Those who fit and are left out, with the reason.
    left_out: Vec<String>,
}

/// A fault resolved to processes.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    fault: HostFault,
    victims: Vec<Seen>,
    /// Chosen, but already as the fault would make them: neither hit nor taken back.
    left_alone: Vec<Seen>,
    left_out: Vec<String>,
    found: usize,
    /// How each victim is started again, in the same order; empty where that is not the deed.
    restarts: Vec<Arc<Restart>>,
}

fn selector(fault: &HostFault) -> &ProcessSelector {
    match fault {
        HostFault::ProcessKill(kill) => &kill.select,
        HostFault::ProcessPause(pause) => &pause.select,
        HostFault::ProcessRestart(restart) => &restart.select,
    }
}

/// Looks who would be hit. Changes nothing.
pub(super) fn candidates(
    fault: &HostFault,
    guardian: Option<Identity>,
    policy: &Policy,
) -> Result<Candidates, AgentError> {
    if policy.denies(fault.kind()) {
        return Err(AgentError::Denied { kind: fault.kind() });
    }
    let select = selector(fault);
    let everyone = everyone()?;
    let protected = Protected::new(guardian, policy, &everyone);
    let found = matching(select, &everyone)?;
    let (mut seen, mut left_out) = (Vec::new(), Vec::new());
    for process in found.seen {
        match protected.why(&process) {
            Some(why) => {
                left_out.push(format!("{} {} ({why})", process.name.escape_debug(), process.identity.pid))
            }
            None => seen.push(process),
        }
    }
    match (seen.is_empty(), left_out.is_empty()) {
        (true, true) => {
            let blind = match found.unreadable {
                0 => String::new(),
                n => format!(" ({n} processes of other users could not be looked into; root could)"),
            };
            Err(AgentError::NoTarget { selector: describe(select), blind })
        }
        (true, false) => {
            left_out.truncate(20);
            Err(AgentError::OnlyProtected { selector: describe(select), names: left_out })
        }
        (false, _) => Ok(Candidates { seen, left_out }),
    }
}

impl Deed {
    /// Chooses among the candidates, and looks whether the kernel would let us.
    pub fn choose(fault: &HostFault, candidates: Candidates, draws: &mut Draws) -> Result<Self, AgentError> {
        let found = candidates.seen.len();
        let chosen = choose(selector(fault), candidates.seen, draws)?;
        for process in &chosen {
            // The null signal asks for permission and does nothing.
            if kill(Pid::from_raw(process.identity.pid), None) == Err(Errno::EPERM) {
                return Err(AgentError::NotPermitted {
                    pid: process.identity.pid,
                    name: process.name.clone(),
                });
            }
        }
        let is_already = |seen: &Seen| match fault {
            HostFault::ProcessPause(_) => seen.identity.condition() == Condition::Stopped,
            HostFault::ProcessKill(_) | HostFault::ProcessRestart(_) => false,
        };
        let (left_alone, victims): (Vec<Seen>, Vec<Seen>) = chosen.into_iter().partition(is_already);
        let restarts = match fault {
            // What is not known before cannot be found out afterwards.
            HostFault::ProcessRestart(_) => process_restart::prepare(&victims)?,
            HostFault::ProcessKill(_) | HostFault::ProcessPause(_) => Vec::new(),
        };
        let left_out = candidates.left_out;
        Ok(Self { fault: fault.clone(), victims, left_alone, left_out, found, restarts })
    }

    /// What is written before it.
    pub fn intent(&self, id: &str) -> Entry {
        Entry::Intent {
            fault: id.to_owned(),
            kind: self.fault.kind().to_owned(),
            undo: self.way_back(),
            left_alone: self.left_alone.iter().map(|seen| seen.identity).collect(),
        }
    }

    /// The way back; empty where there is none.
    pub fn way_back(&self) -> Vec<UndoStep> {
        match &self.fault {
            HostFault::ProcessKill(_) | HostFault::ProcessRestart(_) => Vec::new(),
            HostFault::ProcessPause(_) => {
                self.victims.iter().map(|seen| process_pause::way_back(seen.identity, &seen.name)).collect()
            }
        }
    }

    /// Does it to every one; says what failed. One that is gone by now stops no other. `hit` is told of each.
    pub fn act(&self, mut hit: impl FnMut()) -> Vec<String> {
        if let HostFault::ProcessRestart(fault) = &self.fault {
            return process_restart::act(&self.restarts, fault, hit);
        }
        let mut failures = Vec::new();
        for victim in &self.victims {
            let outcome = match &self.fault {
                HostFault::ProcessKill(fault) => process_kill::hit(victim.identity, fault.signal),
                HostFault::ProcessPause(_) => process_pause::hit(victim.identity),
                HostFault::ProcessRestart(_) => Ok(false),
            };
            if let Err(error) = outcome {
                failures.push(format!("{}: {error}", names([victim])));
            }
            hit();
        }
        failures
    }

    /// How long its effect may take to be seen.
    fn seen_within(&self) -> Duration {
        match self.fault {
            HostFault::ProcessKill(_) => process_kill::SEEN_WITHIN,
            HostFault::ProcessPause(_) => process_pause::SEEN_WITHIN,
            HostFault::ProcessRestart(_) => process_restart::SEEN_WITHIN,
        }
    }

    fn is_hit(&self, victim: Identity) -> bool {
        match self.fault {
            HostFault::ProcessKill(_) => process_kill::is_hit(victim),
            HostFault::ProcessPause(_) => process_pause::is_hit(victim),
            HostFault::ProcessRestart(_) => {
                self.restarts.iter().any(|restart| restart.victim == victim && restart.is_done())
            }
        }
    }

    /// How many are hit now.
    pub fn hits(&self) -> u64 {
        self.victims.iter().filter(|victim| self.is_hit(victim.identity)).count() as u64
    }

    /// Waits until the effect is seen on all, or `given_up`; says on whom it is not. For a pause, a process that ended
    /// by itself meanwhile is not counted as missing.
    pub fn wait_for_effect(&self, given_up: impl Fn() -> bool) -> Vec<&Seen> {
        let mut missing: Vec<&Seen> = self.victims.iter().collect();
        wait_until(self.seen_within(), || {
            missing.retain(|victim| !self.is_hit(victim.identity));
            missing.is_empty() || given_up()
        });
        if matches!(self.fault, HostFault::ProcessPause(_)) {
            missing.retain(|victim| victim.identity.lives());
        }
        missing
    }

    /// How many were meant: all that fit and are not protected.
    pub fn matched(&self) -> u64 {
        self.found as u64
    }

    /// Whether a part of the effect is worth the fault: what is killed stays killed; a pause is whole or taken
    /// back, and of those that were to come back all must be there.
    pub fn may_be_partial(&self) -> bool {
        matches!(self.fault, HostFault::ProcessKill(_))
    }

    /// Why nobody is left to be hit.
    pub fn nobody_left(&self) -> Option<String> {
        self.victims.is_empty().then(|| format!("already stood still before: {}", names(&self.left_alone)))
    }

    /// What is not seen, in words.
    pub fn missing_effect(&self, missing: &[&Seen], failures: &[String]) -> String {
        let seen_within = self.seen_within().as_secs();
        let what = match &self.fault {
            HostFault::ProcessKill(kill) => format!("still there {seen_within} s after SIG{}", kill.signal),
            HostFault::ProcessPause(_) => format!("not standing still {seen_within} s after SIGSTOP"),
            HostFault::ProcessRestart(_) => "not running again".to_owned(),
        };
        let failures =
            if failures.is_empty() { String::new() } else { format!(" ({})", failures.join("; ")) };
        format!("{} {what}{failures}", names(missing.iter().copied()))
    }

    /// On whom, in words.
    pub fn detail(&self, missing: &[&Seen]) -> String {
        let deed = match &self.fault {
            HostFault::ProcessKill(kill) => format!("SIG{} to", kill.signal),
            HostFault::ProcessPause(_) => "paused".into(),
            HostFault::ProcessRestart(_) => "restarted".into(),
        };
        let mut detail =
            format!("{deed} {} of {} found: {}", self.victims.len(), self.found, names(&self.victims));
        let again: Vec<String> = self.restarts.iter().filter_map(|restart| restart.words()).take(8).collect();
        if !again.is_empty() {
            detail.push_str(&format!("; now {}", again.join(", ")));
        }
        if !missing.is_empty() {
            detail.push_str(&format!("; {}", self.missing_effect(missing, &[])));
        }
        if !self.left_alone.is_empty() {
            detail.push_str(&format!("; already stood still and left alone: {}", names(&self.left_alone)));
        }
        if !self.left_out.is_empty() {
            let shown = self.left_out.len().min(8);
            detail.push_str(&format!("; protected and left out: {}", self.left_out[..shown].join(", ")));
            if self.left_out.len() > shown {
                detail.push_str(&format!(" and {} more", self.left_out.len() - shown));
            }
        }
        detail
    }
}
