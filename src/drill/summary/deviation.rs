//! How far what people did was from what the playbook says.

use std::time::Duration;

use crate::drill::state::Drill;
use crate::playbook::event::{Ending, StepResult};
use crate::playbook::progress::{Progress, Visit};

/// What the playbook led to, and what was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deviation {
    /// How many steps the playbook led to: those whose condition held, without those that this run leaves out.
    pub planned: usize,
    /// How many of them were carried out, well or badly.
    pub carried_out: usize,
    /// How many actions were taken that no step says.
    pub actions: usize,
}

impl Deviation {
    /// Of this drill; nothing without a playbook that was started.
    pub fn of(drill: &Drill) -> Option<Self> {
        let playbook = drill.playbook().filter(|playbook| playbook.was_started())?;
        let counted = |visit: &&Visit| !is_passed_by(playbook, visit);
        let planned = playbook.visits().iter().filter(counted);
        let left_out = playbook.visits().iter().filter(|visit| is_left_out(playbook, visit)).count();
        let planned = planned.count();
        let actions = actions(drill).count();
        Some(Self { planned, carried_out: planned - left_out, actions })
    }

    /// From 0 (as the playbook says) to 1. The steps that were carried out are always a part of those that the
    /// playbook led to, in their order, so the longest common subsequence of both is as long as they are many.
    pub fn share(self) -> f64 {
        let longest = self.planned.max(self.carried_out + self.actions);
        if longest == 0 { 0.0 } else { 1.0 - self.carried_out as f64 / longest as f64 }
    }
}

/// Whether a person said that the step was not needed.
pub(crate) fn is_left_out(playbook: &Progress, visit: &Visit) -> bool {
    is_skipped(visit) && visit.who.is_some() && !is_cut(playbook, visit)
}

/// Whether the step was under way when the playbook was cut short.
pub(crate) fn is_cut(playbook: &Progress, visit: &Visit) -> bool {
    // A step that was skipped leads on, so only one that was cut can be the last of a playbook that was cut short.
    let cut_short = matches!(playbook.ending(), Some(Ending::CutShort { .. }));
    cut_short && is_skipped(visit) && playbook.visits().last() == Some(visit)
}

/// Whether neither the playbook nor this run wanted the step done (to its end).
fn is_passed_by(playbook: &Progress, visit: &Visit) -> bool {
    is_cut(playbook, visit) || (is_skipped(visit) && visit.who.is_none())
}

fn is_skipped(visit: &Visit) -> bool {
    matches!(visit.finished, Some((_, StepResult::Skipped { .. })))
}

/// When people did what no step says. What was done before the first fault has nothing to do with it.
pub(crate) fn actions(drill: &Drill) -> impl Iterator<Item = Duration> {
    let first = drill.injects.iter().filter_map(|inject| inject.applied).min();
    let from = if drill.injects.is_empty() { Some(Duration::ZERO) } else { first };
    drill.actions.iter().copied().filter(move |at| from.is_some_and(|from| *at >= from))
}
