//! Automatic steps: each attempt is ordered, answered, and made again as `retry` says.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ANSWER_WITHIN, At, Progress, Surroundings, values};
use crate::playbook::event::{Attempt, Job, StepResult, Wish};

impl Progress {
    /// Orders the next attempt of the step that is under way.
    pub(super) fn attempt(&mut self, now: Duration, around: &dyn Surroundings) {
        let Some(visit) = self.visits.last() else { return };
        let step = &self.book.steps[visit.step];
        let action = match values::fill_in(&step.action, &self.known(around)) {
            Ok(action) => action,
            Err(why) => {
                self.acted(now);
                self.over(now, StepResult::Failed { why }, around);
                return;
            }
        };
        let job = Job {
            step: step.id.clone(),
            attempt: visit.attempts + 1,
            undo: false,
            action,
            outputs: step.outputs.clone(),
            timeout: step.timeout,
            impact: around.impact(),
        };
        let until = now + step.timeout.duration() + ANSWER_WITHIN;
        if let Some(visit) = self.visits.last_mut() {
            visit.attempts += 1;
            visit.at = At::Attempt { until };
        }
        self.out.push(Wish::Run(Box::new(job)));
    }

    /// An attempt is over. One that nobody waits for any longer changes nothing.
    pub fn on_attempt(
        &mut self,
        now: Duration,
        (step, attempt, undo): (&str, u32, bool),
        outcome: Attempt,
        around: &dyn Surroundings,
    ) -> Vec<Wish> {
        if undo {
            self.on_taken_back(now, step, attempt, &outcome);
            return std::mem::take(&mut self.out);
        }
        let waits = self.current().is_some_and(|visit| {
            self.step(visit).id == step && visit.attempts == attempt && matches!(visit.at, At::Attempt { .. })
        });
        if waits {
            self.judge(now, attempt, outcome, around);
        } else if let Attempt::Ok { outputs, detail: _ } = outcome {
            self.done_too_late(now, step, attempt, outputs);
        }
        std::mem::take(&mut self.out)
    }

    /// It was cut while its good answer was on the way: its way back may need what it kept.
    fn done_too_late(&mut self, now: Duration, step: &str, attempt: u32, outputs: BTreeMap<String, String>) {
        let Some(visit) = self.visits.last_mut() else { return };
        let is_meant = self.book.steps[visit.step].id == step && visit.attempts == attempt;
        if is_meant && visit.acted.is_none() && self.taken_back.since.is_none() {
            visit.outputs = outputs;
            visit.acted = Some(now);
        }
    }

    fn judge(&mut self, now: Duration, attempt: u32, outcome: Attempt, around: &dyn Surroundings) {
        let Some(visit) = self.visits.last_mut() else { return };
        let retry = self.book.steps[visit.step].retry;
        let (why, timed_out) = match outcome {
            Attempt::Ok { outputs, detail: _ } => {
                visit.outputs = outputs;
                self.done(now, around);
                return;
            }
            Attempt::Failed { why } => (why, false),
            Attempt::TimedOut { why } => (why, true),
        };
        visit.tried.get_or_insert(now);
        if attempt < retry.attempts {
            visit.at = At::Retry { at: now + retry.delay.duration() };
            return;
        }
        self.acted(now);
        let result = if timed_out { StepResult::TimedOut { why } } else { StepResult::Failed { why } };
        self.over(now, result, around);
    }
}
