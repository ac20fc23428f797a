//! What brought the service back. Whoever claims it must have acted before, and must have been seen to help.

use std::time::Duration;

use super::deviation::actions;
use super::results::{RestoredBy, Validity};
use crate::drill::state::Drill;
use crate::playbook::event::StepResult;
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
    let helped = |visit: &Visit| match visit.finished {
        // A verification that was good before there was anything to restore proves nothing.
        Some((at, StepResult::Ok { verified: true })) => at >= impact,
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

/// The mutating steps that had acted by then, or that had failed at it at least once.
pub(super) fn acted_by(playbook: &Progress, then: Duration) -> impl Iterator<Item = &Visit> {
    playbook.visits().iter().filter(move |visit| {
        let acted = [visit.acted, visit.tried].into_iter().flatten().min();
        playbook.step(visit).mutates && visit.has_acted() && acted.is_some_and(|at| at <= then)
    })
}
