//! What was claimed, judged by what came out.

use super::Summary;
use super::results::{
    CommandResult, Contained, Effect, HypothesisResult, Impact, PlaybookResult, RestoredBy,
    SteadyStateResult, Validity,
};
use crate::drill::event::Phase;
use crate::drill::state::Drill;

/// `confident_when` names results; each is good, bad, or not judged.
pub(super) fn hypothesis(drill: &Drill, summary: &Summary, alarms: Option<bool>) -> HypothesisResult {
    if drill.phase != Phase::Scored || summary.drill == Validity::Invalid {
        return HypothesisResult::Untested;
    }
    if drill.not_recovered.is_some() {
        return HypothesisResult::Refuted;
    }
    let judged: Vec<Option<bool>> = claims(drill).iter().map(|claim| judge(summary, alarms, claim)).collect();
    if judged.contains(&Some(false)) {
        HypothesisResult::Refuted
    } else if judged.is_empty() || judged.contains(&None) || drill.stop.is_some() {
        HypothesisResult::Untested
    } else {
        HypothesisResult::Confirmed
    }
}

/// The claims that did not hold.
pub(super) fn refuted<'a>(
    drill: &'a Drill,
    summary: &'a Summary,
    alarms: Option<bool>,
) -> impl Iterator<Item = &'a str> {
    let is_refuted = move |claim: &&String| judge(summary, alarms, claim) == Some(false);
    claims(drill).iter().filter(is_refuted).map(String::as_str)
}

fn judge(summary: &Summary, alarms: Option<bool>, claim: &str) -> Option<bool> {
    if claim == "alarms" { alarms } else { is_good(summary, claim) }
}

/// The results that the scenario counts on.
fn claims(drill: &Drill) -> &[String] {
    drill.plan.hypothesis.as_ref().map_or(&[], |hypothesis| &hypothesis.confident_when)
}

/// Whether a result is what a hypothesis can count on; `None` when it was not put to the test.
fn is_good(summary: &Summary, result: &str) -> Option<bool> {
    match result {
        "effect" => Some(summary.effect == Effect::Confirmed),
        "impact" => Some(summary.impact == Impact::Withstood),
        "steady_state" => Some(summary.steady_state == SteadyStateResult::Held),
        "command" => match summary.command {
            CommandResult::Passed {} => Some(true),
            CommandResult::Failed { .. } | CommandResult::None {} => Some(false),
            CommandResult::Stopped { .. } => None,
        },
        "clean" => Some(summary.clean),
        "drill" => Some(summary.drill == Validity::Valid),
        "restored_by" => match summary.restored_by {
            RestoredBy::Playbook | RestoredBy::Itself => Some(true),
            RestoredBy::FaultEnd | RestoredBy::Abort | RestoredBy::None => Some(false),
            RestoredBy::Unknown => None,
        },
        "playbook" => match summary.playbook? {
            PlaybookResult::Restored | PlaybookResult::Completed => Some(true),
            PlaybookResult::NotExercised | PlaybookResult::Unproven => None,
            PlaybookResult::RestoredLate
            | PlaybookResult::RestoredWithHelp
            | PlaybookResult::NotRestored
            | PlaybookResult::Harmful
            | PlaybookResult::NotCompleted => Some(false),
        },
        "contained" => match summary.contained {
            Contained::Held => Some(true),
            Contained::Lost => Some(false),
            Contained::NotJudged => None,
        },
        _ => None,
    }
}
