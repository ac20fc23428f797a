//! How a playbook stands, in the words of the control socket.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::wire::micros;
use crate::fault::Period;
use crate::playbook::event::{Ending, StepResult};
use crate::playbook::plan::{Action, Answer, Question, Step};
use crate::playbook::progress::{Progress, State, Visit};

/// A playbook and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaybookStatus {
    /// Its name.
    pub name: String,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where it is.
    pub state: PlaybookState,
    /// Its steps, in file order.
    pub steps: Vec<StepStatus>,
}

/// Where a playbook is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum PlaybookState {
    /// Nothing started it.
    Waiting {},
    /// It runs.
    Running {
        /// Started by what, in words.
        by: String,
        /// Since when, counted from the drill's begin.
        since: Period,
    },
    /// It is over.
    Over {
        /// How, in words.
        ending: String,
        /// Whether it went to its end.
        completed: bool,
    },
}

/// A step and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepStatus {
    /// Its id.
    pub id: String,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it does, by the word of files: `manual`, `run`, …
    pub kind: String,
    /// Who does it; of an approval, who may agree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Where it is.
    pub state: StepState,
    /// How often it was entered.
    pub visits: u32,
    /// What a person is to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What they must answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// What they answered.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, Answer>,
    /// Who answered, or has it in hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// Where to look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
}

/// Where a step is, by its last visit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum StepState {
    /// It was not entered.
    Ahead {},
    /// It waits for a person.
    Asked {
        /// Since when, counted from the drill's begin.
        since: Period,
        /// How many people agreed so far (of an approval).
        agreed: u32,
        /// How many must.
        needed: u32,
    },
    /// It is being done.
    Running {
        /// Since when, counted from the drill's begin.
        since: Period,
        /// Which attempt.
        attempt: u32,
    },
    /// It was done, and it is measured whether that helped.
    Verifying {},
    /// It is over.
    Over {
        /// `ok`, `failed`, `timed_out` or `skipped`.
        outcome: String,
        /// Why, where it was not done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// Whether something verified it.
        #[serde(default)]
        verified: bool,
    },
}

impl PlaybookStatus {
    /// A playbook as a status.
    pub fn of(progress: &Progress) -> Self {
        let book = progress.book();
        let state = match progress.state() {
            State::Waiting => PlaybookState::Waiting {},
            State::Running { since, by } => PlaybookState::Running { by: by.words(), since: micros(*since) },
            State::Over { ending, .. } => PlaybookState::Over {
                ending: match ending {
                    Ending::Completed {} => "completed".into(),
                    Ending::Failed { step, why } => format!("failed at `{step}`: {why}"),
                    Ending::CutShort { why } => format!("cut short: {why}"),
                },
                completed: matches!(ending, Ending::Completed {}),
            },
        };
        let steps = book.steps.iter().enumerate().map(|(place, step)| {
            let visits: Vec<&Visit> = progress.visits().iter().filter(|visit| visit.step == place).collect();
            StepStatus::of(step, &visits)
        });
        let steps = steps.collect();
        Self { name: book.name.clone(), title: book.title.clone(), state, steps }
    }

    /// The step that waits for a person.
    pub fn asked(&self) -> Option<&StepStatus> {
        self.steps.iter().find(|step| matches!(step.state, StepState::Asked { .. }))
    }
}

impl StepStatus {
    fn of(step: &Step, visits: &[&Visit]) -> Self {
        let last = visits.last();
        let (roles, text, questions) = match &step.action {
            Action::Manual { text, questions } => {
                (step.role.iter().cloned().collect(), Some(text.clone()), questions.clone())
            }
            Action::Approve { from, .. } => (from.clone(), None, Vec::new()),
            Action::Http { .. }
            | Action::Run { .. }
            | Action::Probe(_)
            | Action::Notify { .. }
            | Action::Host { .. } => (step.role.iter().cloned().collect(), None, Vec::new()),
        };
        Self {
            id: step.id.clone(),
            title: step.title.clone(),
            kind: step.action.kind().to_owned(),
            roles,
            state: last.map_or(StepState::Ahead {}, |visit| StepState::of(step, visit)),
            visits: u32::try_from(visits.len()).unwrap_or(u32::MAX),
            text,
            questions,
            answers: last.map(|visit| visit.answers.clone()).unwrap_or_default(),
            who: last.and_then(|visit| visit.who.clone()),
            links: step.links.clone(),
        }
    }
}

impl StepState {
    fn of(step: &Step, visit: &Visit) -> Self {
        let since = micros(visit.entered);
        if let Some((_, result)) = &visit.finished {
            let why = match result {
                StepResult::Ok { .. } => None,
                StepResult::Failed { why }
                | StepResult::NotVerified { why }
                | StepResult::TimedOut { why }
                | StepResult::Skipped { why } => Some(why.clone()),
            };
            let verified = matches!(result, StepResult::Ok { verified: true });
            return Self::Over { outcome: result.word().to_owned(), why, verified };
        }
        if visit.waits_for_people() {
            let needed = match &step.action {
                Action::Approve { count, .. } => *count,
                _ => 1,
            };
            let agreed = u32::try_from(visit.agreed.len()).unwrap_or(u32::MAX);
            return Self::Asked { since, agreed, needed };
        }
        if visit.is_being_verified() {
            return Self::Verifying {};
        }
        Self::Running { since, attempt: visit.attempts }
    }
}
