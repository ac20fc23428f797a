//! The way back: what the playbook changed is taken back after recovery, the last change first. One that fails never
//! keeps the others from being tried.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ANSWER_WITHIN, Progress, Surroundings, values};
use crate::playbook::event::{Attempt, Job, Noted, Wish};

/// How far the way back is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TakenBack {
    /// When it began.
    pub since: Option<Duration>,
    /// When it was over.
    pub over: Option<Duration>,
    /// The steps still to take back, by place; the next one last.
    left: Vec<usize>,
    now: Option<Going>,
    /// The steps that were taken back.
    pub done: Vec<String>,
    /// Those that could not be, with why.
    pub failed: Vec<(String, String)>,
}

/// The one that is being taken back.
#[derive(Clone, Debug, PartialEq)]
struct Going {
    place: usize,
    attempt: u32,
    /// An attempt that was never answered counts as failed then; absent: it waits for its next attempt.
    until: Option<Duration>,
    again: Option<Duration>,
    impact: Option<Duration>,
}

impl TakenBack {
    pub(super) fn wake(&self) -> Option<Duration> {
        let going = self.now.as_ref()?;
        going.until.or(going.again)
    }

    /// Whether it began and is not over.
    pub const fn is_going(&self) -> bool {
        self.since.is_some() && self.over.is_none()
    }
}

impl Progress {
    /// The steps with a way back that may have changed something, the first first.
    pub fn to_take_back(&self) -> Vec<usize> {
        let mut places = Vec::new();
        for visit in self.visits.iter().filter(|visit| visit.has_acted()) {
            if self.step(visit).undo.is_some() && !places.contains(&visit.step) {
                places.push(visit.step);
            }
        }
        places
    }

    /// The mutating steps that ran and have no way back.
    pub fn left_in_place(&self) -> Vec<&str> {
        let mut left = Vec::new();
        for visit in self.visits.iter().filter(|visit| visit.has_acted()) {
            let step = self.step(visit);
            if step.mutates && step.undo.is_none() && !left.contains(&step.id.as_str()) {
                left.push(step.id.as_str());
            }
        }
        left
    }

    /// Begins the way back, when there is one; once.
    pub fn take_back(&mut self, now: Duration, around: &dyn Surroundings) -> Vec<Wish> {
        let left = self.to_take_back();
        if self.used.undo && !self.is_running() && self.taken_back.since.is_none() && !left.is_empty() {
            let ids = left.iter().rev().map(|place| self.book.steps[*place].id.clone()).collect();
            self.note(Noted::Undoing { steps: ids });
            self.taken_back.since = Some(now);
            self.taken_back.left = left;
            self.take_back_next(now, around.impact());
        }
        std::mem::take(&mut self.out)
    }

    fn take_back_next(&mut self, now: Duration, impact: Option<Duration>) {
        let Some(place) = self.taken_back.left.pop() else {
            self.taken_back.now = None;
            self.taken_back.over = Some(now);
            return;
        };
        let going = Going { place, attempt: 0, until: None, again: Some(now), impact };
        self.taken_back.now = Some(going);
        self.take_back_further(now);
    }

    /// Makes the attempt that is due, and gives up the one that nobody answered.
    pub(super) fn take_back_further(&mut self, now: Duration) {
        let Some(going) = self.taken_back.now.clone() else { return };
        if going.until.is_some_and(|until| now >= until) {
            let step = self.book.steps[going.place].id.clone();
            self.out.push(Wish::Stop { step: step.clone() });
            let why = "nothing was heard of it in time".to_owned();
            self.on_taken_back(now, &step, going.attempt, &Attempt::TimedOut { why });
        } else if going.again.is_some_and(|again| now >= again) {
            self.take_back_attempt(now, going);
        }
    }

    fn take_back_attempt(&mut self, now: Duration, going: Going) {
        let step = &self.book.steps[going.place];
        let Some(undo) = &step.undo else { return };
        let known = values::Known::new(&self.book, &self.visits, going.impact);
        match values::fill_in(&undo.action, &known) {
            Ok(action) => {
                let job = Job {
                    step: step.id.clone(),
                    attempt: going.attempt + 1,
                    undo: true,
                    action,
                    outputs: BTreeMap::new(),
                    timeout: undo.timeout,
                    impact: going.impact,
                };
                let until = Some(now + undo.timeout.duration() + ANSWER_WITHIN);
                self.taken_back.now = Some(Going { attempt: job.attempt, until, again: None, ..going });
                self.out.push(Wish::Run(Box::new(job)));
            }
            Err(why) => self.taken_back_was(now, &going, Some(why)),
        }
    }

    /// An attempt at the way back is over.
    pub(super) fn on_taken_back(&mut self, now: Duration, step: &str, attempt: u32, outcome: &Attempt) {
        let Some(going) = self.taken_back.now.clone() else { return };
        let planned = &self.book.steps[going.place];
        if planned.id != step || going.attempt != attempt || going.until.is_none() {
            return;
        }
        let retry = planned.undo.as_ref().map(|undo| undo.retry);
        match outcome {
            Attempt::Ok { .. } => self.taken_back_was(now, &going, None),
            Attempt::Failed { why } | Attempt::TimedOut { why } => match retry {
                Some(retry) if attempt < retry.attempts => {
                    let again = Some(now + retry.delay.duration());
                    self.taken_back.now = Some(Going { until: None, again, ..going });
                }
                _ => self.taken_back_was(now, &going, Some(why.clone())),
            },
        }
    }

    /// Whoever made the attempt that is under way is gone, and it may be half done: it is made once more. Half a way
    /// back is worse than one that was gone twice.
    pub fn on_restarted(&mut self, now: Duration) {
        if let Some(going) = &mut self.taken_back.now
            && going.until.take().is_some()
        {
            going.again = Some(now);
        }
    }

    fn taken_back_was(&mut self, now: Duration, going: &Going, failed: Option<String>) {
        let step = self.book.steps[going.place].id.clone();
        match &failed {
            None => self.taken_back.done.push(step.clone()),
            Some(why) => self.taken_back.failed.push((step.clone(), why.clone())),
        }
        self.note(Noted::Undone { step, failed });
        self.taken_back.now = None;
        self.take_back_next(now, going.impact);
    }
}
