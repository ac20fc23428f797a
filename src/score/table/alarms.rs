//! The scorecard's alarms: a row for each expectation and each other alarm.

use super::COLUMNS_MAX;
use super::layout::{self, share, span};
use crate::fault::Period;
use crate::scenario::expectation::CountedFrom;
use crate::score::alarms::AlarmScore;
use crate::score::expectation::{Deadline, ExpectationScore};
use crate::score::other::OtherAlarm;
use crate::score::verdict::{AlarmWord, Kept, OtherClass, Outcome, Routing, Urgency};
use std::collections::BTreeSet;

/// The widths of all columns but the last, which has the rest.
const WIDTHS: [usize; 3] = [22, 15, 17];
/// The most other alarms that are shown; the others stand in the scorecard.
const OTHERS_SHOWN_MAX: usize = 20;

/// What alarms were worth: a line in one word, a row for each expectation, for each other alarm, and the shares.
pub(super) fn lines(score: &AlarmScore) -> Vec<String> {
    let mut lines = vec![format!("alarms: {}", score.word.word())];
    if score.expectations.is_empty() && score.others.is_empty() {
        return lines;
    }
    lines.extend(row(["expectation", "outcome", "detection"], "cause and qualities"));
    for score in &score.expectations {
        lines.extend(row([&score.id, score.outcome.word(), &detection(score)], &qualities(score)));
    }
    for other in score.others.iter().take(OTHERS_SHOWN_MAX) {
        lines.extend(row([&other.alarm, other.class.word(), "-"], &of_other(other)));
    }
    let hidden = score.others.len().saturating_sub(OTHERS_SHOWN_MAX) as u64 + score.others_left_out;
    if hidden > 0 {
        lines.push(format!("  and {hidden} more alarms that no expectation binds"));
    }
    lines.push(format!(
        "  recall on time {}, ever {}",
        share(&score.recall_on_time),
        share(&score.recall_ever)
    ));
    lines.push(format!("  precision {}", share(&score.precision)));
    lines
}

/// Every word that the lines hold and that has a rule.
pub(super) fn words(score: &AlarmScore) -> Vec<&'static str> {
    let outcomes: BTreeSet<Outcome> = score.expectations.iter().map(|score| score.outcome).collect();
    let classes: BTreeSet<OtherClass> = score.others.iter().map(|other| other.class).collect();
    let words = std::iter::once(AlarmWord::word(score.word))
        .chain(outcomes.into_iter().map(Outcome::word))
        .chain(classes.into_iter().map(OtherClass::word));
    let counted = |count: fn(&ExpectationScore) -> u64, of_other: fn(&OtherAlarm) -> u64| {
        score.expectations.iter().any(|score| count(score) > 0)
            || score.others.iter().any(|other| of_other(other) > 0)
    };
    let repeats = counted(|score| score.repeats, |other| other.repeats).then_some("repeats");
    let flaps = counted(|score| score.flaps, |other| other.flaps).then_some("flaps");
    words.chain(repeats).chain(flaps).collect()
}

fn row(cells: [&str; 3], rest: &str) -> Vec<String> {
    layout::row(cells, WIDTHS, rest, COLUMNS_MAX)
}

fn detection(score: &ExpectationScore) -> String {
    let Some(within) = score.within else { return "-".to_owned() };
    let (base, took) = match score.from {
        CountedFrom::Impact => (score.times.impact, score.detection),
        CountedFrom::Effect => (score.times.effective, score.from_effect),
    };
    match score.outcome {
        Outcome::Hit | Outcome::Late => format!("{} of {within}", span(took.unwrap_or_default())),
        Outcome::Miss => format!("none in {within}"),
        Outcome::Censored => {
            let until = score.times.censored.zip(base).map(|(until, base)| until.saturating_sub(base));
            format!("none in {}", span(until.unwrap_or_default()))
        }
        Outcome::PreFiring | Outcome::Invalid | Outcome::NotDue | Outcome::CorrectSilence => "-".to_owned(),
    }
}

/// What is worth saying of an expectation beside its outcome, the worst first.
fn qualities(score: &ExpectationScore) -> String {
    let mut parts = Vec::new();
    if let Some(cause) = &score.cause {
        parts.push(format!("{}: {}", cause.cause.word(), cause.evidence));
    }
    match score.outcome {
        Outcome::Censored => {
            let within = score.within.map_or_else(String::new, |within| within.to_string());
            parts.push(format!("the condition was over, or nobody looked, before {within}"));
        }
        Outcome::PreFiring => parts.push("it fired before the fault took effect".to_owned()),
        Outcome::Invalid => parts.push("its fault was not seen to act".to_owned()),
        Outcome::NotDue => parts.push("the system withstood the fault".to_owned()),
        Outcome::Hit if score.times.impact.is_none() => parts.push("before any impact".to_owned()),
        Outcome::Hit | Outcome::Late | Outcome::Miss | Outcome::CorrectSilence => {}
    }
    parts.extend(score.lead.map(|lead| format!("{} before the impact", span(lead))));
    parts.extend(score.receiver.map(|receiver| format!("receiver {}", Routing::word(receiver))));
    parts.extend(score.severity.map(|severity| format!("severity {}", Urgency::word(severity))));
    if let Some(content) = &score.content {
        let missing = content.missing.join(", ");
        let missing = if missing.is_empty() { String::new() } else { format!(" (without {missing})") };
        parts.push(format!("content {} of {}{missing}", content.found, content.wanted));
    }
    parts.extend(score.acknowledged.map(|deadline| kept("acknowledged", deadline)));
    parts.extend(score.reset.map(|deadline| kept("reset", deadline)));
    parts.extend(counted(score.repeats, "repeat"));
    parts.extend(counted(score.flaps, "flap"));
    parts.extend(score.delivery.map(|took| format!("delivered in {} (two clocks)", span(took))));
    if score.delivery.is_none() {
        parts.extend(score.clock_note.clone());
    }
    parts.extend(score.polled_every.map(|every| polled(every, score.within_error)));
    parts.join(", ")
}

fn of_other(other: &OtherAlarm) -> String {
    let mut parts = vec![format!("at +{}", span(other.received))];
    parts.extend(other.receiver.as_ref().map(|receiver| format!("to {receiver}")));
    parts.extend(counted(other.repeats, "repeat"));
    parts.extend(counted(other.flaps, "flap"));
    parts.extend(other.polled_every.map(|every| polled(every, false)));
    parts.join(", ")
}

fn polled(every: Period, within_error: bool) -> String {
    let maybe = if within_error { ", so it may have been in time" } else { "" };
    format!("seen by poll ± {every}{maybe}")
}

fn counted(count: u64, what: &str) -> Option<String> {
    (count > 0).then(|| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
}

fn kept(what: &str, Deadline { took, within, kept }: Deadline) -> String {
    let took = took.map_or_else(String::new, |took| format!(" in {}", span(took)));
    let within = within.map_or_else(String::new, |within| format!(" of {within}"));
    match kept {
        Kept::Unjudged if took.is_empty() => format!("{what} not judged"),
        Kept::Unjudged | Kept::InTime => format!("{what}{took}{within}"),
        Kept::Late => format!("{what} late{took}{within}"),
        Kept::Never => format!("{what} never{within}"),
    }
}
