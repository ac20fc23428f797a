//! What brought the service back. Whoever claims it must have acted before, and must have been seen to help.

use std::time::Duration;

use super::deviation::actions;
use super::results::{RestoredBy, Validity};
use crate::drill::inject::Inject;
use crate::drill::state::Drill;
use crate::playbook::event::StepResult;
use crate::playbook::plan::Check;
use crate::playbook::progress::{Progress, Visit};

/// By the rules of [`RestoredBy::rule`].
pub(super) fn by(drill: &Drill, validity: Validity) -> RestoredBy {
    match (drill.recovered, &drill.impact, &drill.stop) {
        _ if validity == Validity::Invalid => RestoredBy::Unknown,
        (Some((since, true)), Some((impact, _)), _) => under_the_fault(drill, *impact, since),
        // A guardrail may stop the drill on the very sample that shows the harm, before the effect is measured.
        (_, _, Some(_)) if !drill.violated.is_empty() && !drill.injects.is_empty() => RestoredBy::Abort,
        (Some((_, false)), _, None) => RestoredBy::FaultEnd,
        _ => RestoredBy::None,
    }
}

fn under_the_fault(drill: &Drill, impact: Duration, recovered: Duration) -> RestoredBy {
    let lasting = || drill.injects.iter().filter(|inject| !inject.plan.fault.is_instant());
    let ended = || lasting().filter(|inject| inject.effective.is_some()).filter_map(Inject::ended);
    // With one fault gone and another on, nobody can tell whether the first was the one that hurt.
    if ended().any(|at| at > impact && at <= recovered) {
        return RestoredBy::Unknown;
    }
    let gone = ended().min().unwrap_or(Duration::MAX);
    let helped = |visit: &Visit| match visit.finished {
        // A verification that was good before there was anything to restore proves nothing, and neither does one that
        // turned good without the fault, or of an attempt that came after recovery.
        Some((at, StepResult::Ok { verified: true })) => {
            let in_time = visit.acted.is_some_and(|acted| acted <= recovered);
            at >= impact && at <= gone && in_time && was_bad(drill, visit)
        }
        _ => false,
    };
    let acted = || drill.playbook().into_iter().flat_map(|playbook| acted_by(playbook, recovered));
    if acted().any(helped) {
        RestoredBy::Playbook
    } else if acted().next().is_some() || actions(drill).any(|at| at <= recovered) {
        RestoredBy::Unknown
    } else {
        RestoredBy::Itself
    }
}

/// Whether what verifies a step had been out of tolerance before it acted: what was never bad cannot turn good. Of a probe
/// of the playbook's own nobody knows; it measures only afterwards, and is taken at its word.
fn was_bad(drill: &Drill, visit: &Visit) -> bool {
    let Some(playbook) = drill.playbook() else { return false };
    let bad_by_then = |at: &Duration| visit.acted.is_some_and(|acted| *at <= acted);
    match playbook.step(visit).verify.as_ref().map(|verify| &verify.check) {
        None => false,
        Some(Check::SteadyState) => drill.violated.values().any(bad_by_then),
        Some(Check::Named(probe)) => drill.violated.get(probe).is_some_and(bad_by_then),
        Some(Check::Own(_)) => true,
    }
}

/// The mutating steps that had acted by then, or that had failed at it at least once.
pub(super) fn acted_by(playbook: &Progress, then: Duration) -> impl Iterator<Item = &Visit> {
    playbook.visits().iter().filter(move |visit| {
        let acted = [visit.acted, visit.tried].into_iter().flatten().min();
        playbook.step(visit).mutates && visit.has_acted() && acted.is_some_and(|at| at <= then)
    })
}
