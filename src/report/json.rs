//! The report as JSON: all that the other forms are made of, for programs.

use serde::Serialize;

use super::story::Story;
use super::timeline::Timeline;
use super::{Report, ReportError};
use crate::score::Scorecard;

/// The version of the form below.
pub const VERSION: u32 = 1;

/// `report.json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    /// The version of this form.
    version: u32,
    drill: &'a str,
    firedrill: &'a str,
    scenario: &'a str,
    title: Option<&'a str>,
    environment: Option<&'a str>,
    playbook: Option<&'a str>,
    began: jiff::Timestamp,
    journal: Journal<'a>,
    story: Story,
    scorecard: &'a Scorecard,
    timeline: &'a Timeline,
}

/// The record that all of it is computed from.
#[derive(Debug, Serialize)]
struct Journal<'a> {
    lines: u64,
    head: &'a str,
    closed: bool,
}

/// The whole report, the same bytes for the same journal.
///
/// # Errors
/// A number that JSON cannot hold.
pub fn json(report: &Report) -> Result<Vec<u8>, ReportError> {
    let document = Document {
        version: VERSION,
        drill: &report.drill,
        firedrill: &report.firedrill,
        scenario: &report.plan.scenario,
        title: report.plan.title.as_deref(),
        environment: report.plan.environment.as_deref(),
        playbook: report.playbook.as_ref().map(|book| book.name.as_str()),
        began: report.began,
        journal: Journal { lines: report.lines, head: &report.head, closed: report.closed },
        story: Story::of(report),
        scorecard: &report.card,
        timeline: &report.timeline,
    };
    let mut bytes = serde_json::to_vec_pretty(&document).map_err(ReportError::Json)?;
    bytes.push(b'\n');
    Ok(bytes)
}
