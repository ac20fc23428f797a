//! Every reason not to pass, with the exit status that it leads to.

use std::time::Duration;

use super::Summary;
use super::claims::refuted;
use super::playbook::{self, Harm};
use super::restored::acted_by;
use super::results::{CommandResult, HypothesisResult, PlaybookResult, RestoredBy, Validity};
use crate::drill::event::StopReason;
use crate::drill::state::Drill;
use crate::drill::words::short;
use crate::playbook::event::Ending;
use crate::playbook::progress::Progress;
use crate::scenario::plan::RecoveryBy;

/// All of them.
pub(super) fn of(drill: &Drill, summary: &Summary, alarms: Option<bool>) -> Vec<(u8, String)> {
    let mut reasons = Vec::new();
    if !summary.residue.is_empty() {
        reasons.push((7, format!("residue was left: {}", summary.residue.join("; "))));
    }
    if let CommandResult::Failed { detail } = &summary.command {
        reasons.push((4, format!("the command failed: {detail}")));
    }
    if let Some(why) = &drill.not_recovered {
        reasons.push((4, not_recovered(drill, why)));
    } else if summary.hypothesis == HypothesisResult::Refuted {
        let bad: Vec<String> = refuted(drill, summary, alarms).map(|claim| format!("`{claim}`")).collect();
        reasons.push((4, format!("the hypothesis was refuted: it counts on {}", bad.join(", "))));
    }
    reasons.extend(of_playbook(drill, summary));
    reasons.extend(of_expected_recovery(drill, summary));
    reasons.extend(drill.stop.as_ref().map(of_stop));
    if drill.stop.is_none() && summary.drill == Validity::Invalid {
        let without = drill.injects.iter().filter(|inject| inject.effective.is_none());
        let names: Vec<&str> = without.map(|inject| inject.plan.id.as_str()).collect();
        reasons.push((6, format!("no effect was measured of: {}", names.join(", "))));
    }
    reasons
}

fn of_stop(stop: &StopReason) -> (u8, String) {
    match stop {
        StopReason::Refused { why } => (1, format!("refused: {}", why.join("; "))),
        StopReason::GateNotMet { why } => {
            (6, format!("the steady state was never good before the fault: {}", why.join("; ")))
        }
        StopReason::Guardrail { why } => (5, format!("stopped by a guardrail: {why}")),
        StopReason::Halted { who, reason } if reason.is_empty() => (5, format!("stopped by {who}")),
        StopReason::Halted { who, reason } => (5, format!("stopped by {who}: {reason}")),
        // Preflight had let it pass, so this is no refusal before the first fault: it was tried, and came to nothing.
        StopReason::FaultRefused { fault, why } => {
            (6, format!("fault `{fault}` could not be applied: {why}"))
        }
        StopReason::FaultLost { fault, why } => (6, format!("fault `{fault}` ended by itself: {why}")),
    }
}

fn not_recovered(drill: &Drill, why: &str) -> String {
    if drill.undo_broke {
        format!("the steady state was not good once the playbook's changes were taken back: {why}")
    } else if drill.injects.is_empty() {
        format!("the steady state is not good at the end: {why}")
    } else {
        format!("the service did not come back after the last fault was removed: {why}")
    }
}

/// Why the playbook does not pass.
fn of_playbook(drill: &Drill, summary: &Summary) -> Option<(u8, String)> {
    let playbook = drill.playbook()?;
    let why = match summary.playbook? {
        PlaybookResult::Harmful => match playbook::harm(drill)? {
            Harm::Step { step, probe, after } => {
                let after = short(after);
                format!(
                    "the playbook did harm: probe `{probe}` had held until {after} after step `{step}` acted"
                )
            }
            Harm::TakenBack { why } => {
                format!("the playbook did harm: taking back what it changed broke the steady state: {why}")
            }
        },
        PlaybookResult::NotRestored => {
            let came_back = match summary.restored_by {
                RestoredBy::FaultEnd => "it came back only after the last fault was removed",
                _ => "it did not come back",
            };
            format!("the playbook did not restore the service: {came_back}; {}", how_it_went(drill, playbook))
        }
        // It was not given the time; the stop says why.
        PlaybookResult::NotCompleted if drill.stop.is_some() => return None,
        PlaybookResult::NotCompleted => match playbook.ending() {
            Some(Ending::Failed { step, why }) => format!("the playbook failed at step `{step}`: {why}"),
            Some(Ending::CutShort { why }) => format!("the playbook was cut short: {why}"),
            Some(Ending::Completed {}) | None => "the playbook did not come to its end".to_owned(),
        },
        PlaybookResult::Restored
        | PlaybookResult::RestoredLate
        | PlaybookResult::RestoredWithHelp
        | PlaybookResult::NotExercised
        | PlaybookResult::Unproven
        | PlaybookResult::Completed => return None,
    };
    Some((3, why))
}

/// How a playbook ended that did not restore, and whether it had acted at all.
fn how_it_went(drill: &Drill, playbook: &Progress) -> String {
    let removed = summary_end(drill);
    let acted = acted_by(playbook, removed).map(|visit| playbook.step(visit).id.as_str()).last();
    let acted = acted.map_or_else(
        || "no mutating step had acted before".to_owned(),
        |step| format!("the last mutating step before that was `{step}`"),
    );
    match playbook.ending() {
        Some(Ending::Failed { step, why }) => format!("it failed at step `{step}` ({why}); {acted}"),
        Some(Ending::CutShort { why }) => format!("it was cut short ({why}); {acted}"),
        Some(Ending::Completed {}) | None => acted,
    }
}

/// When the last fault was removed, if it was.
fn summary_end(drill: &Drill) -> Duration {
    drill.injects.iter().filter_map(|inject| inject.removed).max().unwrap_or(Duration::MAX)
}

/// Why recovery was not as the scenario expects. What never was harmed, or was stopped, is not judged.
fn of_expected_recovery(drill: &Drill, summary: &Summary) -> Vec<(u8, String)> {
    let (Some(expected), None, Some(_)) = (drill.plan.recovery, &drill.stop, &drill.impact) else {
        return Vec::new();
    };
    if summary.drill == Validity::Invalid {
        return Vec::new();
    }
    let exercised = drill.playbook().is_some_and(Progress::was_started);
    let mut reasons = Vec::new();
    if let Some((by, wanted)) = expected.by.map(|by| (by, wanted(by)))
        && summary.restored_by != wanted
    {
        let exit = if by == RecoveryBy::Playbook && exercised { 3 } else { 4 };
        let (wanted, was) = (wanted.word(), summary.restored_by.word());
        let never = by == RecoveryBy::Playbook && !exercised;
        let never = if never { "; the playbook was never started" } else { "" };
        reasons.push((
            exit,
            format!("the service was expected to be restored by {wanted}, not by {was}{never}"),
        ));
    }
    if let Some((took, within)) = playbook::took(drill).zip(expected.within)
        && took > within.duration()
    {
        let took = short(took);
        reasons.push((4, format!("the service came back {took} after the impact, expected within {within}")));
    }
    reasons
}

const fn wanted(by: RecoveryBy) -> RestoredBy {
    match by {
        RecoveryBy::Playbook => RestoredBy::Playbook,
        RecoveryBy::Itself => RestoredBy::Itself,
        RecoveryBy::FaultEnd => RestoredBy::FaultEnd,
    }
}
