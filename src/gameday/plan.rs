//! A game day resolved: its runs in order, what is looked at before, who agrees. Line 0 of its journal holds it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::preflight::PreflightItem;
use super::schedule::{Due, Schedule};
use crate::fault::{Period, Seed};
use crate::scenario::plan::Control;

/// What will happen on one game day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DayPlan {
    /// The name of its file; occurrences share it.
    pub gameday: String,
    /// One sentence for people.
    pub title: Option<String>,
    /// What it is to show.
    pub goal: Option<String>,
    /// What it is for.
    #[serde(rename = "type")]
    pub purpose: Option<Purpose>,
    /// Where all of its drills run; absent: each alone.
    pub environment: Option<String>,
    /// Where the order, the gaps and the seeds of the drills come from.
    pub seed: Seed,
    /// When; absent: when somebody starts it.
    pub schedule: Option<Schedule>,
    /// This occurrence of the schedule; absent: somebody starts it.
    pub due: Option<Due>,
    /// Who leads it, by name.
    pub facilitator: Option<String>,
    /// Who must agree.
    pub approvals: Approvals,
    /// What is looked at before the first inject.
    pub preflight: Vec<PreflightItem>,
    /// The runs in the order in which they happen, numbered from 1.
    pub runs: Vec<Run>,
    /// What is asked after the last one.
    pub review: Review,
    /// Where the report goes, beside the store.
    pub report: ReportTo,
    /// What the files ask for and this version does not act on, for people.
    pub not_acted_on: Vec<String>,
}

impl DayPlan {
    /// The run with this number.
    pub fn run(&self, number: u32) -> Option<&Run> {
        self.runs.iter().find(|run| run.number == number)
    }

    /// How long all runs take with the gaps before them, where nothing goes on longer than planned.
    pub fn estimate(&self) -> std::time::Duration {
        self.runs.iter().map(|run| run.gap.duration() + run.what.estimate().duration()).sum()
    }
}

/// One inject at its place in the day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Its place, from 1.
    pub number: u32,
    /// Which entry of `injects`, from 1.
    pub inject: u32,
    /// How long is waited before it, counted from the end of the one before; zero for the first.
    pub gap: Period,
    /// What happens.
    pub what: RunWhat,
}

/// What happens in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RunWhat {
    /// A drill.
    Drill {
        /// Of which scenario.
        scenario: String,
        /// Its title, for people.
        title: Option<String>,
        /// Whether it is a placebo.
        control: Option<Control>,
        /// Where its random decisions come from.
        seed: Seed,
        /// The longest that its faults are planned to last, with what comes before and after.
        estimate: Period,
    },
    /// A question to the people in the room.
    Ask {
        /// What is asked.
        text: String,
    },
}

impl RunWhat {
    /// How long it is planned to take; nothing is planned for a question.
    pub const fn estimate(&self) -> Period {
        match self {
            Self::Drill { estimate, .. } => *estimate,
            Self::Ask { .. } => Period::ZERO,
        }
    }

    /// The name for people: the scenario's, or that it is a question.
    pub fn name(&self) -> &str {
        match self {
            Self::Drill { scenario, .. } => scenario,
            Self::Ask { .. } => "question",
        }
    }
}

/// What a game day is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To find out what nobody knows yet.
    Explore,
    /// To train people.
    Train,
    /// To see whether an incident of the past could come again.
    PastOutage,
    /// To make alarms better.
    TuneObservability,
    /// To see whether a service is ready.
    Readiness,
    /// To practise what is known.
    Kata,
}

/// Who must agree before a game day may begin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approvals {
    /// How many persons; 0: nobody is asked.
    pub count: u32,
    /// Out of these groups or persons; empty: anybody.
    pub from: Vec<String>,
    /// How long an approval counts; absent: until the day begins.
    pub expires: Option<Period>,
}

/// What is asked after the last inject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// How soon it should be over; absent: whenever.
    pub within: Option<Period>,
    /// The questions, in this order.
    pub questions: Vec<String>,
    /// What must be there before the day can be closed.
    pub close_requires: Vec<CloseRequires>,
}

/// What must be there before a game day can be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CloseRequires {
    /// Every question of the review has an answer.
    Review,
    /// Every finding has an owner.
    FindingOwners,
    /// Every finding has a date by which it is drilled again.
    RedrillDates,
}

/// Where the report goes, beside the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportTo {
    /// In which forms; empty: all.
    pub formats: Vec<ReportFormat>,
    /// Folders, as written.
    pub dirs: Vec<String>,
    /// Whether people are named.
    pub names: bool,
}

/// A form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportFormat {
    /// A page.
    Html,
    /// A text.
    Markdown,
    /// For programs.
    Json,
    /// For CI.
    Junit,
}
