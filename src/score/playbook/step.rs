//! What one step was worth: how it ended, who did it, and how long that took.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::course::Course;
use super::word::StepOutcome;
use crate::drill::summary::{is_cut, is_left_out};
use crate::fault::Period;
use crate::playbook::event::StepResult;
use crate::playbook::plan::{Action, Step};
use crate::playbook::progress::{Progress, Visit};

/// One time that a step was entered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepScore {
    /// Its id.
    pub id: String,
    /// What it does: `manual`, `http`, ….
    pub kind: String,
    /// Whether it changes the system under test.
    pub mutates: bool,
    /// Whether a person does it.
    pub by_people: bool,
    /// How it ended.
    pub outcome: StepOutcome,
    /// Whether something verified it.
    pub verified: bool,
    /// Why it did not end well.
    pub why: Option<String>,
    /// As whom it was answered; else who should do it.
    pub role: Option<String>,
    /// Who answered it last.
    pub who: Option<String>,
    /// How many attempts were begun.
    pub attempts: u32,
    /// When it was entered, since the drill began.
    pub entered: Duration,
    /// When what it does was done, its verification not counted.
    pub acted: Option<Duration>,
    /// How long it took in all.
    pub took: Duration,
    /// How much of that was waiting.
    pub waited: Duration,
    /// How much of that was work.
    pub worked: Duration,
    /// How long it should take.
    pub budget: Option<Period>,
    /// By how much it took longer.
    pub over_budget: Option<Duration>,
    /// How many questions were answered.
    pub answers: u64,
    /// How many times somebody was stuck.
    pub stuck: u32,
}

impl StepScore {
    /// The `n`-th visit of the playbook.
    pub(super) fn of(playbook: &Progress, n: usize, course: &Course) -> Self {
        let visit = &playbook.visits()[n];
        let step = playbook.step(visit);
        let end = visit.finished.as_ref().map_or(course.end, |(at, _)| *at).max(visit.entered);
        let took = end - visit.entered;
        let worked = worked(step, visit, end, n, course).min(took);
        let over_budget = step.budget.and_then(|budget| took.checked_sub(budget.duration()));
        let (outcome, why) = outcome(playbook, visit);
        Self {
            id: step.id.clone(),
            kind: step.action.kind().to_owned(),
            mutates: step.mutates,
            by_people: step.action.needs_people(),
            outcome,
            verified: matches!(visit.finished, Some((_, StepResult::Ok { verified: true }))),
            why,
            role: visit.role.clone().or_else(|| step.role.clone()),
            who: visit.who.clone(),
            attempts: visit.attempts,
            entered: visit.entered,
            acted: visit.acted.filter(|_| visit.has_acted()),
            took,
            waited: took - worked,
            worked,
            budget: step.budget,
            over_budget: over_budget.filter(|over| !over.is_zero()),
            answers: visit.answers.len() as u64,
            stuck: visit.stuck,
        }
    }
}

fn outcome(playbook: &Progress, visit: &Visit) -> (StepOutcome, Option<String>) {
    let Some((_, result)) = &visit.finished else {
        return (StepOutcome::CutShort, Some("the journal ends".to_owned()));
    };
    let (outcome, why) = match result {
        StepResult::Ok { .. } => return (StepOutcome::Ok, None),
        StepResult::Failed { why } => (StepOutcome::Failed, why),
        StepResult::NotVerified { why } => (StepOutcome::NotVerified, why),
        StepResult::TimedOut { why } => (StepOutcome::TimedOut, why),
        StepResult::Skipped { why } if is_cut(playbook, visit) => (StepOutcome::CutShort, why),
        StepResult::Skipped { why } if is_left_out(playbook, visit) => (StepOutcome::LeftOut, why),
        StepResult::Skipped { why } => (StepOutcome::Skipped, why),
    };
    (outcome, Some(why.clone()))
}

/// The time in which somebody or something was at work. Nobody works while an approval or a probe is waited for.
fn worked(step: &Step, visit: &Visit, end: Duration, n: usize, course: &Course) -> Duration {
    let done = visit.acted.unwrap_or(end).min(end);
    match &step.action {
        Action::Approve { .. } | Action::Probe(_) => Duration::ZERO,
        // Without a word that somebody took it on, nobody can tell waiting from work; whoever answered it worked.
        Action::Manual { .. } if visit.who.is_some() => {
            let from = course.taken.get(&n).copied().unwrap_or(visit.entered);
            done.saturating_sub(from)
        }
        Action::Manual { .. } => Duration::ZERO,
        Action::Http { .. } | Action::Run { .. } | Action::Notify { .. } | Action::Host { .. } => {
            let answered = course.attempted.get(&n).map_or(&[][..], Vec::as_slice);
            let begun = answered.iter().map(|at| *at + step.retry.delay.duration());
            let begun = std::iter::once(visit.entered).chain(begun).take(visit.attempts as usize);
            let over = answered.iter().copied().chain(std::iter::once(done));
            begun.zip(over).map(|(from, to)| to.saturating_sub(from)).sum()
        }
    }
}
