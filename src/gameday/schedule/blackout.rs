//! Days on which no game day may run.

use std::fmt;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whole days in the schedule's zone on which no game day may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Blackout {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// Whether it comes again every year.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub yearly: bool,
    /// What it is, where a calendar says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
}

impl Blackout {
    /// The first day after this one on which it no longer holds; nothing when it does not hold on this day.
    pub(super) fn over_after(&self, day: Date) -> Option<Date> {
        if !self.yearly {
            // One that lasts until the end of the calendar is never over, and holds all the same.
            return (self.from <= day && day <= self.to).then(|| self.to.tomorrow().unwrap_or(Date::MAX));
        }
        if day < self.from {
            return None;
        }
        let length = self.from.until(self.to).ok()?.get_days();
        // One that began last year may go on over new year.
        [day.year(), day.year() - 1].into_iter().find_map(|year| {
            // 29 February exists in leap years only.
            let from = Date::new(year, self.from.month(), self.from.day()).ok()?;
            let to = from.checked_add(jiff::Span::new().days(length)).ok()?;
            (from <= day && day <= to).then(|| to.tomorrow().ok()).flatten()
        })
    }
}

impl fmt::Display for Blackout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(what) = &self.what {
            write!(f, "{what}, ")?;
        }
        write!(f, "{}", self.from)?;
        if self.to != self.from {
            write!(f, " to {}", self.to)?;
        }
        if self.yearly { f.write_str(", every year") } else { Ok(()) }
    }
}
