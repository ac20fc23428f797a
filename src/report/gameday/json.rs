//! The game day's report as JSON.

use serde::Serialize;

use super::{DayReport, History};
use crate::gameday::preflight::ItemState;
use crate::gameday::summary::Summary;
use crate::gameday::{Approval, Note};
use crate::report::ReportError;
use crate::report::story::{Headline, Verdict};

/// The version of the form below.
pub const VERSION: u32 = 1;

#[derive(Debug, Serialize)]
struct Document<'a> {
    /// The version of this form.
    version: u32,
    gameday: &'a str,
    title: &'a str,
    environment: Option<&'a str>,
    headline: &'a Headline,
    summary: &'a Summary,
    runs: Vec<Run<'a>>,
    preflight: Vec<Item<'a>>,
    approvals: &'a [Approval],
    notes: &'a [Note],
    history: &'a [History],
    not_acted_on: &'a [String],
    journal: Journal<'a>,
}

#[derive(Debug, Serialize)]
struct Run<'a> {
    run: u32,
    drill: Option<&'a str>,
    headline: Option<&'a Headline>,
    verdicts: Vec<&'a Verdict>,
}

#[derive(Debug, Serialize)]
struct Item<'a> {
    what: &'a str,
    state: &'a ItemState,
}

#[derive(Debug, Serialize)]
struct Journal<'a> {
    lines: u64,
    head: &'a str,
    closed: bool,
}

/// The whole report, the same bytes for the same journals.
///
/// # Errors
/// A number that JSON cannot hold.
pub fn json(report: &DayReport) -> Result<Vec<u8>, ReportError> {
    let runs = report.runs.iter().map(|run| Run {
        run: run.row.run,
        drill: run.row.drill.as_deref(),
        headline: run.headline.as_ref(),
        verdicts: run.cells.iter().flatten().collect(),
    });
    let document = Document {
        version: VERSION,
        gameday: &report.planned.id,
        title: report.title(),
        environment: report.planned.plan.environment.as_deref(),
        headline: &report.headline,
        summary: &report.summary,
        runs: runs.collect(),
        preflight: report.preflight.iter().map(|(what, state)| Item { what, state }).collect(),
        approvals: &report.approvals,
        notes: &report.notes,
        history: &report.history,
        not_acted_on: &report.planned.plan.not_acted_on,
        journal: Journal { lines: report.lines, head: &report.head, closed: report.closed },
    };
    let mut bytes = serde_json::to_vec_pretty(&document).map_err(ReportError::Json)?;
    bytes.push(b'\n');
    Ok(bytes)
}
