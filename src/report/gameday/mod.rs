//! What a game day was, for readers: a pure function of its journal and of the reports of its drills.

mod headline;
mod history;
mod html;
mod json;
mod junit;
mod markdown;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use headline::Counts;
pub use history::{History, Past};
pub use html::html;
pub use json::{VERSION, json};
pub use junit::junit;
pub use markdown::markdown;

use super::Report;
use super::story::{Headline, Verdict, known};
use crate::drill::journal::{RawLine, whole_lines};
use crate::gameday::event::DrillWords;
use crate::gameday::preflight::ItemState;
use crate::gameday::replay::{CLOSED, Planned, ReplayError, replay};
use crate::gameday::summary::{Row, Summary};
use crate::gameday::{Approval, Note};
use crate::scenario::plan::Control;

/// The columns of the table: the key of a verdict, and what it is about.
pub const COLUMNS: [(&str, &str); 8] = [
    ("effect", "effect"),
    ("hypothesis", "hypothesis"),
    ("alarms", "alarms"),
    ("playbook", "playbook"),
    ("restored_by", "restored by"),
    ("contained", "contained"),
    ("clean", "clean"),
    ("drill", "valid"),
];

/// One game day for readers. Every form of its report is made from this and from nothing else.
#[derive(Clone, Debug)]
pub struct DayReport {
    /// What was planned, and the files that it was made from.
    pub planned: Planned,
    /// What it came to.
    pub summary: Summary,
    /// The one thing to remember.
    pub headline: Headline,
    /// One row for each run.
    pub runs: Vec<RunReport>,
    /// Who agreed.
    pub approvals: Vec<Approval>,
    /// What was looked at before: what, how it came out, and why.
    pub preflight: Vec<(String, ItemState)>,
    /// What was written down.
    pub notes: Vec<Note>,
    /// What is known of each of its scenarios from all drills.
    pub history: Vec<History>,
    /// When it was added.
    pub added: Timestamp,
    /// How many lines its journal has.
    pub lines: u64,
    /// The hash of its last line.
    pub head: String,
    /// Whether it was closed.
    pub closed: bool,
}

/// One run.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// What came of it.
    pub row: Row,
    /// The one thing to remember of its drill, where its journal is at hand.
    pub headline: Option<Headline>,
    /// Its verdicts by their keys, in the order of [`COLUMNS`]; absent: there is none.
    pub cells: Vec<Option<Verdict>>,
}

impl DayReport {
    /// Of a game day's journal, and of its drills by their ids: one that is missing is told by the words that the day
    /// journalled. `past`: the drills of its scenarios, these among them.
    ///
    /// # Errors
    /// The journal cannot be replayed.
    pub fn of(journal: &[u8], drills: &BTreeMap<String, Report>, past: &[Past]) -> Result<Self, ReplayError> {
        let (planned, day) = replay(journal)?;
        let summary = Summary::of(&day, &BTreeMap::new());
        let runs: Vec<RunReport> = summary.rows.iter().map(|row| run(row, drills)).collect();
        let texts = planned.plan.preflight.iter().map(|item| item.text.clone());
        let (mut added, mut lines, mut head, mut closed) = (Timestamp::UNIX_EPOCH, 0, String::new(), false);
        for (number, raw) in whole_lines(journal) {
            let line: RawLine<'_> =
                serde_json::from_slice(raw).map_err(|source| ReplayError::Line { line: number, source })?;
            if lines == 0 {
                added = line.at;
            }
            (lines, head, closed) = (line.seq + 1, line.hash.into_owned(), line.kind == CLOSED);
        }
        Ok(Self {
            headline: headline::of(&summary),
            preflight: texts.zip(day.items().iter().cloned()).collect(),
            approvals: day.approvals().to_vec(),
            notes: day.notes().to_vec(),
            history: history::of(&planned.plan, past),
            planned,
            summary,
            runs,
            added,
            lines,
            head,
            closed,
        })
    }

    /// The title for people.
    pub fn title(&self) -> &str {
        self.summary.title.as_deref().unwrap_or(&self.summary.gameday)
    }
}

fn run(row: &Row, drills: &BTreeMap<String, Report>) -> RunReport {
    let report = row.drill.as_ref().and_then(|id| drills.get(id));
    let story = report.map(super::story::Story::of);
    let cells = COLUMNS.iter().map(|(key, _)| match (&story, &row.words) {
        // A placebo is meant to have none.
        _ if *key == "effect" && row.control.is_some() => None,
        (Some(story), _) => story.verdicts.iter().find(|verdict| verdict.key == *key).cloned(),
        (None, Some(words)) => word(words, key).and_then(|word| known(key, word)),
        (None, None) => None,
    });
    RunReport { row: row.clone(), cells: cells.collect(), headline: story.map(|story| story.headline) }
}

/// A drill's word for a key.
fn word<'a>(words: &'a DrillWords, key: &str) -> Option<&'a str> {
    match key {
        "effect" => Some(&words.effect),
        "hypothesis" => Some(&words.hypothesis),
        "alarms" => words.alarms.as_deref(),
        "playbook" => words.playbook.as_deref(),
        "restored_by" => Some(&words.restored_by),
        "contained" => Some(&words.contained),
        "clean" => Some(if words.clean { "yes" } else { "no" }),
        "drill" => Some(if words.valid { "valid" } else { "invalid" }),
        _ => None,
    }
}

/// The word for a placebo.
const fn control(control: Control) -> &'static str {
    match control {
        Control::Sham => "sham",
        Control::SubThreshold => "sub-threshold",
    }
}
