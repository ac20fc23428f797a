//! From agreed to begun: its time comes, somebody starts it, or it is skipped.

use std::time::Duration;

use jiff::Timestamp;

use super::Day;
use crate::gameday::event::DayCommand;
use crate::gameday::record::DayState;

/// Who acts when nobody does.
const SCHEDULE: &str = "schedule";

impl Day {
    pub(super) fn due(&mut self, out: &mut Vec<DayCommand>, now: Timestamp) {
        self.is_due = true;
        if self.state != DayState::Approved {
            return;
        }
        match self.may_begin(now) {
            Ok(()) => self.look(out, now),
            Err(why) => self.missed(out, why),
        }
    }

    pub(super) fn missed(&mut self, out: &mut Vec<DayCommand>, why: String) {
        self.stop(out, SCHEDULE.to_owned(), why, true);
    }

    pub(super) fn start_requested(&mut self, out: &mut Vec<DayCommand>, now: Timestamp) {
        if self.state == DayState::Preflight {
            self.look_again(out);
        } else {
            // Started by hand it has no deadline.
            self.is_due = false;
            self.look(out, now);
        }
    }

    /// Whether its schedule lets all of it happen from now on.
    pub(super) fn may_begin(&self, now: Timestamp) -> Result<(), String> {
        let estimate = self.plan.estimate();
        let said = self.plan.schedule.as_ref().and_then(|schedule| schedule.duration);
        self.may_run(now, said.map_or(estimate, |said| said.duration()))
    }

    pub(super) fn may_run(&self, now: Timestamp, how_long: Duration) -> Result<(), String> {
        match &self.plan.schedule {
            Some(schedule) => schedule.may_run(now, how_long).map_err(|why| why.to_string()),
            None => Ok(()),
        }
    }

    /// Until when it must have begun.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let waits = matches!(self.state, DayState::Draft | DayState::Approved | DayState::Preflight);
        self.plan.due.filter(|_| self.is_due && waits).map(|due| due.deadline)
    }

    pub(super) fn look_at_deadline(&mut self, out: &mut Vec<DayCommand>, now: Timestamp) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        let why = match self.state {
            DayState::Draft => format!("{} approvals were missing", self.missing_approvals()),
            _ => format!("preflight was not done: {}", self.open_items().join(", ")),
        };
        self.missed(out, format!("its start deadline is over: {why}"));
    }
}
