//! The times in which Alertmanager tells nobody.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

/// A named time interval: it holds when one of its parts does.
#[derive(Clone, Debug)]
pub(super) struct Interval(Vec<Part>);

/// All given kinds must hold; a kind that is not given always holds.
#[derive(Clone, Debug)]
struct Part {
    zone: TimeZone,
    /// Minutes of the day, the end excluded.
    times: Option<Vec<(i64, i64)>>,
    /// 0 is Sunday.
    weekdays: Option<Vec<(i64, i64)>>,
    /// Negative: from the month's end.
    days: Option<Vec<(i64, i64)>>,
    months: Option<Vec<(i64, i64)>>,
    years: Option<Vec<(i64, i64)>>,
}

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Reads the named intervals. One that cannot be read is left out.
pub(super) fn read<'v>(named: impl Iterator<Item = &'v Value>) -> Vec<(String, Interval)> {
    let one = |value: &Value| {
        let name = value.get("name")?.as_str()?.to_owned();
        let parts = value.get("time_intervals")?.as_array()?;
        Some((name, Interval(parts.iter().map(part).collect::<Option<_>>()?)))
    };
    named.filter_map(one).collect()
}

impl Interval {
    /// Whether a time lies in it.
    pub(super) fn holds(&self, at: Timestamp) -> bool {
        self.0.iter().any(|part| part.holds(at))
    }
}

impl Part {
    fn holds(&self, at: Timestamp) -> bool {
        let at = at.to_zoned(self.zone.clone());
        let within = |ranges: &Option<Vec<(i64, i64)>>, value: i64| {
            ranges.as_ref().is_none_or(|all| all.iter().any(|(from, to)| (*from..=*to).contains(&value)))
        };
        let minute = i64::from(at.hour()) * 60 + i64::from(at.minute());
        let (day, length) = (i64::from(at.day()), i64::from(at.days_in_month()));
        let from_end = |day: i64| if day < 0 { length + 1 + day } else { day };
        let days = self
            .days
            .as_ref()
            .map(|all| all.iter().map(|(from, to)| (from_end(*from), from_end(*to))).collect::<Vec<_>>());
        within(&self.times, minute)
            && within(&self.weekdays, i64::from(at.weekday().to_sunday_zero_offset()))
            && within(&days, day)
            && within(&self.months, i64::from(at.month()))
            && within(&self.years, i64::from(at.year()))
    }
}

fn part(value: &Value) -> Option<Part> {
    let zone = match value.get("location").and_then(Value::as_str) {
        None => TimeZone::UTC,
        Some(name) => TimeZone::get(name).ok()?,
    };
    let times = match value.get("times") {
        None => None,
        Some(all) => Some(all.as_array()?.iter().map(time).collect::<Option<Vec<_>>>()?),
    };
    Some(Part {
        zone,
        times,
        weekdays: ranges(value, "weekdays", |word| position(&WEEKDAYS, word))?,
        days: ranges(value, "days_of_month", |word| word.parse().ok())?,
        months: ranges(value, "months", |word| {
            word.parse().ok().or_else(|| position(&MONTHS, word).map(|index| index + 1))
        })?,
        years: ranges(value, "years", |word| word.parse().ok())?,
    })
}

fn position(names: &[&str], word: &str) -> Option<i64> {
    names.iter().position(|name| *name == word).and_then(|index| i64::try_from(index).ok())
}

/// `{start_time: "09:00", end_time: "17:00"}`.
fn time(value: &Value) -> Option<(i64, i64)> {
    let minutes = |key: &str| {
        let (hours, minutes) = value.get(key)?.as_str()?.split_once(':')?;
        Some(hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?)
    };
    Some((minutes("start_time")?, minutes("end_time")? - 1))
}

/// A list of words and `from:to`. `Some(None)`: not given; `None`: unreadable.
#[expect(clippy::option_option, reason = "not given and unreadable are two things")]
fn ranges(value: &Value, key: &str, number: impl Fn(&str) -> Option<i64>) -> Option<Option<Vec<(i64, i64)>>> {
    let Some(written) = value.get(key) else { return Some(None) };
    let range = |entry: &Value| {
        let text = match entry {
            Value::String(text) => text.to_lowercase(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        let (from, to) = text.split_once(':').unwrap_or((&text, &text));
        Some((number(from)?, number(to)?))
    };
    written.as_array()?.iter().map(range).collect::<Option<Vec<_>>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_within_or_without() {
        // 2026-11-21 is a Saturday.
        let at: Timestamp = "2026-11-21T23:30:00Z".parse().unwrap();
        for (written, holds) in [
            (r#"{}"#, true),
            (r#"{"times": [{"start_time": "23:30", "end_time": "24:00"}]}"#, true),
            (r#"{"times": [{"start_time": "09:00", "end_time": "23:30"}]}"#, false),
            (r#"{"weekdays": ["monday:friday"]}"#, false),
            (r#"{"weekdays": ["friday:saturday"], "months": ["november:december"]}"#, true),
            (r#"{"weekdays": ["sunday"], "location": "Europe/Berlin"}"#, true),
            (r#"{"days_of_month": ["-10:-1"]}"#, true),
            (r#"{"days_of_month": ["1:20"]}"#, false),
            (r#"{"years": ["2025:2026"], "months": [11]}"#, true),
        ] {
            let value = serde_json::json!({"name": "x", "time_intervals": [serde_json::from_str::<Value>(written).unwrap()]});
            let read = read([&value].into_iter());
            assert_eq!(read[0].1.holds(at), holds, "{written}");
        }
        let bad = serde_json::json!({"name": "x", "time_intervals": [{"weekdays": ["someday"]}]});
        assert!(read([&bad].into_iter()).is_empty());
    }
}
