//! What a drill was, for readers: a pure function of its journal, in every form that people and machines read.

mod chart;
mod compare;
pub mod gameday;
mod html;
mod json;
mod junit;
mod live;
mod markdown;
mod site;
pub mod story;
mod suite;
#[cfg(test)]
mod tests;
pub mod timeline;

pub use compare::{
    COMPARISON_VERSION, Comparison, Row, Section, Side, comparison_html, comparison_json, comparison_markdown,
};
pub use html::{STYLE, html, verdict};
pub use json::{VERSION, json, schema};
pub use junit::junit;
pub use live::Live;
pub use markdown::markdown;
pub use site::{Entry, Skipped, site};

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use jiff::Timestamp;
use serde::Deserialize;

use crate::drill::journal::{self, CLOSED, RawLine, Verified, each_line};
use crate::playbook::plan::Playbook;
use crate::scenario::plan::Plan;
use crate::score::{ScoreError, Scorecard, Scorer};
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
    /// It cannot be read.
    #[error("the journal cannot be read")]
    Read(#[from] io::Error),
}

/// What the data of a line say.
fn read<'a, T: Deserialize<'a>>(line: &RawLine<'a>) -> Result<T, ReportError> {
    serde_json::from_str(line.data.get()).map_err(|source| ReportError::Line { line: line.seq, source })
}

#[derive(Debug, Deserialize)]
struct Planned {
    drill: String,
    firedrill: String,
    plan: Plan,
    #[serde(default)]
    playbook: Option<Playbook>,
    #[serde(default)]
    inputs: Vec<Input>,
}

/// A report as it grows, line by line.
#[derive(Debug, Default)]
pub struct Reader {
    scorer: Scorer,
    planned: Option<(Planned, Timestamp, timeline::Builder)>,
    lines: u64,
    head: String,
    closed: bool,
}

impl Reader {
    /// Takes in a line.
    ///
    /// # Errors
    /// It is not what this version reads.
    pub fn take(&mut self, line: &RawLine<'_>) -> Result<(), ReportError> {
        self.lines += 1;
        self.head.clear();
        self.head.push_str(&line.hash);
        self.closed = line.kind == CLOSED;
        let Some((_, _, builder)) = &mut self.planned else {
            self.scorer.take(line, |_| {})?;
            let first: Planned = read(line)?;
            let builder = timeline::Builder::new(&first.plan, first.playbook.as_ref());
            self.planned = Some((first, line.at, builder));
            return Ok(());
        };
        let mut is_event = false;
        self.scorer.take(line, |event| {
            is_event = true;
            builder.take_event(line, event);
        })?;
        if is_event { Ok(()) } else { builder.take(line) }
    }

    /// The report after the last line.
    ///
    /// # Errors
    /// There was no line that holds a plan.
    pub fn finish(self) -> Result<Report, ReportError> {
        let card = self.scorer.finish()?;
        let Some((Planned { drill, firedrill, plan, playbook, inputs }, began, builder)) = self.planned
        else {
            return Err(ReportError::Empty);
        };
        let timeline = builder.finish(&card);
        let (lines, head, closed) = (self.lines, self.head, self.closed);
        Ok(Report { drill, firedrill, began, plan, playbook, inputs, card, timeline, lines, head, closed })
    }
}

impl Report {
    /// Reads a journal. An unfinished last line is left out; whether it was changed is for
    /// [`verify`](crate::drill::journal::verify).
    ///
    /// # Errors
    /// It cannot be read or scored.
    pub fn of(journal: &[u8]) -> Result<Self, ReportError> {
        Self::read(journal)
    }

    /// The same, of a journal that need not fit into memory.
    ///
    /// # Errors
    /// It cannot be read or scored.
    pub fn read(journal: impl BufRead) -> Result<Self, ReportError> {
        let mut reader = Reader::default();
        each_line(journal, |number, line| {
            let line = line.map_err(|source| ReportError::Line { line: number, source })?;
            reader.take(&line)?;
            Ok::<_, ReportError>(ControlFlow::Continue(()))
        })?;
        reader.finish()
    }

    /// The same in one pass with the check of the journal, which a caller who shows the report to others wants first.
    ///
    /// # Errors
    /// The journal cannot be read at all. What is wrong with the report stands beside what is wrong with the journal.
    pub fn read_checked(journal: impl BufRead) -> io::Result<(Verified, Result<Self, ReportError>)> {
        let mut reader = Reader::default();
        let (verified, said) = journal::read_checked(journal, None, |number, line| {
            let line = line.map_err(|source| ReportError::Line { line: number, source })?;
            reader.take(&line)
        })?;
        Ok((verified, said.and_then(|()| reader.finish())))
    }
}
