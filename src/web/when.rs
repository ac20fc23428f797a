//! Times as people say them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

/// Now, and where.
#[derive(Clone, Debug)]
pub(super) struct Now {
    pub at: Timestamp,
    pub zone: TimeZone,
}

impl Now {
    /// A moment with the day, in the coordinator's zone; a reader in another zone is told theirs by the page's script.
    pub(super) fn moment(&self, at: Timestamp) -> Markup {
        let text = at.to_zoned(self.zone.clone()).strftime("%a %-d %b %Y, %H:%M %Z").to_string();
        html! { time data-local datetime=(at.strftime("%Y-%m-%dT%H:%M:%SZ")) { (text) } }
    }

    /// How long until then, or since, in words; the page's script keeps it going.
    pub(super) fn away(&self, at: Timestamp) -> Markup {
        html! { span data-away=(at.as_millisecond()) { (away(self.at, at)) } }
    }
}

/// `in 3 d 4 h`, `5 min ago`.
pub(super) fn away(now: Timestamp, at: Timestamp) -> String {
    let secs = at.as_second() - now.as_second();
    let span = lasting(secs.unsigned_abs());
    if secs >= 0 { format!("in {span}") } else { format!("{span} ago") }
}

/// At most two units.
pub(super) fn lasting(secs: u64) -> String {
    let (days, hours, minutes) = (secs / 86_400, secs / 3600 % 24, secs / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{secs} s"),
        (0, 0, _) if minutes < 5 && !secs.is_multiple_of(60) => format!("{minutes} min {} s", secs % 60),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, 0) => format!("{hours} h"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (_, 0, _) => format!("{days} d"),
        (_, _, _) => format!("{days} d {hours} h"),
    }
}

/// `0:07`, `12:34`, `1:02:03`.
pub(super) fn clock(secs: u64) -> String {
    match secs {
        0..3600 => format!("{}:{:02}", secs / 60, secs % 60),
        _ => format!("{}:{:02}:{:02}", secs / 3600, secs % 3600 / 60, secs % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_at_most_two_units() {
        for (secs, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (120, "2 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (5400, "1 h 30 min"),
            (86_400, "1 d"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(lasting(secs), text);
        }
        assert_eq!((clock(7), clock(754), clock(3723)), ("0:07".into(), "12:34".into(), "1:02:03".into()));
    }

    #[test]
    fn what_is_to_come_and_what_was_are_told_apart() {
        let at = |secs| Timestamp::from_second(secs).unwrap();
        assert_eq!(away(at(100), at(160)), "in 1 min");
        assert_eq!(away(at(400), at(100)), "5 min ago");
    }
}
