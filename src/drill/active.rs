//! What a drill does while faults are on: apply what is due, remove what is over, and note impact and recovery.

use std::time::Duration;

use super::event::{Command, Phase, Record, RemoveReason, StopReason};
use super::inject::{ANSWER_WITHIN, Inject, InjectState};
use super::state::{Drill, UnderTest};
use crate::scenario::plan::Until;

impl Drill {
    /// Whether a guardrail stopped the drill.
    pub(super) fn guardrail_stops(&mut self, now: Duration) -> bool {
        let broken = self.watch.broken_invariant().or_else(|| self.watch.broken_guardrail(now));
        if let Some(why) = broken {
            self.stop(now, StopReason::Guardrail { why });
        }
        self.stop.is_some()
    }

    pub(super) fn step_active(&mut self, now: Duration) {
        self.note_violations();
        self.note_impact(now);
        if self.guardrail_stops(now) {
            return;
        }
        self.note_recovery(now);
        self.step_playbook(now);
        self.apply_what_is_due(now);
        self.remove_what_is_over(now);
        self.run_command(now);
        let alone = self.playbook_is_all() && self.playbook_runs();
        if self.injects.iter().all(Inject::is_over) && !self.is_watching(now) && !alone {
            self.end_command(now);
            if self.command_is_over(now) {
                self.enter(now, Phase::Recovering);
            }
        }
    }

    /// Until when the consequences of what was done in an instant are waited for, when nobody has felt any yet. With a
    /// command under test that is the command's to find out, within the time that a recovery may take.
    /// A placebo is watched for as long as its faults would have lasted.
    fn watched_until(&self) -> Option<Duration> {
        if let Some(lasting) = self.plan.placebo {
            return self.active_since.map(|since| since + lasting.duration());
        }
        let steady = &self.plan.steady_state;
        let last = self.injects.iter().filter(|i| i.is_lasting()).filter_map(|i| i.effective).max()?;
        match self.under_test {
            UnderTest::Running => Some(last + steady.recovery_within.duration()),
            UnderTest::Ending { .. } | UnderTest::Finished { .. } => None,
            UnderTest::NotStarted if self.impact.is_some() => None,
            UnderTest::NotStarted => Some(last + steady.no_impact_after.duration()),
        }
    }

    fn is_watching(&self, now: Duration) -> bool {
        self.watched_until().is_some_and(|until| now < until)
    }

    /// When the first of the faults that act now had its effect.
    fn effective_since(&self) -> Option<Duration> {
        self.injects.iter().filter(|i| i.is_on() || i.is_lasting()).filter_map(|i| i.effective).min()
    }

    /// What is violated before the first fault is no fault's doing. Without faults all counts, from `active` on.
    pub(super) fn note_violations(&mut self) {
        let begun = self.injects.is_empty() || self.injects.iter().any(|inject| inject.applied.is_some());
        for (probe, since) in self.watch.violated().filter(|_| begun) {
            self.violated.entry(probe.to_owned()).or_insert(since);
        }
    }

    /// Notes the impact as soon as an effect is known. Counts arrive a little after the deed, so a violation may be
    /// seen before its fault is known to be effective, even if that is known only once the fault is removed.
    pub(super) fn note_impact(&mut self, now: Duration) {
        let Some(effective) = self.injects.iter().filter_map(|inject| inject.effective).min() else { return };
        if self.impact.is_some() {
            return;
        }
        let acts = self.injects.iter().any(|inject| inject.is_on() || inject.is_lasting());
        let first_applied =
            self.injects.iter().filter_map(|inject| inject.applied).min().unwrap_or(effective);
        let last_removed = self.injects.iter().filter_map(|inject| inject.removed).max();
        let by_a_fault =
            |since: Duration| since >= first_applied && (acts || last_removed.is_some_and(|at| since <= at));
        if let Some(probe) = self.watch.impact().filter(|probe| by_a_fault(probe.since)) {
            self.impact = Some((probe.since, probe.plan.name.clone()));
            self.out.push(Command::Record(Record::ImpactSeen { probe: probe.plan.name.clone() }));
        } else if self.phase == Phase::Active
            && !self.withstood
            && let Some(since) = self.effective_since()
            && now >= since + self.plan.steady_state.no_impact_after.duration()
        {
            self.withstood = true;
            self.out.push(Command::Record(Record::Withstood {}));
        }
    }

    pub(super) fn note_recovery(&mut self, now: Duration) {
        let Some((impact, _)) = self.impact else { return };
        let stable = self.plan.steady_state.stable_for.duration();
        if self.recovered.is_none()
            && let Some(since) =
                self.watch.good_since().filter(|since| *since >= impact && now >= *since + stable)
        {
            // A run that began after the last removal was ordered is the end of the fault, not a recovery under it. What
            // was done in an instant was never taken away.
            let taken_away = self.injects.iter().filter(|inject| !inject.plan.fault.is_instant());
            let last_ended = taken_away.filter_map(Inject::ended).max();
            let stands = |inject: &Inject| matches!(inject.state, InjectState::Applied);
            let fault_on = self.injects.iter().any(stands) || last_ended.is_none_or(|ended| ended > since);
            self.recovered = Some((since, fault_on));
            self.out.push(Command::Record(Record::Recovered { since, fault_on }));
        }
    }

    fn apply_what_is_due(&mut self, now: Duration) {
        if matches!(self.under_test, UnderTest::Finished { .. }) {
            return;
        }
        for n in 0..self.injects.len() {
            if self.due(n).is_some_and(|due| due <= now) {
                let command = self.injects[n].apply(now);
                self.out.push(command);
            }
        }
        // What waits for a fault that was never applied will never start.
        for n in 0..self.injects.len() {
            let Some(after) = &self.injects[n].plan.start.after else { continue };
            let followed = self.injects.iter().find(|inject| inject.plan.id == *after);
            if followed.is_none_or(|followed| followed.is_over() && followed.applied.is_none()) {
                self.injects[n].remove(now, RemoveReason::Until);
            }
        }
    }

    /// When the `n`-th fault is due to start.
    fn due(&self, n: usize) -> Option<Duration> {
        let inject = &self.injects[n];
        let followed = inject.plan.start.after.as_ref();
        let followed =
            followed.and_then(|after| self.injects.iter().find(|other| other.plan.id == *after)?.applied);
        inject.due(self.active_since?, followed)
    }

    fn remove_what_is_over(&mut self, now: Duration) {
        let command_finished = matches!(self.under_test, UnderTest::Finished { .. });
        let recovered = self.recovered.is_some();
        for inject in &mut self.injects {
            let reason = if command_finished {
                Some(RemoveReason::CommandFinished)
            } else if recovered && inject.plan.until == Until::Recovered {
                Some(RemoveReason::Recovered)
            } else {
                inject.ends().filter(|(at, _)| *at <= now).map(|(_, reason)| reason)
            };
            if let Some(reason) = reason {
                self.out.extend(inject.remove(now, reason));
            }
        }
    }

    /// The command under test starts once every fault that starts with `active` is applied.
    fn run_command(&mut self, now: Duration) {
        let waiting = self.injects.iter().enumerate().any(|(n, inject)| {
            matches!(inject.state, InjectState::Applying { .. }) || self.due(n).is_some_and(|due| due <= now)
        });
        if self.plan.command.is_some() && self.under_test == UnderTest::NotStarted && !waiting {
            self.under_test = UnderTest::Running;
            self.out.push(Command::StartCommand {});
        }
    }

    /// The next moment at which time alone changes something.
    pub(super) fn wake_after(&self, now: Duration) -> Option<Duration> {
        let steady = &self.plan.steady_state;
        let stable_at = self.watch.good_since().map(|since| since + steady.stable_for.duration());
        let own = match self.phase {
            Phase::Planned | Phase::Scored => vec![],
            Phase::Preflight => vec![Some(self.phase_since + ANSWER_WITHIN)],
            Phase::Steady => vec![Some(self.phase_since + steady.gate_within.duration())],
            Phase::Active => {
                let starts = (0..self.injects.len()).filter_map(|n| self.due(n)).min();
                let ends = self.injects.iter().filter_map(|inject| Some(inject.ends()?.0)).min();
                let quiet = self.effective_since().filter(|_| self.impact.is_none() && !self.withstood);
                let back = stable_at.filter(|_| self.impact.is_some() && self.recovered.is_none());
                vec![
                    starts,
                    ends,
                    quiet.map(|at| at + steady.no_impact_after.duration()),
                    back,
                    self.watched_until(),
                    self.watch.guardrail_due(),
                ]
            }
            Phase::Recovering => self.wakes_recovering(),
            Phase::Verifying => vec![Some(self.phase_since + ANSWER_WITHIN)],
            Phase::Stopping => match self.under_test {
                UnderTest::Ending { since } => vec![Some(since + ANSWER_WITHIN)],
                _ => vec![],
            },
        };
        let answers = self.injects.iter().filter_map(Inject::overdue).min();
        let steps = self.playbook().and_then(|playbook| playbook.wake());
        own.into_iter().flatten().chain(answers).chain(steps).filter(|at| *at > now).min()
    }
}
