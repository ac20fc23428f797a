//! How the playbook of a drill stands, in the words of the control socket.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wire::micros;
use crate::drill::board::{Ask, PlaybookBoard, Standing, StepLine, StepState, WayBack};
use crate::fault::Period;
use crate::playbook::plan::Question;
use crate::scenario::plan::PlaybookStart;

/// How the playbook stands. All times are counted from the beginning of the drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaybookStatus {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: Option<String>,
    /// Where it is.
    pub state: PlaybookState,
    /// What starts it.
    pub start: PlaybookStart,
    /// What started it.
    pub started_by: Option<String>,
    /// When it was started.
    pub started_at: Option<Period>,
    /// When it ended.
    pub ended_at: Option<Period>,
    /// How it ended.
    pub ending: Option<String>,
    /// Its steps, in file order.
    pub steps: Vec<StepStatus>,
    /// What people are asked now; absent: nothing.
    pub asks: Option<AskStatus>,
}

/// Where a playbook is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlaybookState {
    /// Nothing has started it.
    Waiting,
    /// It runs.
    Running,
    /// It is over.
    Over,
}

/// How a step stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepStatus {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: Option<String>,
    /// Who does it.
    pub role: Option<String>,
    /// What it does: `manual`, `http`, …
    pub kind: String,
    /// How far it is.
    pub state: StepState,
    /// When it was entered the last time.
    pub entered_at: Option<Period>,
    /// When it was over.
    pub ended_at: Option<Period>,
    /// How long until what goes on now is given up, or until the next attempt.
    pub left: Option<Period>,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AskStatus {
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
    /// The roles that may answer; empty: anybody.
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
    pub since: Period,
    /// How long until it is given up.
    pub left: Period,
    /// How long until it has taken longer than it should; zero: it has.
    pub budget_left: Option<Period>,
}

impl PlaybookStatus {
    /// The playbook of a board as a status.
    pub fn of(board: &PlaybookBoard, now: Duration) -> Self {
        let (state, started, ended) = match board.standing() {
            Standing::Waiting => (PlaybookState::Waiting, None, None),
            Standing::Running { since, by } => (PlaybookState::Running, Some((since, by)), None),
            Standing::Over { since, at, by, ending } => {
                (PlaybookState::Over, Some((since, by)), Some((at, ending)))
            }
        };
        Self {
            name: board.book().name.clone(),
            title: board.book().title.clone(),
            state,
            start: board.used().start,
            started_by: started.map(|(_, by)| by.words()),
            started_at: started.map(|(since, _)| micros(*since)),
            ended_at: ended.map(|(at, _)| micros(*at)),
            ending: ended.map(|(_, ending)| ending.words()),
            steps: board.steps().into_iter().map(|step| StepStatus::of(step, now)).collect(),
            asks: board.asks().map(|ask| AskStatus::of(ask, now)),
        }
    }
}

impl StepStatus {
    fn of(step: StepLine, now: Duration) -> Self {
        Self {
            id: step.id,
            title: step.title,
            role: step.role,
            kind: step.kind.to_owned(),
            state: step.state,
            entered_at: step.entered.map(micros),
            ended_at: step.ended.map(micros),
            left: step.until.map(|until| micros(until.saturating_sub(now))),
            attempts: step.attempts,
            attempts_max: step.attempts_max,
            visits: step.visits,
            who: step.who,
            why: step.why,
            way_back: step.way_back,
        }
    }
}

impl AskStatus {
    fn of(ask: Ask, now: Duration) -> Self {
        Self {
            step: ask.step,
            title: ask.title,
            is_approval: ask.is_approval,
            text: ask.text,
            links: ask.links,
            questions: ask.questions,
            roles: ask.roles,
            who: ask.who,
            stuck: ask.stuck,
            agreed: ask.agreed,
            needed: ask.needed,
            since: micros(ask.since),
            left: micros(ask.until.saturating_sub(now)),
            budget_left: ask.budget_until.map(|until| micros(until.saturating_sub(now))),
        }
    }
}
