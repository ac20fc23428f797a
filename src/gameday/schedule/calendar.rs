//! Calendars (RFC 5545, `.ics`): whole days on which no game day may run, once or every year.

use jiff::Span;
use jiff::civil::Date;

use super::Blackout;

/// Events of one calendar beyond this are a mistake.
const EVENTS_MAX: usize = 10_000;
/// Of what is not acted on, so many are named.
const NAMED_MAX: usize = 20;

/// What a calendar says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Its all-day events.
    pub blackouts: Vec<Blackout>,
    /// The events that this version does not understand, by name.
    pub not_acted_on: Vec<String>,
}

/// An event as it is being read.
#[derive(Debug, Default)]
struct Event<'a> {
    summary: Option<String>,
    start: Option<(bool, &'a str)>,
    end: Option<&'a str>,
    duration: Option<&'a str>,
    rule: Option<&'a str>,
    more_rules: bool,
    is_cancelled: bool,
}

/// Reads a calendar.
pub fn read(text: &str) -> Result<Calendar, String> {
    let lines = unfolded(text);
    if lines.first().map(|line| line.to_ascii_uppercase()) != Some("BEGIN:VCALENDAR".to_owned()) {
        return Err("it does not begin with BEGIN:VCALENDAR".to_owned());
    }
    let (mut calendar, mut event, mut inner, mut count, mut left_out) =
        (Calendar::default(), None::<Event<'_>>, 0_u32, 0, 0);
    for (number, line) in lines.iter().enumerate() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let (name, parameters) = name.split_once(';').unwrap_or((name, ""));
        match (name.to_ascii_uppercase().as_str(), &mut event) {
            ("BEGIN", None) if value.eq_ignore_ascii_case("VEVENT") => event = Some(Event::default()),
            ("BEGIN", Some(_)) => inner += 1,
            ("END", Some(_)) if inner > 0 => inner -= 1,
            ("END", Some(_)) => {
                count += 1;
                if count > EVENTS_MAX {
                    return Err(format!("it has more than {EVENTS_MAX} events"));
                }
                let ended = event.take().unwrap_or_default();
                match ended.blackout() {
                    Ok(found) => calendar.blackouts.extend(found),
                    Err(why) if calendar.not_acted_on.len() < NAMED_MAX => {
                        calendar.not_acted_on.push(format!("event {}: {why}", ended.name(count)));
                    }
                    Err(_) => left_out += 1,
                }
                if ended.more_rules {
                    calendar.not_acted_on.push(format!("event {}: RDATE and EXDATE", ended.name(count)));
                }
            }
            // What is inside of an event, an alarm for example, is not of the event.
            (name, Some(event)) if inner == 0 => event.take(name, parameters, value),
            _ => {}
        }
        if number + 1 == lines.len() && event.is_some() {
            return Err("its last event does not end".to_owned());
        }
    }
    if left_out > 0 {
        calendar.not_acted_on.push(format!("{left_out} more events"));
    }
    Ok(calendar)
}

impl<'a> Event<'a> {
    fn take(&mut self, name: &str, parameters: &str, value: &'a str) {
        let whole_day = parameters.to_ascii_uppercase().contains("VALUE=DATE") && !value.contains('T');
        match name {
            "SUMMARY" => self.summary = Some(plain(value)),
            "DTSTART" => self.start = Some((whole_day || value.len() == 8, value)),
            "DTEND" => self.end = Some(value),
            "DURATION" => self.duration = Some(value),
            "RRULE" => self.rule = Some(value),
            "RDATE" | "EXDATE" => self.more_rules = true,
            "STATUS" => self.is_cancelled = value.eq_ignore_ascii_case("CANCELLED"),
            _ => {}
        }
    }

    fn name(&self, number: usize) -> String {
        let what = self.summary.as_deref().filter(|what| !what.is_empty());
        what.map_or_else(|| format!("number {number}"), |what| format!("`{what}`"))
    }

    /// The days that it takes; nothing when it does not take place; or what of it is not understood.
    fn blackout(&self) -> Result<Option<Blackout>, String> {
        if self.is_cancelled {
            return Ok(None);
        }
        let Some((whole_day, start)) = self.start else { return Err("it has no DTSTART".to_owned()) };
        if !whole_day {
            return Err("it is not of whole days".to_owned());
        }
        let from = date(start).ok_or("its DTSTART is no date")?;
        let to = match (self.end, self.duration) {
            // The end of an event is the first moment after it.
            (Some(end), _) => {
                let end = date(end).ok_or("its DTEND is no date")?;
                end.yesterday().map_err(|_| "its DTEND is no date")?.max(from)
            }
            (None, Some(duration)) => {
                let days = days(duration).ok_or("its DURATION is not of whole days")?;
                from.checked_add(Span::new().days(days - 1)).map_err(|_| "it never ends")?
            }
            (None, None) => from,
        };
        let yearly = match self.rule {
            None => false,
            Some(rule) if is_yearly(rule, from) => true,
            Some(rule) => return Err(format!("its repetition {rule}")),
        };
        Ok(Some(Blackout { from, to, yearly, what: self.summary.clone() }))
    }
}

/// Once a year on the day on which it began, for ever.
fn is_yearly(rule: &str, from: Date) -> bool {
    let parts: Vec<(String, &str)> = rule
        .split(';')
        .filter_map(|part| part.split_once('='))
        .map(|(k, v)| (k.to_ascii_uppercase(), v))
        .collect();
    let fits = |(key, value): &(String, &str)| match key.as_str() {
        "FREQ" => value.eq_ignore_ascii_case("YEARLY"),
        "INTERVAL" => *value == "1",
        "BYMONTH" => value.parse() == Ok(from.month()),
        "BYMONTHDAY" => value.parse() == Ok(from.day()),
        "WKST" => true,
        _ => false,
    };
    parts.iter().any(|(key, _)| key == "FREQ") && parts.iter().all(fits)
}

/// `20261224`.
fn date(text: &str) -> Option<Date> {
    let text = text.trim();
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Date::new(text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?).ok()
}

/// `P3D`, `P2W`.
fn days(text: &str) -> Option<i64> {
    let rest = text.trim().strip_prefix('P')?;
    let days = match (rest.strip_suffix('D'), rest.strip_suffix('W')) {
        (Some(days), _) => days.parse().ok()?,
        (_, Some(weeks)) => weeks.parse::<i64>().ok()?.checked_mul(7)?,
        _ => return None,
    };
    (1..=3_660).contains(&days).then_some(days)
}

/// A text without its escapes, as one short line.
fn plain(value: &str) -> String {
    let text = value.replace("\\,", ",").replace("\\;", ";").replace("\\n", " ").replace("\\N", " ");
    text.replace("\\\\", "\\").chars().filter(|c| !c.is_control()).take(100).collect()
}

/// Lines, each whole: one that begins with a blank goes on from the one before.
fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ if line.trim().is_empty() => {}
            _ => lines.push(line.trim_end().to_owned()),
        }
    }
    lines
}
