//! What the playbook was worth, in one word, and what is worth knowing about it.

use std::time::Duration;

use super::deviation::{Deviation, actions};
use super::restored::acted_by;
use super::results::{PlaybookResult, RestoredBy, Validity};
use crate::drill::state::Drill;
use crate::fault::Period;
use crate::playbook::event::Ending;
use crate::playbook::progress::Progress;
use crate::scenario::plan::PlaybookStart;

/// By the rules of [`PlaybookResult::rule`]; nothing without a playbook.
pub(super) fn result(drill: &Drill, validity: Validity, restored_by: RestoredBy) -> Option<PlaybookResult> {
    let playbook = drill.playbook()?;
    Some(if !playbook.was_started() {
        PlaybookResult::NotExercised
    } else if validity == Validity::Invalid {
        PlaybookResult::Unproven
    } else if harm(drill).is_some() {
        PlaybookResult::Harmful
    } else if drill.injects.is_empty() {
        match playbook.ending() {
            Some(Ending::Completed {}) => PlaybookResult::Completed,
            Some(Ending::Failed { .. } | Ending::CutShort { .. }) | None => PlaybookResult::NotCompleted,
        }
    } else {
        match restored_by {
            RestoredBy::Playbook if is_late(drill) => PlaybookResult::RestoredLate,
            RestoredBy::Playbook if had_help(drill, playbook) => PlaybookResult::RestoredWithHelp,
            RestoredBy::Playbook => PlaybookResult::Restored,
            RestoredBy::FaultEnd | RestoredBy::None if drill.impact.is_some() && drill.stop.is_none() => {
                PlaybookResult::NotRestored
            }
            RestoredBy::FaultEnd
            | RestoredBy::None
            | RestoredBy::Itself
            | RestoredBy::Unknown
            | RestoredBy::Abort => PlaybookResult::Unproven,
        }
    })
}

/// From impact to recovery.
pub(super) fn took(drill: &Drill) -> Option<Duration> {
    let ((impact, _), (recovered, _)) = drill.impact.as_ref().zip(drill.recovered.as_ref())?;
    Some(recovered.saturating_sub(*impact))
}

/// The stricter of what the playbook promises and the scenario expects.
fn promised(drill: &Drill) -> Option<Period> {
    let rto = drill.playbook().and_then(|playbook| playbook.book().objectives.rto);
    let within = drill.plan.recovery.and_then(|recovery| recovery.within);
    rto.into_iter().chain(within).min()
}

fn is_late(drill: &Drill) -> bool {
    took(drill).zip(promised(drill)).is_some_and(|(took, promised)| took > promised.duration())
}

fn had_help(drill: &Drill, playbook: &Progress) -> bool {
    let stuck = playbook.visits().iter().any(|visit| visit.stuck > 0);
    stuck || Deviation::of(drill).is_some_and(|deviation| deviation.share() > 0.0)
}

/// What the playbook broke.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Harm {
    /// This probe had held until this step acted.
    Step { step: String, probe: String, after: Duration },
    /// The steady state, when what it changed was taken back.
    TakenBack { why: String },
}

pub(super) fn harm(drill: &Drill) -> Option<Harm> {
    let playbook = drill.playbook()?;
    if let Some(why) = drill.not_recovered.as_ref().filter(|_| drill.undo_broke) {
        return Some(Harm::TakenBack { why: why.clone() });
    }
    if matches!(drill.recovered, Some((_, true))) {
        return None;
    }
    let from = if drill.injects.is_empty() { Duration::ZERO } else { drill.impact.as_ref()?.0 };
    // What comes after the end of the faults may be of their end, and what comes while changes are taken back of that.
    let removed: Option<Vec<Duration>> = drill.injects.iter().map(|inject| inject.removed).collect();
    let removed = removed.and_then(|all| all.into_iter().max()).filter(|_| !drill.injects.is_empty());
    let lasting = drill.injects.iter().any(|inject| inject.is_lasting());
    let until = [removed.filter(|_| !lasting), playbook.taken_back().since].into_iter().flatten().min();
    let broken = drill.violated.iter().filter_map(|(probe, at)| {
        let acted = acted_by(playbook, *at).filter(|visit| visit.acted.is_some_and(|acted| acted < *at));
        let visit = acted.max_by_key(|visit| visit.acted)?;
        let acted = visit.acted.filter(|acted| *acted >= from)?;
        let another = drill.injects.iter().filter_map(|inject| inject.applied);
        let by_a_fault = another.into_iter().any(|applied| applied > acted && applied <= *at);
        let is_within = until.is_none_or(|until| *at <= until);
        (is_within && !by_a_fault).then(|| (*at, acted, playbook.step(visit).id.clone(), probe.clone()))
    });
    let (at, acted, step, probe) = broken.min()?;
    Some(Harm::Step { step, probe, after: at - acted })
}

/// What is worth knowing of the playbook and fails nothing.
pub(super) fn notes(drill: &Drill, validity: Validity, restored_by: RestoredBy) -> Vec<String> {
    let Some(playbook) = drill.playbook() else { return Vec::new() };
    let (name, mut notes) = (&playbook.book().name, Vec::new());
    if !playbook.was_started() {
        let why = match playbook.used().start {
            PlaybookStart::Alarm => "no alarm that calls for it came before the service was back",
            PlaybookStart::Impact => "there was no impact",
            PlaybookStart::Manual => "nobody started it (`firedrill playbook start`)",
            PlaybookStart::AtOnce => "the drill was over before",
        };
        notes.push(format!("the playbook `{name}` was never started: {why}"));
    }
    if let (Validity::Valid, RestoredBy::Unknown, Some((recovered, true))) =
        (validity, restored_by, drill.recovered)
    {
        let mut acted: Vec<String> = acted_by(playbook, recovered)
            .map(|visit| format!("step `{}`", playbook.step(visit).id))
            .collect();
        acted.dedup();
        let others = actions(drill).filter(|at| *at <= recovered).count();
        if others > 0 {
            acted.push(format!("{others} that no step says"));
        }
        notes.push(format!(
            "what brought the service back is not known: of what was done before ({}) nothing was verified; give \
             the mutating step a `verify`",
            acted.join(", ")
        ));
    }
    for step in playbook.left_in_place() {
        notes.push(format!(
            "step `{step}` may have changed the system and has no `undo`: it is left as it is"
        ));
    }
    if !playbook.used().undo {
        let places = playbook.to_take_back();
        let left: Vec<String> =
            places.into_iter().map(|place| format!("`{}`", playbook.book().steps[place].id)).collect();
        if !left.is_empty() {
            notes.push(format!("nothing was taken back, as this run wants it: {} stay", left.join(", ")));
        }
    }
    notes
}
