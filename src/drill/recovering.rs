//! What a drill does once every fault is gone: wait until all is well, take back what the playbook changed, look again.

use std::time::Duration;

use super::event::Phase;
use super::inject::Inject;
use super::state::Drill;

impl Drill {
    pub(super) fn step_recovering(&mut self, now: Duration) {
        if self.guardrail_stops(now) {
            return;
        }
        self.note_violations();
        self.note_recovery(now);
        self.step_playbook(now);
        let overdue = self.is_overdue(now);
        self.given_up |= overdue;
        if overdue {
            self.cut_playbook_short(now, "the time for recovery was over");
        }
        let taken_back = self.playbook().map(|playbook| playbook.taken_back().since.is_some());
        if taken_back != Some(true) {
            let settled = self.is_settled(now);
            let given_up = overdue && self.watch.good_since().is_none();
            if !settled && !given_up {
                return;
            }
            if !settled {
                self.not_recovered = Some(self.watch.not_good().join("; "));
            }
        }
        if self.take_playbook_back(now) && self.is_well_without_playbook(now) {
            self.verify_once_all_is_over(now);
        }
    }

    /// Whether the time for recovery is over.
    pub(super) fn is_overdue(&self, now: Duration) -> bool {
        self.phase == Phase::Recovering && now >= self.phase_since + self.recovery_within()
    }

    /// Whether it was over at the last look.
    pub(super) const fn is_given_up(&self) -> bool {
        self.given_up
    }

    pub(super) fn step_stopping(&mut self, now: Duration) {
        self.note_impact(now);
        // First the faults, then what was done about them.
        if self.injects.iter().all(Inject::is_over) && self.take_playbook_back(now) {
            self.verify_once_all_is_over(now);
        }
    }

    /// Whether nothing is waited for any longer: all is well, expected alarms have ended, the playbook is over.
    fn is_settled(&self, now: Duration) -> bool {
        let stable = self.stable_at().is_some_and(|at| now >= at);
        let heard_out = self.alarms_wait_until().is_none_or(|until| now >= until);
        stable && heard_out && !self.playbook_runs()
    }

    /// Whether the last look at the steady state is over, now that the playbook's changes are taken back. What breaks
    /// then was held together by them.
    fn is_well_without_playbook(&mut self, now: Duration) -> bool {
        let Some(at) = self.taken_back_at() else { return true };
        if self.not_recovered.is_some() || self.stable_at().is_some_and(|stable| now >= stable) {
            return true;
        }
        if now < at + self.recovery_within() || self.watch.good_since().is_some() {
            return false;
        }
        let why = self.watch.not_good().join("; ");
        (self.not_recovered, self.undo_broke) = (Some(why), true);
        true
    }

    /// When the steady state will have held for long enough after the last removal, or after what the playbook changed
    /// was taken back. What held all the time is looked at once more, for the removal itself may do harm.
    pub(super) fn stable_at(&self) -> Option<Duration> {
        let since = self.watch.good_since()?;
        if self.watch.probes.is_empty() {
            return Some(since);
        }
        let from = self.taken_back_at().unwrap_or_default().max(self.phase_since);
        Some(since.max(from) + self.plan.steady_state.stable_for.duration())
    }

    /// Until when the drill stays for alarms that still fire after recovery: their reset is measured too.
    pub(super) fn alarms_wait_until(&self) -> Option<Duration> {
        self.heard.wait_until(self.watch.good_since()?.max(self.phase_since))
    }

    /// The next moment at which time alone changes something in this phase.
    pub(super) fn wakes_recovering(&self) -> Vec<Option<Duration>> {
        let give_up = self.taken_back_at().unwrap_or(self.phase_since) + self.recovery_within();
        vec![self.stable_at(), self.alarms_wait_until(), Some(give_up), self.watch.guardrail_due()]
    }
}
