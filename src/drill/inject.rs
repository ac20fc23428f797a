//! One fault of a drill: from pending to clean. Which commands it needs, and when.

use std::time::Duration;

use super::event::{Command, RemoveReason};
use crate::fault::Evidence;
use crate::scenario::plan::{PlannedFault, Until};

/// How long the engine may take to answer; longer, and the fault counts as stuck.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How long the effect of an instant fault is looked for.
const INSTANT_EFFECT_WITHIN: Duration = Duration::from_secs(5);

/// Where one fault is.
#[derive(Clone, Debug, PartialEq)]
pub enum InjectState {
    /// Not begun.
    Pending,
    /// Ordered, not answered.
    Applying {
        /// When it was ordered.
        since: Duration,
    },
    /// Applied; whether its effect was seen stands beside it.
    Applied,
    /// Its removal is ordered, not answered.
    Removing {
        /// When it was ordered.
        since: Duration,
    },
    /// Removed; nothing is left.
    Clean,
    /// Removed or given up; something is or may be left.
    Residue {
        /// What.
        what: Vec<String>,
    },
    /// Never applied.
    Skipped {
        /// Why.
        why: String,
    },
}

/// One fault and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inject {
    /// What was planned.
    pub plan: PlannedFault,
    /// Where it is.
    pub state: InjectState,
    /// When it was applied, kept after its end.
    pub applied: Option<Duration>,
    /// When its effect was first seen, kept after its end.
    pub effective: Option<Duration>,
    /// When its removal was ordered: from then on it may be gone, whenever the answer comes.
    pub ordered: Option<Duration>,
    /// When it was removed.
    pub removed: Option<Duration>,
    /// What it has done, as last measured.
    pub evidence: Evidence,
}

impl Inject {
    pub(super) fn new(plan: PlannedFault) -> Self {
        Self {
            plan,
            state: InjectState::Pending,
            applied: None,
            effective: None,
            ordered: None,
            removed: None,
            evidence: Evidence::default(),
        }
    }

    /// Whether nothing more will happen to it.
    pub fn is_over(&self) -> bool {
        matches!(self.state, InjectState::Clean | InjectState::Residue { .. } | InjectState::Skipped { .. })
    }

    /// When it ended, or may have: its end was ordered, or it ended by itself.
    pub fn ended(&self) -> Option<Duration> {
        self.ordered.into_iter().chain(self.removed).min()
    }

    /// Whether it may act on the target now.
    pub fn is_on(&self) -> bool {
        matches!(self.state, InjectState::Applied | InjectState::Removing { .. })
    }

    /// Whether it was done in an instant and had its effect. Nobody takes that back, so its consequences are the
    /// fault's for as long as the drill lasts.
    pub(super) fn is_lasting(&self) -> bool {
        self.plan.fault.is_instant() && self.effective.is_some()
    }

    /// Whether its effect was seen and it may still act.
    pub fn is_effective(&self) -> bool {
        self.is_on() && self.effective.is_some()
    }

    /// When it is due, given when `active` began and when the fault it follows was applied.
    pub(super) fn due(&self, active_since: Duration, followed_applied: Option<Duration>) -> Option<Duration> {
        let zero = if self.plan.start.after.is_some() { followed_applied? } else { active_since };
        (self.state == InjectState::Pending).then(|| zero + self.plan.start.delay.duration())
    }

    /// When it must end by the plan, and why; nothing for one that ends by events only.
    pub(super) fn ends(&self) -> Option<(Duration, RemoveReason)> {
        let at = self.applied.filter(|_| self.state == InjectState::Applied)?;
        if self.plan.fault.is_instant() {
            return Some((self.effective.unwrap_or(at + INSTANT_EFFECT_WITHIN), RemoveReason::Until));
        }
        let max = self.plan.max.map(|max| (at + max.duration(), RemoveReason::Max));
        match self.plan.until {
            Until::For(length) => {
                let until = (at + length.duration(), RemoveReason::Until);
                Some(max.filter(|max| max.0 < until.0).unwrap_or(until))
            }
            Until::Max | Until::Recovered => max,
        }
    }

    /// When an answer of the engine is overdue.
    pub(super) fn overdue(&self) -> Option<Duration> {
        match self.state {
            InjectState::Applying { since } | InjectState::Removing { since } => Some(since + ANSWER_WITHIN),
            _ => None,
        }
    }

    pub(super) fn apply(&mut self, now: Duration) -> Command {
        self.state = InjectState::Applying { since: now };
        Command::Apply { fault: self.plan.id.clone() }
    }

    /// Orders the removal of whatever may be there. One that was never begun is skipped; one that is being applied
    /// is removed as well, for the engine obeys in order and removing is idempotent.
    pub(super) fn remove(&mut self, now: Duration, reason: RemoveReason) -> Option<Command> {
        match self.state {
            InjectState::Pending => {
                self.state = InjectState::Skipped { why: "the drill ended before its start".into() };
                None
            }
            InjectState::Applying { .. } | InjectState::Applied => {
                self.state = InjectState::Removing { since: now };
                self.ordered.get_or_insert(now);
                Some(Command::Remove { fault: self.plan.id.clone(), reason })
            }
            _ => None,
        }
    }

    pub(super) fn on_applied(&mut self, now: Duration) {
        self.applied = Some(now);
        if matches!(self.state, InjectState::Applying { .. }) {
            self.state = InjectState::Applied;
        }
    }

    /// Takes newer counts; true when they show the effect for the first time.
    pub(super) fn on_measured(&mut self, now: Duration, evidence: Evidence) -> bool {
        let first = self.effective.is_none() && evidence.faulted > 0 && self.applied.is_some();
        self.evidence = evidence;
        if first {
            self.effective = Some(now);
        }
        first
    }

    pub(super) fn on_removed(&mut self, now: Duration, residue: Vec<String>) {
        self.removed = Some(now);
        self.state =
            if residue.is_empty() { InjectState::Clean } else { InjectState::Residue { what: residue } };
    }

    pub(super) fn on_stuck(&mut self, why: String) {
        if !self.is_over() {
            self.state = InjectState::Residue { what: vec![why] };
        }
    }

    pub(super) fn on_refused(&mut self, why: String) {
        if !self.is_over() {
            self.state = InjectState::Skipped { why };
        }
    }
}
