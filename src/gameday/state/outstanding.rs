//! What is wished and not answered: timers, and what is said again after the coordinator was away.

use jiff::{SignedDuration, Timestamp};

use super::{Day, RunState};
use crate::gameday::event::DayCommand;
use crate::gameday::plan::RunWhat;
use crate::gameday::record::DayState;

/// After a longer absence of the coordinator nothing begins before somebody has looked.
const AWAY_MAX: SignedDuration = SignedDuration::from_mins(10);

impl Day {
    /// What was commanded and is not answered, as far as the day knows. Whoever replayed a journal gets the same back
    /// for `coordinator.restarted`.
    pub fn outstanding(&self) -> Vec<DayCommand> {
        let mut out: Vec<DayCommand> = Vec::new();
        if self.state == DayState::Preflight {
            out.extend(self.looks());
        }
        if self.state.is_over() {
            if self.drill_runs() {
                let why = self.why.clone().unwrap_or_default();
                out.push(DayCommand::StopDrill { why: format!("the game day was stopped by {why}") });
            } else {
                out.extend([DayCommand::WriteReport {}, DayCommand::Close {}]);
            }
        } else if let (DayState::Running, Some(RunState::Ordered {}), Some(run)) =
            (self.state, self.runs.get(self.done), self.plan.runs.get(self.done))
        {
            out.push(DayCommand::BeginInject { run: run.number });
        }
        out.extend(self.wake_at().map(|at| DayCommand::WakeAt { at }));
        out
    }

    pub(super) fn restarted(&mut self, out: &mut Vec<DayCommand>, now: Timestamp, drill: Option<String>) {
        let away = now.duration_since(self.last);
        let running = self.state == DayState::Running;
        match drill {
            Some(drill) if running => {
                self.pause(out, format!("the coordinator was restarted while {drill} ran"));
            }
            Some(_) => {}
            None => {
                // A beginning is journalled before anything is done: this one never came to that.
                self.order_anew();
                if running && away > AWAY_MAX {
                    let away = away.as_mins();
                    self.pause(out, format!("the coordinator was away for {away} minutes"));
                }
                self.proceed(out, now);
            }
        }
        self.wake = self.wake_at();
        // What closes the day is said once more only when it was said before.
        if self.closing || !self.state.is_over() || self.drill_runs() {
            for command in self.outstanding() {
                if !out.contains(&command) {
                    out.push(command);
                }
            }
        }
    }

    /// Acts on every time that has come.
    pub(super) fn time_passed(&mut self, out: &mut Vec<DayCommand>, now: Timestamp) {
        match self.state {
            DayState::Draft | DayState::Approved => {
                self.expire(out, now);
                self.look_at_deadline(out, now);
            }
            DayState::Preflight => {
                self.expire(out, now);
                self.look_at_deadline(out, now);
            }
            DayState::Reviewing => self.look_at_review(out, now),
            // A run that waited begins with `time.passed` alone: a pause or a stop that comes first is first.
            DayState::Running | DayState::Paused | DayState::Closed | DayState::Stopped => {}
        }
    }

    /// The next time that matters.
    fn wake_at(&self) -> Option<Timestamp> {
        match self.state {
            DayState::Draft | DayState::Approved | DayState::Preflight => {
                self.first_expiry().into_iter().chain(self.deadline()).min()
            }
            DayState::Running => self.run_waits_until(),
            DayState::Reviewing => self.review_by,
            DayState::Paused | DayState::Closed | DayState::Stopped => None,
        }
    }

    pub(super) fn wish_to_wake(&mut self, out: &mut Vec<DayCommand>) {
        let wish = self.wake_at();
        if wish != self.wake {
            self.wake = wish;
            out.extend(wish.map(|at| DayCommand::WakeAt { at }));
        }
    }

    /// Whether the run that goes on is a question.
    pub(super) fn asks(&self, place: usize) -> bool {
        self.plan.runs.get(place).is_some_and(|run| matches!(run.what, RunWhat::Ask { .. }))
    }
}
