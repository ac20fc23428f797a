//! From step to step: what is entered, what is done there, and where it goes from there.

use std::time::Duration;

use super::values::{self, Known};
use super::{At, Progress, Surroundings, Visit};
use crate::playbook::event::{Ending, Noted, StepResult, Wish};
use crate::playbook::plan::{Action, Check, OnFailure, VISITS_MAX};
use crate::scenario::plan::People;

impl Progress {
    /// Enters the step at this place; after the last one the playbook is complete.
    pub(super) fn enter(&mut self, now: Duration, place: usize, around: &dyn Surroundings) {
        let mut place = place;
        // A step that is skipped leads to a later one, so this ends.
        loop {
            let Some(step) = self.book.steps.get(place) else {
                self.end(now, Ending::Completed {});
                return;
            };
            if self.visits.len() >= VISITS_MAX {
                let why = format!("it goes in circles: steps were entered {VISITS_MAX} times");
                self.end(now, Ending::Failed { step: step.id.clone(), why });
                return;
            }
            let (id, when) = (step.id.clone(), step.when.clone());
            self.note(Noted::Entered { step: id });
            self.visits.push(Visit::new(place, now));
            match when.filter(|when| !values::holds(when, &self.known(around))) {
                None => break,
                Some(when) => {
                    self.finish(now, StepResult::Skipped { why: format!("not the case: {when}") });
                    place += 1;
                }
            }
        }
        self.begin(now, around);
    }

    /// Begins what the entered step does.
    fn begin(&mut self, now: Duration, around: &dyn Surroundings) {
        let Some(visit) = self.visits.last_mut() else { return };
        let step = &self.book.steps[visit.step];
        let until = now + step.timeout.duration();
        match &step.action {
            Action::Manual { .. } | Action::Approve { .. } => match self.used.people {
                People::Ask => visit.at = At::People { until },
                // What needs somebody's word must not happen without it.
                People::Skip if matches!(step.action, Action::Approve { .. }) => {
                    let why = "nobody is asked in this run, so nobody agreed".to_owned();
                    self.over(now, StepResult::Failed { why }, around);
                }
                People::Skip => {
                    let why = "steps for people are skipped in this run".to_owned();
                    self.over(now, StepResult::Skipped { why }, around);
                }
                People::Fail => {
                    let why = "steps for people fail in this run".to_owned();
                    self.over(now, StepResult::Failed { why }, around);
                }
            },
            Action::Probe(Check::SteadyState | Check::Named(_)) => visit.at = At::Probe { until },
            Action::Probe(Check::Own(_))
            | Action::Http { .. }
            | Action::Run { .. }
            | Action::Notify { .. }
            | Action::Host { .. } => self.attempt(now, around),
        }
    }

    /// Looks whether time or the drill around it changed something for the step that is under way.
    pub(super) fn look(&mut self, now: Duration, around: &dyn Surroundings) {
        let Some(visit) = self.current() else { return };
        let step = self.step(visit);
        match visit.at {
            At::Nothing => {}
            At::People { until } if now >= until => {
                let why = format!("nobody answered within {}", step.timeout);
                self.acted(now);
                self.over(now, StepResult::TimedOut { why }, around);
            }
            At::Attempt { until } if now >= until => {
                let why = format!("nothing was heard of it within {}", step.timeout);
                self.stop_current();
                self.acted(now);
                self.over(now, StepResult::TimedOut { why }, around);
            }
            At::Retry { at } if now >= at => self.attempt(now, around),
            At::Verify { until } => self.look_at_verify(now, until, around),
            At::Probe { until } => {
                let Action::Probe(check) = &step.action else { return };
                match around.is_good(named(check), visit.entered) {
                    Ok(()) => self.done(now, around),
                    Err(why) if now >= until => {
                        let why = format!("not good within {}: {why}", step.timeout);
                        self.acted(now);
                        self.over(now, StepResult::TimedOut { why }, around);
                    }
                    Err(_) => {}
                }
            }
            At::People { .. } | At::Attempt { .. } | At::Retry { .. } => {}
        }
    }

    fn look_at_verify(&mut self, now: Duration, until: Duration, around: &dyn Surroundings) {
        let Some(verify) = self.current().and_then(|visit| self.step(visit).verify.clone()) else { return };
        let acted = self.current().and_then(|visit| visit.acted).unwrap_or(now);
        let standing = match &verify.check {
            // The edge says when it is good.
            Check::Own(probe) => Err(format!("`{}` was never good", probe.name)),
            check => around.is_good(named(check), acted),
        };
        match standing {
            Ok(()) => self.over(now, StepResult::Ok { verified: true }, around),
            Err(why) if now >= until => {
                self.stop_current();
                let why = format!("not good within {}: {why}", verify.within);
                self.over(now, StepResult::NotVerified { why }, around);
            }
            Err(_) => {}
        }
    }

    /// What the step does is done; what verifies it comes next.
    pub(super) fn done(&mut self, now: Duration, around: &dyn Surroundings) {
        self.acted(now);
        let Some(visit) = self.visits.last_mut() else { return };
        let step = &self.book.steps[visit.step];
        let Some(verify) = &step.verify else {
            self.over(now, StepResult::Ok { verified: false }, around);
            return;
        };
        visit.at = At::Verify { until: now + verify.within.duration() };
        if let Check::Own(probe) = &verify.check {
            self.out.push(Wish::Verify { step: step.id.clone(), probe: probe.clone() });
        }
    }

    /// The probe of its own that verifies a step is good.
    pub fn on_verified(&mut self, now: Duration, step: &str, around: &dyn Surroundings) -> Vec<Wish> {
        let waits = self.current().is_some_and(|visit| {
            let planned = self.step(visit);
            let own = planned.verify.as_ref().is_some_and(|verify| matches!(verify.check, Check::Own(_)));
            planned.id == step && own && visit.is_being_verified()
        });
        if waits {
            self.over(now, StepResult::Ok { verified: true }, around);
        }
        std::mem::take(&mut self.out)
    }

    pub(super) fn acted(&mut self, now: Duration) {
        if let Some(visit) = self.visits.last_mut() {
            visit.acted.get_or_insert(now);
        }
    }

    fn finish(&mut self, now: Duration, result: StepResult) {
        let Some(visit) = self.visits.last_mut() else { return };
        visit.at = At::Nothing;
        visit.finished = Some((now, result.clone()));
        let step = self.book.steps[visit.step].id.clone();
        self.note(Noted::Finished { step, result });
    }

    /// The step is over; goes where it leads.
    pub(super) fn over(&mut self, now: Duration, result: StepResult, around: &dyn Surroundings) {
        self.finish(now, result.clone());
        let Some(visit) = self.visits.last() else { return };
        let (place, step) = (visit.step, &self.book.steps[visit.step]);
        let failure = |why: &str| Ending::Failed { step: step.id.clone(), why: why.to_owned() };
        let why = match &result {
            StepResult::Ok { .. } | StepResult::Skipped { .. } => None,
            StepResult::Failed { why } | StepResult::NotVerified { why } | StepResult::TimedOut { why } => {
                Some(why.as_str())
            }
        };
        let next = match (why, &step.on_failure) {
            (Some(why), OnFailure::Stop) => Err(failure(why)),
            (Some(_), OnFailure::Go(to)) => Ok(self.place(to)),
            (Some(why), OnFailure::Continue) if step.end => Err(failure(why)),
            (Some(_), OnFailure::Continue) => Ok(place + 1),
            (None, _) if step.end => Err(Ending::Completed {}),
            (None, _) => {
                let known = self.known(around);
                let leads = |when: &Option<_>| match when {
                    None => true,
                    Some(when) => values::holds(when, &known),
                };
                let chosen = step.next.iter().find(|next| leads(&next.when));
                Ok(chosen.map_or(place + 1, |next| self.place(&next.go)))
            }
        };
        match next {
            Ok(place) => self.enter(now, place, around),
            Err(ending) => self.end(now, ending),
        }
    }

    /// The place of a step; the check has made sure that there is one.
    fn place(&self, id: &str) -> usize {
        self.book.steps.iter().position(|step| step.id == id).unwrap_or(self.book.steps.len())
    }

    /// What expressions and texts may name now.
    pub(in crate::playbook) fn known<'a>(&'a self, around: &dyn Surroundings) -> Known<'a> {
        Known::new(&self.book, &self.visits, around.impact())
    }
}

fn named(check: &Check) -> Option<&str> {
    match check {
        Check::SteadyState => None,
        Check::Named(name) => Some(name),
        Check::Own(probe) => Some(&probe.name),
    }
}
