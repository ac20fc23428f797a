//! The game day's report as JUnit XML: a suite with one case for each run, red exactly where the exit status is.

use std::fmt::Write as _;

use super::DayReport;
use crate::gameday::summary::Row;
use crate::report::junit::escaped;

/// What became of a run.
enum Came {
    Passed,
    Failed(String),
    Error(String),
    Skipped(String),
}

/// The whole report.
pub fn junit(report: &DayReport) -> String {
    let cases: Vec<(&Row, Came)> = report.summary.rows.iter().map(|row| (row, came(row))).collect();
    let count = |wanted: fn(&Came) -> bool| cases.iter().filter(|(_, came)| wanted(came)).count();
    let (failures, errors) =
        (count(|c| matches!(c, Came::Failed(_))), count(|c| matches!(c, Came::Error(_))));
    let skipped = count(|c| matches!(c, Came::Skipped(_)));
    let (tests, name) = (cases.len(), escaped(&report.planned.id));
    let time: f64 = cases.iter().map(|(row, _)| took(row)).sum();
    let began = report.summary.began.unwrap_or(report.added).strftime("%Y-%m-%dT%H:%M:%S");
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuites name=\"firedrill\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" \
         time=\"{time:.3}\">\n  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" \
         errors=\"{errors}\" skipped=\"{skipped}\" time=\"{time:.3}\" timestamp=\"{began}\">"
    );
    for (row, came) in &cases {
        let open = format!(
            "    <testcase classname=\"firedrill.{name}\" name=\"{}\" time=\"{:.3}\"",
            escaped(&format!("{} {}", row.run, row.name)),
            took(row)
        );
        let (element, why) = match came {
            Came::Passed => {
                let _ = writeln!(xml, "{open}/>");
                continue;
            }
            Came::Failed(why) => ("failure", why),
            Came::Error(why) => ("error", why),
            Came::Skipped(why) => ("skipped", why),
        };
        let _ = writeln!(xml, "{open}>\n      <{element} message=\"{}\"/>\n    </testcase>", escaped(why));
    }
    let out = format!(
        "{} {} exit {}; journal head {}",
        report.headline.words, report.headline.sentence, report.summary.exit, report.head
    );
    let _ = writeln!(xml, "    <system-out>{}</system-out>\n  </testsuite>\n</testsuites>", escaped(&out));
    xml
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
