//! What happened, in results that follow from single facts.

use super::results::{CommandResult, Contained, Effect, Impact, Validity};
use super::{FaultSummary, Times};
use crate::drill::event::StopReason;
use crate::drill::inject::{Inject, InjectState};
use crate::drill::state::{CommandEnding, Drill, UnderTest};

pub(super) fn effect(drill: &Drill) -> Effect {
    // One that a stop kept from starting is no gap in the proof; one that never came to its turn is.
    let left_out = |inject: &Inject| inject.applied.is_none() && drill.stop.is_some();
    let applied = drill.injects.iter().any(|inject| inject.applied.is_some());
    let all = drill.injects.iter().all(|inject| left_out(inject) || inject.effective.is_some());
    if applied && all { Effect::Confirmed } else { Effect::None }
}

pub(super) fn impact(drill: &Drill) -> Impact {
    if drill.impact.is_some() {
        Impact::Seen
    } else if drill.injects.iter().any(|inject| inject.effective.is_some()) {
        Impact::Withstood
    } else {
        Impact::None
    }
}

pub(super) fn validity(drill: &Drill) -> Validity {
    let measured = match &drill.stop {
        Some(
            StopReason::Refused { .. }
            | StopReason::GateNotMet { .. }
            | StopReason::FaultRefused { .. }
            | StopReason::FaultLost { .. },
        ) => false,
        // One that was stopped early may have had no time for an effect; that is said by `effect` and by the stop.
        Some(StopReason::Guardrail { .. } | StopReason::Halted { .. }) => true,
        // Without a fault there is no effect to be seen.
        None => drill.injects.is_empty() || effect(drill) == Effect::Confirmed,
    };
    if measured { Validity::Valid } else { Validity::Invalid }
}

pub(super) fn command(drill: &Drill) -> CommandResult {
    match &drill.under_test {
        UnderTest::NotStarted => CommandResult::None {},
        UnderTest::Finished { end: CommandEnding::Passed, .. } => CommandResult::Passed {},
        UnderTest::Finished { end: CommandEnding::Stopped, detail } => {
            CommandResult::Stopped { detail: detail.clone() }
        }
        UnderTest::Finished { end: CommandEnding::Failed, detail } => {
            CommandResult::Failed { detail: detail.clone() }
        }
        UnderTest::Running | UnderTest::Ending { .. } => {
            CommandResult::Failed { detail: "it could not be ended".into() }
        }
    }
}

pub(super) fn residue(drill: &Drill) -> Vec<String> {
    let of_faults = drill.injects.iter().flat_map(|inject| match &inject.state {
        InjectState::Residue { what } => {
            what.iter().map(|what| format!("{}: {what}", inject.plan.id)).collect::<Vec<_>>()
        }
        _ => Vec::new(),
    });
    let taken_back = drill.playbook().map(|playbook| playbook.taken_back());
    let of_steps = taken_back.into_iter().flat_map(|taken_back| &taken_back.failed);
    let of_steps =
        of_steps.map(|(step, why)| format!("what step `{step}` changed could not be taken back: {why}"));
    of_faults.chain(of_steps).chain(drill.residue.iter().cloned()).collect()
}

pub(super) fn times(drill: &Drill) -> Times {
    Times {
        applied: drill.injects.iter().filter_map(|inject| inject.applied).min(),
        effective: drill.injects.iter().filter_map(|inject| inject.effective).min(),
        impact: drill.impact.as_ref().map(|(at, _)| *at),
        removed: drill.injects.iter().filter_map(|inject| inject.removed).max(),
        recovered: drill.recovered.map(|(since, _)| since),
    }
}

pub(super) fn faults(drill: &Drill) -> Vec<FaultSummary> {
    let of = |inject: &Inject| FaultSummary {
        id: inject.plan.id.clone(),
        kind: inject.plan.fault.kind().to_owned(),
        target: inject.plan.target.to_string(),
        state: match &inject.state {
            InjectState::Clean => "clean".into(),
            InjectState::Residue { what } => format!("residue: {}", what.join("; ")),
            InjectState::Skipped { why } => format!("skipped: {why}"),
            InjectState::Pending => "pending".into(),
            InjectState::Applying { .. } | InjectState::Applied | InjectState::Removing { .. } => "on".into(),
        },
        effective: inject.effective.is_some(),
        evidence: inject.evidence.clone(),
    };
    drill.injects.iter().map(of).collect()
}

/// A probe without `impact: true`, beside such that have it, is one that the fault should not reach.
pub(super) fn contained(drill: &Drill, validity: Validity) -> Contained {
    let probes = &drill.watch.probes;
    let mut outside = probes.iter().filter(|probe| !probe.plan.impact).peekable();
    let is_said = probes.iter().any(|probe| probe.plan.impact) && outside.peek().is_some();
    if !is_said || drill.injects.is_empty() || validity == Validity::Invalid {
        Contained::NotJudged
    } else if outside.any(|probe| drill.violated.contains_key(&probe.plan.name)) {
        Contained::Lost
    } else {
        Contained::Held
    }
}
