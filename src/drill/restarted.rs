//! A drill whose process died: another takes it up, and ends it. Nothing is injected any more.

use std::time::Duration;

use super::event::{Command, Phase, RemoveReason, StopReason};
use super::inject::{Inject, InjectState};
use super::state::{CommandEnding, Drill, UnderTest};

/// Why such a drill stops.
pub const RESTARTED: &str = "the coordinator was restarted";

impl Drill {
    /// Stops it, and orders once more what was ordered and not answered: nobody is left who could answer. The time in
    /// between does not count as time that somebody had for it.
    pub(super) fn on_restarted(&mut self, now: Duration) {
        for inject in &mut self.injects {
            if let InjectState::Applying { since } | InjectState::Removing { since } = &mut inject.state {
                *since = now;
            }
        }
        if matches!(self.under_test, UnderTest::Running | UnderTest::Ending { .. }) {
            let detail = "it ended with the coordinator".to_owned();
            self.under_test = UnderTest::Finished { end: CommandEnding::Stopped, detail };
        }
        if let Some(playbook) = &mut self.playbook {
            playbook.on_restarted(now);
        }
        let again: Vec<String> = self
            .injects
            .iter()
            .filter(|inject| is_being_removed(inject))
            .map(|i| i.plan.id.clone())
            .collect();
        match self.phase {
            // Whoever looked is gone. What the drill came to was decided before.
            Phase::Verifying => {
                self.phase_since = now;
                self.out.push(Command::Verify {});
            }
            Phase::Stopping => self.phase_since = now,
            Phase::Planned
            | Phase::Preflight
            | Phase::Steady
            | Phase::Active
            | Phase::Recovering
            | Phase::Scored => {
                let (who, reason) = ("firedrill".to_owned(), RESTARTED.to_owned());
                self.stop(now, StopReason::Halted { who, reason });
            }
        }
        let remove = |fault| Command::Remove { fault, reason: RemoveReason::Stopping };
        self.out.extend(again.into_iter().map(remove));
    }
}

const fn is_being_removed(inject: &Inject) -> bool {
    matches!(inject.state, InjectState::Removing { .. })
}
