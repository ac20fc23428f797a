//! When a game day happens: dates and cron in a time zone, windows, blackouts, and until when it may still begin.
//!
//! All is said in the wall time of one zone. Where the clocks go forward, a time that does not exist is the first
//! instant that does; where they go back, a time that exists twice is meant once, the first time.

mod blackout;
pub mod calendar;
mod cron;
mod occurrence;
#[cfg(test)]
mod tests;
mod window;
mod zone;

use std::fmt;
use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use blackout::Blackout;
pub use cron::{Cron, CronLine};
pub use occurrence::{Occurrence, Occurrences};
pub use window::Window;
pub use zone::Zone;

use crate::fault::Period;

/// When a game day happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    /// Once, or again and again.
    pub when: When,
    /// The zone of all its times, as the tz database names it.
    pub timezone: Zone,
    /// How long it is to take at most; absent: not said.
    pub duration: Option<Period>,
    /// When it may run; empty: always.
    pub windows: Vec<Window>,
    /// When it may not.
    pub blackouts: Vec<Blackout>,
    /// How long after its time it may still begin.
    pub start_deadline: Period,
}

/// Once, or again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Once, at this time in the zone.
    At(DateTime),
    /// At the times that a cron line names. Day of month and day of week must both fit.
    Cron(Cron),
}

/// One occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Due {
    /// When it begins.
    pub at: Timestamp,
    /// After this it is skipped.
    pub deadline: Timestamp,
}

/// Why nothing may run at some time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Why {
    /// A blackout.
    Blackout {
        /// Which.
        blackout: Blackout,
        /// The first day after it.
        until: Date,
    },
    /// None of the windows is open.
    NoWindow {
        /// The windows, as written.
        windows: Vec<Window>,
        /// When the next one opens, in the schedule's zone.
        opens: Option<DateTime>,
    },
    /// A window is open and closes too soon.
    WindowCloses {
        /// When, in the schedule's zone.
        at: DateTime,
        /// How long was asked for.
        needed: Period,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blackout { blackout, .. } => write!(f, "blackout: {blackout}"),
            Self::NoWindow { windows, opens } => {
                let windows: Vec<String> = windows.iter().map(ToString::to_string).collect();
                write!(f, "outside its windows ({})", windows.join("; "))?;
                match opens {
                    Some(opens) => write!(f, "; the next one opens {}", opens.strftime("%a %F %H:%M")),
                    None => Ok(()),
                }
            }
            Self::WindowCloses { at, needed } => {
                write!(f, "the window closes {}, and {needed} are needed", at.strftime("%a %F %H:%M"))
            }
        }
    }
}

impl Schedule {
    /// The first occurrence after this time that neither a blackout nor a window forbids. Nothing: there is none.
    /// `about` is how long it is taken to last where `duration` does not say.
    pub fn next(&self, after: Timestamp, about: Duration) -> Option<Due> {
        self.occurrences(after, about)
            .find(|occurrence| occurrence.barred.is_none())
            .map(|occurrence| occurrence.due)
    }

    /// What forbids the first occurrence after this time; nothing when nothing does, or there is none.
    pub fn bars(&self, after: Timestamp, about: Duration) -> Option<Why> {
        self.occurrences(after, about).next().and_then(|occurrence| occurrence.barred)
    }

    /// Whether something that takes this long may begin now.
    pub fn may_run(&self, now: Timestamp, how_long: Duration) -> Result<(), Why> {
        let at = self.timezone.wall(now);
        // What goes on over midnight must not run into a blackout.
        let end = self.timezone.wall(now.saturating_add(signed(how_long)).unwrap_or(now));
        for blackout in &self.blackouts {
            let mut day = at.date();
            while day <= end.date() {
                let starts_there = day == at.date() || end > day.to_datetime(jiff::civil::Time::midnight());
                if starts_there && let Some(until) = blackout.over_after(day) {
                    return Err(Why::Blackout { blackout: blackout.clone(), until });
                }
                let Ok(next) = day.tomorrow() else { break };
                day = next;
            }
        }
        if self.windows.is_empty() {
            return Ok(());
        }
        match self.open_until(at) {
            None => Err(Why::NoWindow {
                windows: self.windows.clone(),
                opens: self.windows.iter().filter_map(|window| window.opens(at)).min(),
            }),
            Some(closes) if closes < end => {
                let needed = Period::from_secs(how_long.as_secs());
                Err(Why::WindowCloses { at: closes, needed })
            }
            Some(_) => Ok(()),
        }
    }

    /// Until when a window is open without a break; nothing when none is.
    fn open_until(&self, at: DateTime) -> Option<DateTime> {
        let mut until = self.windows.iter().filter_map(|window| window.end_of(at)).max()?;
        // Windows that meet or overlap are one. Seven days hold every pattern of a week.
        for _ in 0..64 {
            match self.windows.iter().filter_map(|window| window.end_of(until)).max() {
                Some(later) if later > until => until = later,
                _ => break,
            }
        }
        Some(until)
    }
}

fn signed(length: Duration) -> SignedDuration {
    SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX)
}
