//! What a game day came to: its runs with their verdicts, where the time went, what is to be mended.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{DrillEnded, DrillWords};
use super::finding::{Finding, FindingKind};
use super::plan::{Run, RunWhat};
use super::record::DayState;
use super::state::{Day, ReviewAnswer, RunState, Stopped};
use crate::drill::summary::most_urgent;
use crate::scenario::plan::Control;

/// What a game day came to, as far as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The name of its file.
    pub gameday: String,
    /// One sentence for people.
    pub title: Option<String>,
    /// Where it is.
    pub state: DayState,
    /// Who stopped it, and why, if somebody did.
    pub stopped: Option<Stopped>,
    /// When the first inject was let begin.
    pub began: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// One row for each run, in their order.
    pub rows: Vec<Row>,
    /// How many runs are over.
    pub done: u32,
    /// The phase that ate the most time; absent: no drill has any.
    pub constraint: Option<Constraint>,
    /// How many alarms reached somebody.
    pub pages: u32,
    /// What is to be mended, but for our own faults.
    pub findings: Vec<Finding>,
    /// Our own faults: drills that prove nothing, or never ran.
    pub drill_defects: Vec<Finding>,
    /// The questions of the review with their answers.
    pub review: Vec<Reviewed>,
    /// The exit status of the most urgent drill; 0: all passed.
    pub exit: u8,
}

/// One run and what came of it. Words that a run does not have are absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Its number.
    pub run: u32,
    /// The scenario's name, or what was asked.
    pub name: String,
    /// Whether it is a placebo.
    pub control: Option<Control>,
    /// How far it is: `pending`, `waiting`, `beginning`, `running`, `ended`, `answered`, or `not-run` once the day is
    /// over.
    pub state: String,
    /// The drill's id.
    pub drill: Option<String>,
    /// Its results.
    pub words: Option<DrillWords>,
    /// Its exit status.
    pub exit: Option<u8>,
    /// Why it never had results.
    pub why: Vec<String>,
    /// What was answered, and by whom.
    pub answer: Option<String>,
    /// When it began.
    pub began: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
}

/// The phase that ate the most time: making anything else faster helps less.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Constraint {
    /// Which.
    pub phase: String,
    /// How long it took in all drills together.
    pub seconds: f64,
    /// Which share of the time of all phases that is, from 0 to 1.
    pub share: f64,
    /// Over how many drills.
    pub drills: u32,
}

/// A question of the review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reviewed {
    /// The question.
    pub question: String,
    /// The answer, when there is one.
    pub answer: Option<ReviewAnswer>,
}

impl Summary {
    /// What a day came to. `drills`: the words of drills by their id where they were worked out anew; of the others
    /// count those that were journalled.
    pub fn of(day: &Day, drills: &BTreeMap<String, DrillWords>) -> Self {
        let plan = day.plan();
        let runs = plan.runs.iter().zip(day.runs());
        let rows: Vec<Row> = runs.map(|(run, state)| row(day, run, state, drills)).collect();
        let is_defect = |finding: &&Finding| finding.kind == FindingKind::DrillDefect;
        let (drill_defects, findings): (Vec<&Finding>, Vec<&Finding>) =
            day.findings().iter().partition(is_defect);
        let over = |row: &&Row| row.exit.is_some() || row.answer.is_some();
        let questions = plan.review.questions.iter().zip(day.answers());
        Self {
            gameday: plan.gameday.clone(),
            title: plan.title.clone(),
            state: day.state(),
            stopped: day.stopped().cloned(),
            began: day.began(),
            ended: day.ended(),
            done: u32::try_from(rows.iter().filter(over).count()).unwrap_or(u32::MAX),
            constraint: constraint(rows.iter().filter_map(|row| row.words.as_ref())),
            pages: rows.iter().filter_map(|row| row.words.as_ref()).map(|words| words.pages).sum(),
            findings: findings.into_iter().cloned().collect(),
            drill_defects: drill_defects.into_iter().cloned().collect(),
            review: questions
                .map(|(question, answer)| Reviewed { question: question.clone(), answer: answer.clone() })
                .collect(),
            // A day that was skipped proves nothing, and one that was stopped not all of it, however its runs went.
            exit: most_urgent(
                rows.iter()
                    .filter_map(|row| row.exit)
                    .chain(day.stopped().map(|stopped| if stopped.missed { 6 } else { 5 }))
                    .filter(|exit| *exit != 0),
            ),
            rows,
        }
    }
}

fn row(day: &Day, run: &Run, state: &RunState, drills: &BTreeMap<String, DrillWords>) -> Row {
    let (name, control) = match &run.what {
        RunWhat::Drill { scenario, control, .. } => (scenario.clone(), *control),
        RunWhat::Ask { text } => (text.clone(), None),
    };
    let never = day.state().is_over() && matches!(state, RunState::Pending {} | RunState::Waiting { .. });
    let word = if never { "not-run" } else { state.word() };
    let mut row = Row {
        run: run.number,
        name,
        control,
        state: word.to_owned(),
        drill: None,
        words: None,
        exit: None,
        why: Vec::new(),
        answer: None,
        began: None,
        ended: None,
    };
    match state {
        RunState::Pending {} | RunState::Waiting { .. } | RunState::Ordered {} => {}
        RunState::Running { drill, since } => {
            row.drill.clone_from(drill);
            row.began = Some(*since);
        }
        RunState::Ended { since, at, ended } => {
            let DrillEnded { drill, exit, words, why } = ended.as_ref();
            let anew = drill.as_ref().and_then(|id| drills.get(id));
            (row.drill, row.exit, row.why) = (drill.clone(), Some(*exit), why.clone());
            row.words = anew.or(words.as_ref()).cloned();
            (row.began, row.ended) = (*since, Some(*at));
        }
        RunState::Answered { since, at, who, answer } => {
            row.answer = Some(format!("{who}: {answer}"));
            (row.began, row.ended) = (Some(*since), Some(*at));
        }
    }
    row
}

fn constraint<'a>(drills: impl Iterator<Item = &'a DrillWords>) -> Option<Constraint> {
    let (mut sums, mut count) = (Vec::<(&str, f64)>::new(), 0);
    for words in drills {
        count += u32::from(!words.phases.is_empty());
        for took in &words.phases {
            match sums.iter_mut().find(|(phase, _)| *phase == took.phase) {
                Some((_, sum)) => *sum += took.seconds,
                None => sums.push((&took.phase, took.seconds)),
            }
        }
    }
    let all: f64 = sums.iter().map(|(_, sum)| sum).sum();
    // Of equals the earlier phase is named.
    let (phase, seconds) = sums.into_iter().rev().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (all > 0.0).then(|| Constraint { phase: phase.to_owned(), seconds, share: seconds / all, drills: count })
}
