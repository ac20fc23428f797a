//! The times at which a schedule wants to run, one after the other, with what forbids some of them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CronLine, Due, Schedule, When, Why, signed};

/// One time at which a schedule wants to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Occurrence {
    /// When.
    pub due: Due,
    /// What forbids it; absent: nothing.
    pub barred: Option<Why>,
}

/// The occurrences of a schedule after some time. Of those that one blackout or one closed window forbids, only the
/// first is told.
#[derive(Debug)]
pub struct Occurrences<'a> {
    schedule: &'a Schedule,
    line: Option<CronLine>,
    /// The next is looked for after this.
    wall: DateTime,
    after: Timestamp,
    /// How long each takes.
    length: Duration,
    /// How many more are looked at.
    left: u32,
}

/// A schedule that is forbidden this often in a row never runs.
const LOOKED_AT_MAX: u32 = 2_000;

impl Schedule {
    /// When it wants to run after this time, with what forbids it. `about` is how long it is taken to last where
    /// `duration` does not say.
    pub fn occurrences(&self, after: Timestamp, about: Duration) -> Occurrences<'_> {
        let line = match &self.when {
            When::Cron(cron) => cron.line(),
            When::At(_) => None,
        };
        let length = self.duration.map_or(about, |said| said.duration());
        // Where the clocks go back, the same wall time may still come.
        let wall = self.timezone.wall(after).saturating_sub(jiff::Span::new().days(1));
        Occurrences { schedule: self, line, wall, after, length, left: LOOKED_AT_MAX }
    }
}

impl Iterator for Occurrences<'_> {
    type Item = Occurrence;

    fn next(&mut self) -> Option<Occurrence> {
        while self.left > 0 {
            self.left -= 1;
            let wall = match (&self.schedule.when, &self.line) {
                (When::At(at), _) => {
                    self.left = 0;
                    *at
                }
                (When::Cron(_), line) => line.as_ref()?.after(self.wall)?,
            };
            self.wall = wall;
            let Some(at) = self.schedule.timezone.instant(wall) else { continue };
            // Several wall times that do not exist are one instant.
            if at <= self.after {
                continue;
            }
            let barred = self.schedule.may_run(at, self.length).err();
            self.after = at;
            if let Some(until) = barred.as_ref().and_then(free_from) {
                // The search goes on after a time, and that one may be meant.
                self.wall = self.wall.max(until.saturating_sub(jiff::Span::new().seconds(1)));
            }
            let deadline =
                at.saturating_add(signed(self.schedule.start_deadline.duration())).unwrap_or(Timestamp::MAX);
            return Some(Occurrence { due: Due { at, deadline }, barred });
        }
        None
    }
}

/// Until when nothing can run because of this, in the schedule's zone.
fn free_from(why: &Why) -> Option<DateTime> {
    match why {
        // What would run into a blackout may still be followed by something, but never before the blackout is over,
        // for all that comes takes as long.
        Why::Blackout { until, .. } => Some(until.to_datetime(Time::midnight())),
        Why::NoWindow { opens, .. } => *opens,
        Why::WindowCloses { at, .. } => Some(*at),
    }
}
