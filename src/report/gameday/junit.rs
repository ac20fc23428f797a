//! The game day's report as JUnit XML: a suite with one case for each run, red exactly where the exit status is.

use super::DayReport;
use crate::gameday::summary::Row;
use crate::report::suite::{Came, Case, Suite};

/// The whole report.
pub fn junit(report: &DayReport) -> String {
    let case = |row: &Row| {
        let name = format!("{} {}", row.run, row.name);
        Case { group: None, name, seconds: Some(took(row)), came: came(row) }
    };
    let summary = &report.summary;
    let out = format!(
        "{} {} exit {}; journal head {}",
        report.headline.words, report.headline.sentence, summary.exit, report.head
    );
    let suite = Suite {
        name: &report.planned.id,
        seconds: summary.rows.iter().map(took).sum(),
        began: summary.began.unwrap_or(report.added),
        cases: summary.rows.iter().map(case).collect(),
        out,
    };
    suite.xml()
}

fn took(row: &Row) -> f64 {
    row.began.zip(row.ended).map_or(0.0, |(from, to)| to.duration_since(from).as_secs_f64().max(0.0))
}

fn came(row: &Row) -> Came {
    let reasons = row.words.as_ref().map_or(&row.why, |words| &words.reasons).join("; ");
    match (row.exit, &row.words) {
        (Some(0), _) => Came::Passed,
        (Some(6), _) | (Some(_), None) => Came::Error(reasons),
        (Some(_), Some(_)) => Came::Failed(reasons),
        (None, _) if row.answer.is_some() => Came::Passed,
        (None, _) => Came::Skipped(row.state.replace('-', " ")),
    }
}
