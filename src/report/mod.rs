//! What a drill was, for readers: a pure function of its journal, in every form that people and machines read.

mod chart;
mod html;
mod json;
mod junit;
mod live;
mod markdown;
pub mod story;
#[cfg(test)]
mod tests;
pub mod timeline;

pub use html::{STYLE, html};
pub use json::{VERSION, json};
pub use junit::junit;
pub use live::Live;
pub use markdown::markdown;

use jiff::Timestamp;
use serde::Deserialize;

use crate::drill::journal::{CLOSED, PLANNED, RawLine, whole_lines};
use crate::playbook::plan::Playbook;
use crate::scenario::plan::Plan;
use crate::score::{ScoreError, Scorecard};
use timeline::Timeline;

/// One drill for readers. Every form of the report is made from this and from nothing else.
#[derive(Clone, Debug)]
pub struct Report {
    /// The drill's id.
    pub drill: String,
    /// The version of firedrill that ran it.
    pub firedrill: String,
    /// When it began, by the wall clock of its host.
    pub began: Timestamp,
    /// What was planned.
    pub plan: Plan,
    /// The playbook that was planned.
    pub playbook: Option<Playbook>,
    /// The files that went into it.
    pub inputs: Vec<Input>,
    /// What it was worth.
    pub card: Scorecard,
    /// What happened when.
    pub timeline: Timeline,
    /// How many lines the journal has.
    pub lines: u64,
    /// The hash of the journal's last line; whoever holds it can tell that nothing before was changed.
    pub head: String,
    /// Whether the journal was closed.
    pub closed: bool,
}

/// A file that went into a drill.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Input {
    /// Its path as it was given or found.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Why a journal has no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It cannot be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// A line is not what this version reads.
    #[error("line {line} of the journal is not what this version reads")]
    Line {
        /// Which, from 0.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// It cannot be written as JSON.
    #[error("the report cannot be written")]
    Json(#[source] serde_json::Error),
    /// There is no line.
    #[error("the journal is empty")]
    Empty,
}

/// What the data of a line say.
fn read<'a, T: Deserialize<'a>>(line: &RawLine<'a>) -> Result<T, ReportError> {
    serde_json::from_str(line.data.get()).map_err(|source| ReportError::Line { line: line.seq, source })
}

#[derive(Deserialize)]
struct Planned {
    drill: String,
    firedrill: String,
    plan: Plan,
    #[serde(default)]
    playbook: Option<Playbook>,
    #[serde(default)]
    inputs: Vec<Input>,
}

impl Report {
    /// Reads a journal. An unfinished last line is left out; whether it was changed is for
    /// [`verify`](crate::drill::journal::verify).
    ///
    /// # Errors
    /// It cannot be read or scored.
    pub fn of(journal: &[u8]) -> Result<Self, ReportError> {
        let card = Scorecard::of(journal)?;
        let mut planned: Option<(Planned, Timestamp, timeline::Builder)> = None;
        let (mut lines, mut head, mut closed) = (0, String::new(), false);
        for (_, raw) in whole_lines(journal) {
            let line: RawLine<'_> =
                serde_json::from_slice(raw).map_err(|source| ReportError::Line { line: lines, source })?;
            lines += 1;
            head = line.hash.clone().into_owned();
            closed = line.kind == CLOSED;
            match &mut planned {
                None if line.kind == PLANNED => {
                    let first: Planned = read(&line)?;
                    let builder = timeline::Builder::new(&first.plan, first.playbook.as_ref());
                    planned = Some((first, line.at, builder));
                }
                None => return Err(ReportError::Empty),
                Some((_, _, builder)) => builder.take(&line)?,
            }
        }
        let Some((Planned { drill, firedrill, plan, playbook, inputs }, began, builder)) = planned else {
            return Err(ReportError::Empty);
        };
        let timeline = builder.finish(&card);
        Ok(Self { drill, firedrill, began, plan, playbook, inputs, card, timeline, lines, head, closed })
    }
}
