//! The report as JUnit XML, which every CI viewer reads: one test case for each verdict and each expectation.
//!
//! The form is the one that Jenkins' `junit-10.xsd` and the viewers of GitLab and GitHub actions agree on: `testsuites`,
//! `testsuite` with `tests`, `failures`, `errors`, `skipped`, `time` and `timestamp`, and `testcase` with at most one of
//! `failure`, `error`, `skipped`.

use std::fmt::Write as _;

use super::Report;
use super::story::{Story, Tone};
use crate::score::Outcome;

/// The verdicts that the exit status depends on.
const COUNTING: [&str; 6] = ["alarms", "playbook", "hypothesis", "command", "clean", "drill"];

/// What became of a case.
enum Came {
    Passed,
    Failed(String),
    /// The drill proves nothing.
    Error(String),
    Skipped(String),
}

/// The whole report.
pub fn junit(report: &Report) -> String {
    let story = Story::of(report);
    let mut cases: Vec<(String, String, Came)> = Vec::new();
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
        cases.push(("verdicts".into(), verdict.key.clone(), came));
    }
    let came = if summary.exit == 0 { Came::Passed } else { Came::Failed(summary.reasons.join("; ")) };
    cases.push(("verdicts".into(), "exit".into(), came));
    for score in &report.card.alarms.expectations {
        let cause = score.cause.as_ref().map(|cause| format!(": {}: {}", cause.cause.word(), cause.evidence));
        let said = format!("{}{}", score.outcome.word(), cause.unwrap_or_default());
        let came = match score.outcome {
            Outcome::Hit | Outcome::CorrectSilence => Came::Passed,
            Outcome::Miss | Outcome::Late => Came::Failed(said),
            Outcome::Invalid => Came::Error(said),
            Outcome::PreFiring | Outcome::Censored | Outcome::NotDue => Came::Skipped(said),
        };
        cases.push(("alarms".into(), score.id.clone(), came));
    }
    written(report, &cases)
}

fn written(report: &Report, cases: &[(String, String, Came)]) -> String {
    let count = |wanted: fn(&Came) -> bool| cases.iter().filter(|(_, _, came)| wanted(came)).count();
    let failures = count(|came| matches!(came, Came::Failed(_)));
    let errors = count(|came| matches!(came, Came::Error(_)));
    let skipped = count(|came| matches!(came, Came::Skipped(_)));
    let (tests, time) = (cases.len(), report.timeline.length.as_secs_f64());
    let name = escaped(&report.plan.scenario);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuites name=\"firedrill\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" \
         time=\"{time:.3}\">"
    );
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" \
         skipped=\"{skipped}\" time=\"{time:.3}\" timestamp=\"{}\">",
        report.began.strftime("%Y-%m-%dT%H:%M:%S")
    );
    for (group, case, came) in cases {
        let open = format!(
            "    <testcase classname=\"firedrill.{name}.{group}\" name=\"{}\" time=\"0\"",
            escaped(case)
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
    let mut out = String::new();
    for reason in &report.card.summary.reasons {
        let _ = writeln!(out, "{reason}");
    }
    let _ = writeln!(out, "exit {}; journal head {}", report.card.summary.exit, report.head);
    let _ = writeln!(xml, "    <system-out>{}</system-out>\n  </testsuite>\n</testsuites>", escaped(&out));
    xml
}

/// Text for an attribute or an element. Characters that XML 1.0 cannot hold become U+FFFD.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_makes_no_markup_and_no_broken_document() {
        assert_eq!(escaped("a<b>&\"c\"\u{1}\u{ffff}"), "a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}\u{fffd}");
    }
}
