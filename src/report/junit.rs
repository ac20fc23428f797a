//! The report as JUnit XML, which every CI viewer reads: one test case for each verdict and each expectation.

use std::fmt::Write as _;

use super::Report;
use super::story::{Story, Tone};
use super::suite::{Came, Case, Suite};
use crate::score::Outcome;

/// The verdicts that the exit status depends on.
const COUNTING: [&str; 6] = ["alarms", "playbook", "hypothesis", "command", "clean", "drill"];

/// The whole report.
pub fn junit(report: &Report) -> String {
    let story = Story::of(report);
    let mut cases = Vec::new();
    let case =
        |group, name: &str, came| Case { group: Some(group), name: name.to_owned(), seconds: None, came };
    let summary = &report.card.summary;
    for verdict in &story.verdicts {
        let rule = || format!("{}: {}", verdict.word, verdict.rule);
        // A viewer must not show red where the exit status says that all is well.
        let counts = summary.exit != 0 && COUNTING.contains(&verdict.key.as_str());
        let came = match verdict.tone {
            Tone::Good => Came::Passed,
            Tone::Doubtful | Tone::Bad if counts && verdict.key == "drill" => Came::Error(rule()),
            Tone::Doubtful | Tone::Bad if counts => Came::Failed(rule()),
            Tone::Neutral | Tone::Doubtful | Tone::Bad => Came::Skipped(rule()),
        };
        cases.push(case("verdicts", &verdict.key, came));
    }
    let came = if summary.exit == 0 { Came::Passed } else { Came::Failed(summary.reasons.join("; ")) };
    cases.push(case("verdicts", "exit", came));
    for score in &report.card.alarms.expectations {
        let cause = score.cause.as_ref().map(|cause| format!(": {}: {}", cause.cause.word(), cause.evidence));
        let said = format!("{}{}", score.outcome.word(), cause.unwrap_or_default());
        let came = match score.outcome {
            Outcome::Hit | Outcome::CorrectSilence => Came::Passed,
            Outcome::Miss | Outcome::Late => Came::Failed(said),
            Outcome::Invalid => Came::Error(said),
            Outcome::PreFiring | Outcome::Censored | Outcome::NotDue => Came::Skipped(said),
        };
        cases.push(case("alarms", &score.id, came));
    }
    let mut out = String::new();
    for reason in &summary.reasons {
        let _ = writeln!(out, "{reason}");
    }
    let _ = writeln!(out, "exit {}; journal head {}", summary.exit, report.head);
    let seconds = report.timeline.length.as_secs_f64();
    Suite { name: &report.plan.scenario, seconds, began: report.began, cases, out }.xml()
}
