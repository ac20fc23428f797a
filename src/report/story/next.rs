//! What went well, what surprised, and what to do next.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::span;
use crate::drill::alarm::MissCause;
use crate::drill::summary::{Effect, Impact, PlaybookResult, RestoredBy, Validity};
use crate::report::Report;
use crate::report::timeline::MarkKind;
use crate::score::{OtherClass, Outcome};

/// How many things to do are named; more would not be done.
const ADVICE_MAX: usize = 3;
/// How many surprises of one kind are named.
const SURPRISES_MAX: usize = 20;

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Advice {
    /// What.
    pub text: String,
    /// What shows that it is needed.
    pub because: String,
}

pub(super) fn went_well(report: &Report) -> Vec<String> {
    let (summary, alarms) = (&report.card.summary, &report.card.alarms);
    let mut well = Vec::new();
    for score in alarms.expectations.iter().filter(|score| score.outcome == Outcome::Hit) {
        let alarm = score.alarm.as_deref().unwrap_or(&score.id);
        let (took, zero) = match score.detection {
            Some(took) => (took, "impact"),
            None => (score.from_effect.unwrap_or_default(), "effect"),
        };
        let within = score.within.map_or_else(String::new, |within| format!(" (allowed: {within})"));
        well.push(format!("{alarm} came {} after the {zero}{within}.", span(took)));
    }
    if alarms.expectations.iter().any(|score| score.outcome == Outcome::CorrectSilence) {
        well.push("Nobody was called, as it should be.".to_owned());
    }
    match (summary.restored_by, summary.impact, summary.drill) {
        (_, _, Validity::Invalid) => {}
        (RestoredBy::Playbook, _, _) => {
            well.push("The playbook restored the service under the fault.".into())
        }
        (RestoredBy::Itself, _, _) => well.push("The service healed itself under the fault.".into()),
        (_, Impact::Withstood, _) => well.push("The service withstood the fault.".into()),
        _ => {}
    }
    if summary.clean && report.card.complete && summary.times.applied.is_some() {
        well.push("Every fault was taken back, and nothing was left behind.".into());
    }
    well
}

pub(super) fn surprises(report: &Report) -> Vec<String> {
    let (summary, alarms) = (&report.card.summary, &report.card.alarms);
    let mut surprises = Vec::new();
    for other in alarms.others.iter().take(SURPRISES_MAX) {
        let what = match other.class {
            OtherClass::Unlisted => "came, and no list names it",
            OtherClass::False => "came without any fault",
            OtherClass::Forbidden => "came, and should have been silent",
            OtherClass::Standing => "was firing before the drill began",
            OtherClass::Blind => "says that monitoring could not see",
            OtherClass::Collateral => continue,
        };
        surprises.push(format!("{} {what} (+{}).", other.alarm, span(other.received)));
    }
    for score in alarms.expectations.iter().filter(|score| score.outcome == Outcome::PreFiring) {
        surprises.push(format!("{} was firing before the fault had its effect.", score.id));
    }
    let actions = report.timeline.marks.iter().filter(|mark| mark.kind == MarkKind::Action);
    surprises.extend(actions.take(SURPRISES_MAX).map(|mark| format!("{}.", mark.text)));
    if summary.impact == Impact::Withstood && !alarms.expectations.is_empty() {
        surprises.push("An impact was expected, and the service withstood the fault.".into());
    }
    surprises.extend(summary.notes.iter().map(|note| format!("{note}.")));
    surprises
}

/// The most urgent first.
pub(super) fn advice(report: &Report) -> Vec<Advice> {
    let (summary, alarms) = (&report.card.summary, &report.card.alarms);
    let mut advice = Vec::new();
    let mut advise = |text: String, because: String| advice.push(Advice { text, because });
    if !summary.clean {
        advise("Clean up by hand, now.".into(), summary.residue.join("; "));
    }
    if summary.effect == Effect::None && summary.drill == Validity::Invalid {
        let why = summary.reasons.first().cloned().unwrap_or_default();
        advise("Mend the drill and run it again.".into(), why);
    }
    for score in &alarms.expectations {
        let cause = score.cause.as_ref();
        match score.outcome {
            Outcome::Miss => advise(
                mend(cause.map_or(MissCause::Unknown, |cause| cause.cause), &score.id),
                cause.map_or_else(|| format!("{} did not come", score.id), |cause| cause.evidence.clone()),
            ),
            Outcome::Late => advise(
                format!("Make {} faster: a shorter `for`, group wait, or scrape interval.", score.id),
                format!(
                    "it came after its deadline of {}",
                    score.within.map_or_else(String::new, |w| w.to_string())
                ),
            ),
            _ => {}
        }
    }
    if let Some(result) = summary.playbook {
        of_playbook(result, summary.restored_by, &mut advise);
    } else if summary.restored_by == RestoredBy::FaultEnd {
        advise(
            "Write a playbook for this failure, or let the service protect itself.".into(),
            "the service was well again only because the fault was taken away".into(),
        );
    }
    for other in alarms.others.iter().filter(|other| other.class == OtherClass::Unlisted).take(1) {
        advise(
            format!("Decide what {} is: expected, collateral, or wrong.", other.alarm),
            "it came during the fault and no list names it".into(),
        );
    }
    advice.truncate(ADVICE_MAX);
    advice
}

fn of_playbook(result: PlaybookResult, by: RestoredBy, advise: &mut dyn FnMut(String, String)) {
    match result {
        PlaybookResult::Harmful => {
            advise("Mend the playbook before anyone follows it.".into(), "a step made things worse".into());
        }
        PlaybookResult::NotRestored | PlaybookResult::NotCompleted => advise(
            "Mend the playbook: find the step that should have restored the service.".into(),
            "it was followed, and the service did not come back while the fault was on".into(),
        ),
        PlaybookResult::RestoredLate => {
            advise("Shorten the playbook's longest phase.".into(), "it restored later than promised".into());
        }
        PlaybookResult::RestoredWithHelp => advise(
            "Write into the playbook what people had to add.".into(),
            "it restored the service, and people had to help".into(),
        ),
        PlaybookResult::NotExercised if by == RestoredBy::FaultEnd => advise(
            "Find out why nothing started the playbook.".into(),
            "it was never started, and only the end of the fault brought the service back".into(),
        ),
        PlaybookResult::Unproven if by == RestoredBy::Unknown => advise(
            "Give the mutating steps a `verify`.".into(),
            "nothing proves that what they did helped".into(),
        ),
        PlaybookResult::Restored
        | PlaybookResult::Completed
        | PlaybookResult::NotExercised
        | PlaybookResult::Unproven => {}
    }
}

/// What mends a missed alarm.
fn mend(cause: MissCause, id: &str) -> String {
    match cause {
        MissCause::NoSuchRule => format!("Write the alerting rule for {id}."),
        MissCause::RuleUnhealthy => format!("Mend the rule of {id}: it cannot be evaluated."),
        MissCause::NoData => format!("Give the rule of {id} data: nothing scrapes what it reads."),
        MissCause::BelowThreshold => format!("Lower the threshold of {id}, or expect less."),
        MissCause::PendingOnly => format!("Shorten the `for` of {id}."),
        MissCause::NotHandedOver => {
            format!("Tell Prometheus where Alertmanager is: {id} fired and was never handed over.")
        }
        MissCause::Silenced => format!("Remove the silence that hides {id}."),
        MissCause::Inhibited => format!("Look at the alarm that inhibits {id}."),
        MissCause::Muted => format!("Look at the times at which {id} is muted."),
        MissCause::GroupedLate => format!("Shorten the group wait of {id}."),
        MissCause::ReceiverFailed => format!("Mend the receiver of {id}: it did not take the alarm."),
        MissCause::WrongReceiver => format!("Mend the routing of {id}: others got it."),
        MissCause::DeliveredLate => format!("Find out what delayed {id} on its way."),
        MissCause::Unknown => {
            format!("Find out why {id} did not come; give the addresses of Prometheus and Alertmanager.")
        }
    }
}
