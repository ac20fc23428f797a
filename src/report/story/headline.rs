//! The one thing to remember of a drill.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Tone, span};
use crate::drill::event::StopReason;
use crate::drill::summary::{Impact, PlaybookResult, RestoredBy, Validity};
use crate::report::Report;
use crate::score::AlarmWord;

/// The one thing to remember of a drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Headline {
    /// In two or three words.
    pub words: String,
    /// In one sentence.
    pub sentence: String,
    /// How good it is.
    pub tone: Tone,
}

/// The first of these that holds. What was left behind and what proves nothing come before what was measured; of what was
/// measured, harm that nobody was told of is the worst.
pub(super) fn of(report: &Report) -> Headline {
    let (summary, alarms) = (&report.card.summary, &report.card.alarms);
    let took = summary.times.impact.zip(summary.times.recovered).map(|(from, to)| to.saturating_sub(from));
    let took = took.map_or_else(String::new, |took| format!(" after {}", span(took)));
    let (words, sentence, tone) = if !summary.clean {
        ("Left behind", format!("Something was left behind: {}.", summary.residue.join("; ")), Tone::Bad)
    } else if !report.card.complete {
        let what =
            "The record ends before the drill was over: nothing says how it went on, nor what was left";
        ("Cut off", format!("{what}."), Tone::Doubtful)
    } else if let Some(StopReason::Refused { why }) = &summary.stopped {
        ("Refused", format!("Nothing was injected: {}.", why.join("; ")), Tone::Neutral)
    } else if summary.drill == Validity::Invalid {
        let why = summary.reasons.first().cloned().unwrap_or_default();
        ("Proves nothing", format!("This drill says nothing about the service: {why}."), Tone::Doubtful)
    } else if summary.impact == Impact::Seen && alarms.word == AlarmWord::Silent {
        let what = "The service was harmed, and an alarm that should have told people did not come";
        ("Silent failure", format!("{what}."), Tone::Bad)
    } else if summary.playbook == Some(PlaybookResult::Harmful) {
        ("Harmful playbook", "A step of the playbook made things worse.".to_owned(), Tone::Bad)
    } else {
        restored(report, &took)
    };
    Headline { words: words.to_owned(), sentence, tone }
}

fn restored(report: &Report, took: &str) -> (&'static str, String, Tone) {
    let summary = &report.card.summary;
    let still_on = "while the fault was still on";
    match summary.restored_by {
        RestoredBy::Playbook => match summary.playbook {
            Some(PlaybookResult::RestoredLate) => (
                "Restored late",
                format!("The playbook brought the service back{took}, {still_on}, but later than promised."),
                Tone::Doubtful,
            ),
            Some(PlaybookResult::RestoredWithHelp) => (
                "Restored with help",
                format!("The playbook brought the service back{took}, {still_on}; people had to help it."),
                Tone::Doubtful,
            ),
            _ => (
                "Restored by playbook",
                format!("The playbook brought the service back{took}, {still_on}."),
                Tone::Good,
            ),
        },
        RestoredBy::Itself => {
            ("Healed itself", format!("The service came back by itself{took}, {still_on}."), Tone::Good)
        }
        RestoredBy::FaultEnd => (
            "Restored by fault end",
            format!("The service came back{took}, but only because the fault was taken away."),
            Tone::Bad,
        ),
        RestoredBy::Abort => {
            ("Stopped", "The drill was stopped while the service was harmed.".to_owned(), Tone::Doubtful)
        }
        RestoredBy::Unknown => (
            "Restored, nobody knows by what",
            format!("The service came back{took}, {still_on}; nothing proves that what was done helped."),
            Tone::Doubtful,
        ),
        RestoredBy::None => not_restored(report),
    }
}

fn not_restored(report: &Report) -> (&'static str, String, Tone) {
    let summary = &report.card.summary;
    match (summary.playbook, summary.impact) {
        (Some(PlaybookResult::Completed), _) => {
            ("Completed", "The playbook ran to its end; no fault was on.".to_owned(), Tone::Good)
        }
        (Some(PlaybookResult::NotCompleted), _) => {
            let why = summary.reasons.first().cloned().unwrap_or_default();
            ("Not completed", format!("The playbook did not come to its end: {why}."), Tone::Bad)
        }
        (_, Impact::Withstood) => {
            ("Withstood", "The fault acted, and no probe of the service felt it.".to_owned(), Tone::Good)
        }
        (_, Impact::Seen) => {
            ("Not restored", "The service did not come back while this drill looked.".to_owned(), Tone::Bad)
        }
        (_, Impact::None) => ("Nothing felt", "No fault was measured to act.".to_owned(), Tone::Doubtful),
    }
}
