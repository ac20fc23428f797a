//! The one thing to remember of a game day.

use crate::gameday::record::DayState;
use crate::gameday::summary::{Row, Summary};
use crate::report::story::{Headline, Tone};

/// How many runs came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Drills that are over.
    pub drills: usize,
    /// Of these: with exit status 0.
    pub passed: usize,
    /// Of these: without anything to say about the service.
    pub defects: usize,
    /// Of these: harm that nobody was told of.
    pub silent: usize,
}

impl Counts {
    /// Of a game day.
    pub fn of(summary: &Summary) -> Self {
        let over: Vec<&Row> = summary.rows.iter().filter(|row| row.exit.is_some()).collect();
        let words = |is: fn(&crate::gameday::event::DrillWords) -> bool| {
            over.iter().filter(|row| row.words.as_ref().is_some_and(is)).count()
        };
        Self {
            drills: over.len(),
            passed: over.iter().filter(|row| row.exit == Some(0)).count(),
            defects: over.iter().filter(|row| row.words.as_ref().is_none_or(|words| !words.valid)).count(),
            silent: words(|words| {
                words.valid && words.impact == "seen" && words.alarms.as_deref() == Some("silent")
            }),
        }
    }
}

/// The first of these that holds.
pub(super) fn of(summary: &Summary) -> Headline {
    let counts = Counts::of(summary);
    let left: Vec<&str> = summary
        .rows
        .iter()
        .filter(|row| row.words.as_ref().is_some_and(|words| !words.clean))
        .map(|row| row.name.as_str())
        .collect();
    let are_over = matches!(summary.state, DayState::Reviewing | DayState::Closed);
    let passed = format!("{} of {} drills passed", counts.passed, counts.drills);
    let (words, sentence, tone) = if !left.is_empty() {
        ("Left behind".to_owned(), format!("Something was left behind by {}", left.join(", ")), Tone::Bad)
    } else if let Some(stopped) = &summary.stopped {
        let words = if stopped.missed { "Skipped" } else { "Stopped" };
        (
            words.to_owned(),
            format!("It ended before its planned end: {}; {passed}", stopped.reason),
            Tone::Doubtful,
        )
    } else if counts.drills == 0 && are_over {
        (
            "No drill".to_owned(),
            "No drill ran, so nothing is said about the service".to_owned(),
            Tone::Neutral,
        )
    } else if counts.drills == 0 {
        ("Not begun".to_owned(), format!("It is {}", summary.state.word()), Tone::Neutral)
    } else if counts.silent > 0 {
        let words = plural(counts.silent, "silent failure");
        let what = "the service was harmed, and an alarm that should have told people did not come";
        (words, format!("{} {what}; {passed}", in_runs(counts.silent)), Tone::Bad)
    } else if counts.drills > 0 && counts.defects == counts.drills {
        (
            "Proves nothing".to_owned(),
            "No drill of it says anything about the service".to_owned(),
            Tone::Doubtful,
        )
    } else if counts.passed == counts.drills && !are_over {
        let so_far = format!("So far {passed}; {} of {} runs are over", summary.done, summary.rows.len());
        ("Not over yet".to_owned(), so_far, Tone::Neutral)
    } else if counts.passed == counts.drills {
        ("All passed".to_owned(), passed, Tone::Good)
    } else {
        (format!("{} of {} passed", counts.passed, counts.drills), defects(counts), Tone::Bad)
    };
    Headline { words, sentence: format!("{sentence}."), tone }
}

fn defects(counts: Counts) -> String {
    let findings = "What did not pass stands in the table with its rule, and below as findings";
    match counts.defects {
        0 => findings.to_owned(),
        n => format!(
            "{findings}; {} nothing about the service",
            if n == 1 { "one drill says".to_owned() } else { format!("{n} drills say") }
        ),
    }
}

fn in_runs(count: usize) -> String {
    if count == 1 { "In one run".to_owned() } else { format!("In {count} runs") }
}

fn plural(count: usize, what: &str) -> String {
    let mut words = if count == 1 { what.to_owned() } else { format!("{count} {what}s") };
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    words
}
