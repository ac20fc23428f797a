//! One step of a playbook on the board: how far it is, and what it asks of people.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::playbook::PlaybookBoard;
use crate::playbook::event::StepResult;
use crate::playbook::plan::{Action, Question, Step};
use crate::playbook::progress::Visit;

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Not entered yet, or never.
    Pending,
    /// It waits for people.
    Asking,
    /// An attempt is under way.
    Running,
    /// An attempt failed; the next one waits for its time.
    Retrying,
    /// It is waited until a probe is good.
    Watching,
    /// It was done; what verifies it is looked at.
    Verifying,
    /// Done; nothing had to verify it.
    Done,
    /// Done, and what verifies it turned good.
    Verified,
    /// It failed.
    Failed,
    /// Done, but what verifies it did not turn good.
    NotVerified,
    /// It did not end in time.
    TimedOut,
    /// It was not done.
    Skipped,
}

impl StepState {
    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Asking => "asks people",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Watching => "watching",
            Self::Verifying => "verifying",
            Self::Done => "done",
            Self::Verified => "verified",
            Self::Failed => "failed",
            Self::NotVerified => "not verified",
            Self::TimedOut => "timed out",
            Self::Skipped => "skipped",
        }
    }

    /// Whether it is under way.
    pub const fn is_on(self) -> bool {
        match self {
            Self::Asking | Self::Running | Self::Retrying | Self::Watching | Self::Verifying => true,
            Self::Pending
            | Self::Done
            | Self::Verified
            | Self::Failed
            | Self::NotVerified
            | Self::TimedOut
            | Self::Skipped => false,
        }
    }
}

/// How far the way back of a step is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum WayBack {
    /// It has none, or it is not its time.
    NotTaken,
    /// It will be gone.
    Planned,
    /// It is being gone.
    Going,
    /// The step was taken back.
    Done,
    /// The step could not be taken back.
    Failed {
        /// Why.
        why: String,
    },
}

/// What a visit is at, and when that ends.
#[derive(Clone, Debug)]
pub(super) struct Doing {
    pub(super) state: StepState,
    pub(super) until: Option<Duration>,
    /// Why the last attempt failed.
    pub(super) failed: Option<String>,
}

impl Doing {
    pub(super) const fn nothing() -> Self {
        Self { state: StepState::Pending, until: None, failed: None }
    }

    /// What the step does is done; what verifies it, if anything does, comes next.
    pub(super) fn verify(&mut self, step: &Step, now: Duration) {
        if let Some(verify) = &step.verify {
            self.state = StepState::Verifying;
            self.until = Some(now + verify.within.duration());
        }
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepLine {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: Option<String>,
    /// Who does it.
    pub role: Option<String>,
    /// What it does: `manual`, `http`, …
    pub kind: &'static str,
    /// How far it is.
    pub state: StepState,
    /// When it was entered the last time.
    pub entered: Option<Duration>,
    /// When it was over.
    pub ended: Option<Duration>,
    /// When what goes on now is given up, or when the next attempt is made.
    pub until: Option<Duration>,
    /// How many attempts were begun.
    pub attempts: u32,
    /// How many it may have.
    pub attempts_max: u32,
    /// How many times it was entered.
    pub visits: usize,
    /// Who answered it, or is on it.
    pub who: Option<String>,
    /// Why it failed or was skipped; while it retries: why the last attempt failed.
    pub why: Option<String>,
    /// How far its way back is.
    pub way_back: WayBack,
}

/// What people are asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The step.
    pub step: String,
    /// Its title.
    pub title: Option<String>,
    /// Whether it is an approval.
    pub is_approval: bool,
    /// What is to be done; empty for an approval.
    pub text: String,
    /// Where to look.
    pub links: Vec<String>,
    /// What must be answered.
    pub questions: Vec<Question>,
    /// The roles that may answer it; empty: anybody.
    pub roles: Vec<String>,
    /// Who is on it.
    pub who: Option<String>,
    /// How many times somebody was stuck.
    pub stuck: u32,
    /// Who agreed so far.
    pub agreed: Vec<String>,
    /// How many must agree.
    pub needed: u32,
    /// Since when it waits.
    pub since: Duration,
    /// When it is given up.
    pub until: Duration,
    /// When it has taken longer than it should.
    pub budget_until: Option<Duration>,
}

impl Ask {
    pub(super) fn of(board: &PlaybookBoard, visit: &Visit, until: Duration) -> Self {
        let step = &board.book.steps[visit.step];
        let (text, questions, roles, needed) = match &step.action {
            Action::Manual { text, questions } => {
                (board.shown(text), questions.clone(), step.role.iter().cloned().collect(), 1)
            }
            Action::Approve { from, count } => (String::new(), Vec::new(), from.clone(), *count),
            _ => (String::new(), Vec::new(), Vec::new(), 1),
        };
        Self {
            step: step.id.clone(),
            title: step.title.clone(),
            is_approval: matches!(step.action, Action::Approve { .. }),
            text,
            links: step.links.iter().map(|link| board.shown(link)).collect(),
            questions,
            roles,
            who: visit.who.clone(),
            stuck: visit.stuck,
            agreed: visit.agreed.iter().cloned().collect(),
            needed,
            since: visit.entered,
            until,
            budget_until: step.budget.map(|budget| visit.entered + budget.duration()),
        }
    }
}

/// The step at this place as it stands.
pub(super) fn line(board: &PlaybookBoard, place: usize) -> StepLine {
    let step = &board.book.steps[place];
    let visits = board.visits.iter().filter(|visit| visit.step == place);
    let last = visits.clone().next_back();
    let finished = last.and_then(|visit| visit.finished.as_ref());
    let doing = last.filter(|visit| visit.finished.is_none()).map(|_| &board.doing);
    let why = match finished.map(|(_, result)| result) {
        Some(StepResult::Ok { .. }) => None,
        Some(
            StepResult::Failed { why }
            | StepResult::NotVerified { why }
            | StepResult::TimedOut { why }
            | StepResult::Skipped { why },
        ) => Some(why.clone()),
        None => doing.and_then(|doing| doing.failed.clone()),
    };
    StepLine {
        id: step.id.clone(),
        title: step.title.clone(),
        role: last.and_then(|last| last.role.clone()).or_else(|| step.role.clone()),
        kind: step.action.kind(),
        state: match finished {
            Some((_, result)) => over(result),
            None => doing.map_or(StepState::Pending, |doing| doing.state),
        },
        entered: last.map(|last| last.entered),
        ended: finished.map(|(at, _)| *at),
        until: doing.and_then(|doing| doing.until),
        attempts: last.map_or(0, |last| last.attempts),
        attempts_max: step.retry.attempts,
        visits: visits.count(),
        who: last.and_then(|last| last.who.clone()),
        why,
        way_back: board.ways_back[place].clone(),
    }
}

const fn over(result: &StepResult) -> StepState {
    match result {
        StepResult::Ok { verified: true } => StepState::Verified,
        StepResult::Ok { verified: false } => StepState::Done,
        StepResult::Failed { .. } => StepState::Failed,
        StepResult::NotVerified { .. } => StepState::NotVerified,
        StepResult::TimedOut { .. } => StepState::TimedOut,
        StepResult::Skipped { .. } => StepState::Skipped,
    }
}
