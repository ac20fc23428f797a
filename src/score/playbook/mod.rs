//! What the playbook of one drill was worth.

mod objective;
mod recovery;
mod step;
mod word;

pub use objective::{Objective, Objectives};
pub use recovery::Recovery;
pub use step::StepScore;
pub(super) use word::NUMBERS;
pub use word::{ObjectiveWord, RecoveryPhase, StepOutcome};

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::course::Course;
use super::share::{Share, round};
use crate::drill::summary::{Deviation as Difference, PlaybookResult, RestoredBy, Summary};
use crate::drill::{Drill, alarm::AlarmKind};
use crate::playbook::event::{Ending, StartedBy};
use crate::playbook::progress::{Progress, State};

/// The most actions that are listed; all of them count.
const ACTIONS_MAX: usize = 1_000;

/// What the playbook was worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaybookScore {
    /// Its name.
    pub name: String,
    /// In one word.
    pub result: PlaybookResult,
    /// What brought the service back.
    pub restored_by: RestoredBy,
    /// What started it; absent: nothing did.
    pub started_by: Option<StartedBy>,
    /// Whether the alarm that started it is one of its triggers; absent when no alarm started it.
    pub right_alarm: Option<bool>,
    /// When it was started, since the drill began.
    pub started: Option<Duration>,
    /// From the impact to its start; zero when it was started before.
    pub time_to_start: Option<Duration>,
    /// How it ended; absent: it was never started, or the journal ends.
    pub ending: Option<Ending>,
    /// Its steps, each time that one was entered.
    pub steps: Vec<StepScore>,
    /// OK of those that were attempted.
    pub step_success: Share,
    /// The first step that failed, was not verified or timed out.
    pub first_failing: Option<String>,
    /// The step that took longest; of equals the first.
    pub longest_step: Option<String>,
    /// The work time of all manual steps.
    pub toil: Duration,
    /// How much of it is automatic.
    pub automation: Automation,
    /// How many times somebody was stuck.
    pub stuck: u64,
    /// By how much steps took longer than their budgets, together.
    pub over_budget: Duration,
    /// How far what was done was from what it says.
    pub deviation: Deviation,
    /// Where the time went.
    pub recovery: Recovery,
    /// What it promises.
    pub objectives: Objectives,
    /// What became of its changes.
    pub taken_back: TakenBack,
}

/// How much of a playbook is automatic: of the steps that were attempted, the automatic ones that are OK.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Automation {
    /// How many.
    pub steps: u64,
    /// Of how many.
    pub of: u64,
    /// Their ratio; absent of none.
    pub by_count: Option<f64>,
    /// The ratio of the time that they took; absent when no time passed.
    pub by_time: Option<f64>,
}

/// How far what was done was from what the playbook says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deviation {
    /// From 0 (as it says) to 1.
    pub share: f64,
    /// How many steps it led to.
    pub planned: u64,
    /// How many of these were carried out.
    pub carried_out: u64,
    /// What was done that no step says: each may be a step that is missing.
    pub actions: Vec<AdHoc>,
}

/// Something that was done and that no step says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct AdHoc {
    /// When, since the drill began.
    pub at: Duration,
    /// By whom.
    pub who: String,
    /// What.
    pub text: String,
}

/// What became of the playbook's changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TakenBack {
    /// Whether no way back failed.
    pub clean: bool,
    /// The steps whose changes were taken back.
    pub done: Vec<String>,
    /// Those whose changes could not be.
    pub failed: Vec<String>,
    /// Mutating steps without a way back.
    pub left: Vec<String>,
}

impl PlaybookScore {
    pub(super) fn of(drill: &Drill, summary: &Summary, course: &Course) -> Option<Self> {
        let playbook = drill.playbook()?;
        let (started, started_by) = match playbook.state() {
            State::Waiting => (None, None),
            State::Running { since, by } | State::Over { since, by, .. } => (Some(*since), Some(by.clone())),
        };
        let steps: Vec<StepScore> =
            (0..playbook.visits().len()).map(|n| StepScore::of(playbook, n, course)).collect();
        let attempted = || steps.iter().filter(|step| step.outcome.is_attempted());
        let ok = attempted().filter(|step| step.outcome == StepOutcome::Ok).count();
        let mut failing = attempted().filter(|step| step.outcome != StepOutcome::Ok);
        let longest = steps.iter().rev().max_by_key(|step| step.took);
        let toil = steps.iter().filter(|step| step.kind == "manual").map(|step| step.worked).sum();
        Some(Self {
            name: playbook.book().name.clone(),
            result: summary.playbook?,
            restored_by: summary.restored_by,
            right_alarm: right_alarm(drill, started_by.as_ref(), course),
            time_to_start: summary.times.impact.zip(started).map(|(from, to)| to.saturating_sub(from)),
            started,
            ending: playbook.ending().cloned(),
            step_success: Share::of(ok as u64, attempted().count() as u64),
            first_failing: failing.next().map(|step| step.id.clone()),
            longest_step: longest.map(|step| step.id.clone()),
            toil,
            automation: automation(&steps),
            stuck: steps.iter().map(|step| u64::from(step.stuck)).sum(),
            over_budget: steps.iter().filter_map(|step| step.over_budget).sum(),
            deviation: deviation(drill, course),
            recovery: Recovery::of(drill, summary, started_by.as_ref(), started, course),
            objectives: Objectives::of(playbook.book().objectives, summary, course),
            taken_back: taken_back(playbook),
            started_by,
            steps,
        })
    }
}

/// When the alarm came that started the playbook, and whether it fits one of its triggers.
fn calling(drill: &Drill, started_by: Option<&StartedBy>, course: &Course) -> Option<(Duration, bool)> {
    let Some(StartedBy::Alarm { name }) = started_by else { return None };
    let from = drill.injects().iter().filter_map(|inject| inject.applied).min()?;
    let (triggers, expected) = (&drill.playbook()?.book().triggers, &drill.plan().alarms.expected);
    course.said.iter().filter(|said| said.at >= from && said.alarm.kind == AlarmKind::Fired).find_map(
        |said| {
            let labels = &said.alarm.labels;
            let is_trigger = triggers.iter().any(|trigger| trigger.fits(labels));
            let calls = is_trigger || expected.iter().any(|expected| expected.matching.fits(labels));
            (calls && said.alarm.name() == name).then_some((said.at, is_trigger))
        },
    )
}

fn right_alarm(drill: &Drill, started_by: Option<&StartedBy>, course: &Course) -> Option<bool> {
    calling(drill, started_by, course).map(|(_, is_trigger)| is_trigger)
}

fn automation(steps: &[StepScore]) -> Automation {
    let attempted = || steps.iter().filter(|step| step.outcome.is_attempted());
    let automatic = || attempted().filter(|step| !step.by_people && step.outcome == StepOutcome::Ok);
    let (some, all) = (automatic().count(), attempted().count());
    let time: Duration = attempted().map(|step| step.took).sum();
    let of_them: Duration = automatic().map(|step| step.took).sum();
    Automation {
        steps: some as u64,
        of: all as u64,
        by_count: (all > 0).then(|| round(some as f64 / all as f64)),
        by_time: (!time.is_zero()).then(|| round(of_them.as_secs_f64() / time.as_secs_f64())),
    }
}

fn deviation(drill: &Drill, course: &Course) -> Deviation {
    let Some(difference) = Difference::of(drill) else { return Deviation::default() };
    let first = drill.injects().iter().filter_map(|inject| inject.applied).min().unwrap_or_default();
    let actions = course.actions.iter().filter(|action| action.at >= first);
    Deviation {
        share: round(difference.share()),
        planned: difference.planned as u64,
        carried_out: difference.carried_out as u64,
        actions: actions.take(ACTIONS_MAX).cloned().collect(),
    }
}

fn taken_back(playbook: &Progress) -> TakenBack {
    let taken_back = playbook.taken_back();
    TakenBack {
        clean: taken_back.failed.is_empty(),
        done: taken_back.done.clone(),
        failed: taken_back.failed.iter().map(|(step, _)| step.clone()).collect(),
        left: playbook.left_in_place().into_iter().map(str::to_owned).collect(),
    }
}
