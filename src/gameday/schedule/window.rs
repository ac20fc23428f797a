//! Hours of the week in which a game day may run: `Mon-Thu 09:00-16:00`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{DateTime, Time};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Hours on some days of the week. One that ends before it begins goes over midnight and belongs to the day on which
/// it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Window {
    /// As it was written.
    text: String,
    /// From Monday.
    days: [bool; 7],
    /// Minutes since midnight.
    from: i32,
    /// Minutes since midnight; more than a day's when it goes over midnight.
    to: i32,
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY: i32 = 24 * 60;

impl Window {
    /// When the window that holds this moment ends.
    pub(super) fn end_of(&self, at: DateTime) -> Option<DateTime> {
        // Yesterday's window may still be open.
        [0, 1].into_iter().find_map(|back| {
            let day = at.date().checked_sub(jiff::Span::new().days(back)).ok()?;
            let (from, to) = self.on(day)?;
            (from <= at && at < to).then_some(to)
        })
    }

    /// When it opens next, at this moment or later.
    pub(super) fn opens(&self, at: DateTime) -> Option<DateTime> {
        (0..8).find_map(|ahead| {
            let day = at.date().checked_add(jiff::Span::new().days(ahead)).ok()?;
            let (from, _) = self.on(day)?;
            (from >= at).then_some(from)
        })
    }

    /// Its hours on one day, when it has any.
    fn on(&self, day: jiff::civil::Date) -> Option<(DateTime, DateTime)> {
        if !self.days[usize::try_from(day.weekday().to_monday_zero_offset()).ok()?] {
            return None;
        }
        let midnight = day.to_datetime(Time::midnight());
        let after = |minutes: i32| midnight.checked_add(jiff::Span::new().minutes(minutes)).ok();
        Some((after(self.from)?, after(self.to)?))
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write days and hours, for example `Mon-Thu 09:00-16:00`".to_owned();
        let (names, hours) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let mut days = [false; 7];
        for part in names.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (day(first)?, day(last)?);
            let mut at = first;
            days[at] = true;
            while at != last {
                at = (at + 1) % 7;
                days[at] = true;
            }
        }
        let (from, to) = hours.trim().split_once('-').ok_or_else(wrong)?;
        let (from, to) = (minutes(from).ok_or_else(wrong)?, minutes(to).ok_or_else(wrong)?);
        if from == to || from == DAY {
            return Err("it holds no time: write for example `Mon-Thu 09:00-16:00`".to_owned());
        }
        let to = if to < from { to + DAY } else { to };
        Ok(Self { text: text.trim().to_owned(), days, from, to })
    }
}

fn day(name: &str) -> Result<usize, String> {
    DAYS.iter()
        .position(|day| *day == name)
        .ok_or_else(|| format!("the days are {}; hours follow after a space", DAYS.join(", ")))
}

/// `09:00` as minutes since midnight; `24:00` is the end of the day.
fn minutes(text: &str) -> Option<i32> {
    let (hour, minute) = text.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
    let (hour, minute): (u8, u8) = (hour.parse().ok()?, minute.parse().ok()?);
    let whole = i32::from(hour) * 60 + i32::from(minute);
    (minute < 60 && whole <= DAY).then_some(whole)
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Window {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.text
    }
}

impl JsonSchema for Window {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Window".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "Days and hours, for example `Mon-Thu 09:00-16:00`." })
    }
}
