//! What the loop does for the steps of a playbook: each attempt is a task of its own that can be ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::driver::Driver;
use crate::drill::Event;
use crate::playbook::event::{Attempt, Job, StepAnswer};
use crate::playbook::progress::Spoken;
use crate::scenario::plan::Probe;

/// How often it is looked whether an ended step is gone, and how many times at most: two seconds in all.
const GONE_LOOK_EVERY: Duration = Duration::from_millis(5);
const GONE_LOOKS_MAX: u32 = 400;

impl Driver<'_> {
    /// Makes an attempt at an automatic step.
    pub(super) fn run_step(&mut self, job: Job) {
        // As with faults: the record of the intent is on the disk before the deed, or there is no deed.
        self.sync_record();
        let (step, attempt, undo) = (job.step.clone(), job.attempt, job.undo);
        if let Some(error) = &self.record_error
            && !undo
        {
            let outcome = Attempt::Failed { why: error.to_string() };
            self.happen_next(Event::StepAttempted { step, attempt, undo, outcome });
            return;
        }
        let (outside, events, clock) = (Arc::clone(&self.outside), self.ways.events.clone(), self.clock);
        // What was ended a moment ago may take another to be gone; a way back must not be overtaken by it.
        let before: Vec<AbortHandle> =
            self.steps.values().filter(|task| !task.is_finished()).cloned().collect();
        let task = self.running.tasks.spawn(async move {
            for _ in 0..GONE_LOOKS_MAX {
                if before.iter().all(AbortHandle::is_finished) {
                    break;
                }
                sleep(GONE_LOOK_EVERY).await;
            }
            let outcome = outside.step(&job, clock).await;
            let (step, attempt, undo) = (job.step, job.attempt, job.undo);
            let _ = events.send(Event::StepAttempted { step, attempt, undo, outcome }).await;
        });
        self.steps.insert(step, task);
    }

    /// Measures a probe of a playbook's own until it is good.
    pub(super) fn verify_step(&mut self, step: String, probe: Probe) {
        let (outside, events, clock) = (Arc::clone(&self.outside), self.ways.events.clone(), self.clock);
        let of = step.clone();
        let task = self.running.tasks.spawn(async move {
            outside.verify(&probe, clock).await;
            let _ = events.send(Event::StepVerified { step: of }).await;
        });
        self.steps.insert(step, task);
    }

    /// Takes in what somebody says about a step; what is not allowed is answered and leaves no trace.
    pub(super) fn on_answer(
        &mut self,
        who: String,
        step: String,
        role: Option<String>,
        answer: StepAnswer,
    ) -> Result<(), String> {
        let spoken = Spoken { step: &step, who: &who, role: role.as_deref(), answer: &answer };
        self.drill.may_answer(spoken)?;
        self.happen(Event::StepAnswered { step, who, role, answer });
        Ok(())
    }

    /// Ends whatever goes on for a step.
    pub(super) fn stop_step(&mut self, step: &str) {
        if let Some(task) = self.steps.get(step) {
            task.abort();
        }
    }
}
