//! The report as JSON: all that the other forms are made of, for programs.

use schemars::JsonSchema;
use serde::Serialize;

use super::story::Story;
use super::timeline::Timeline;
use super::{Report, ReportError};
use crate::score::Scorecard;

/// The version of the form below.
pub const VERSION: u32 = 1;

/// `report.json`.
#[derive(Debug, Serialize, JsonSchema)]
struct Document<'a> {
    /// The version of this form.
    version: u32,
    /// The drill's id.
    drill: &'a str,
    /// The version of firedrill that ran it.
    firedrill: &'a str,
    /// The scenario's name.
    scenario: &'a str,
    /// Its title.
    title: Option<&'a str>,
    /// Where it ran.
    environment: Option<&'a str>,
    /// The name of the playbook that it used.
    playbook: Option<&'a str>,
    /// When it began, by the wall clock of its host.
    began: jiff::Timestamp,
    /// The record that all of it is computed from.
    journal: Journal<'a>,
    /// What it came to, in plain words.
    story: Story,
    /// What it was worth.
    scorecard: &'a Scorecard,
    /// What happened when.
    timeline: &'a Timeline,
}

/// The record that all of it is computed from.
#[derive(Debug, Serialize, JsonSchema)]
struct Journal<'a> {
    /// How many lines it has.
    lines: u64,
    /// The hash of its last line.
    head: &'a str,
    /// Whether it was closed.
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

/// The JSON Schema of `report.json`. A program that reads version 1 can read every later file of version 1: what is added
/// does not raise the number, what changes or goes does.
pub fn schema() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Document<'_>>()
        .to_value()
}
