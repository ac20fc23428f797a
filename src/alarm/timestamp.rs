//! Times as monitoring systems write them.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What a field holds that should hold a time; anything else than text or a number counts as no time.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Claim {
    Text(String),
    Whole(i64),
    Fraction(f64),
    Other(IgnoredAny),
}

impl Claim {
    pub(super) fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Text(text) => from_text(text),
            Self::Whole(number) => from_epoch(*number),
            Self::Fraction(seconds) => from_fraction(*seconds),
            Self::Other(_) => None,
        }
    }
}

/// A time from text: RFC 3339 with up to nine digits of a second, an offset with or without colon, a blank instead of
/// the `T`, or a number as in [`from_epoch`]. The year 1 is Go's word for no time.
pub fn from_text(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    if let Ok(number) = text.parse() {
        return from_epoch(number);
    }
    if let Ok(seconds) = text.parse() {
        return from_fraction(seconds);
    }
    let time: Timestamp = text.parse().ok()?;
    if time < YEAR_2 { None } else { Some(time) }
}

const YEAR_2: Timestamp = Timestamp::constant(-62_104_060_800, 0);

/// A time since 1970, in seconds, milliseconds, microseconds or nanoseconds: its size tells which, for any time from
/// 1973 on. Zero is no time.
pub fn from_epoch(number: i64) -> Option<Timestamp> {
    match number.unsigned_abs() {
        0 => None,
        1..100_000_000_000 => Timestamp::from_second(number).ok(),
        100_000_000_000..100_000_000_000_000 => Timestamp::from_millisecond(number).ok(),
        100_000_000_000_000..100_000_000_000_000_000 => Timestamp::from_microsecond(number).ok(),
        _ => Timestamp::from_nanosecond(i128::from(number)).ok(),
    }
}

/// A time since 1970 with a fraction; the unit as in [`from_epoch`], kept to the microsecond, as far as doubles hold.
fn from_fraction(number: f64) -> Option<Timestamp> {
    if !number.is_finite() || number.abs() >= 9e18 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked; the fraction is meant to go")]
    if number.abs() < 1e11 {
        Timestamp::from_microsecond((number * 1e6).round() as i64).ok().filter(|_| number != 0.0)
    } else {
        from_epoch(number.round() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_time_is_read() {
        for (text, expected) in [
            ("2026-11-21T12:30:25.625Z", Some("2026-11-21T12:30:25.625Z")),
            ("2026-11-21T12:30:25.123456789Z", Some("2026-11-21T12:30:25.123456789Z")),
            ("2026-11-21T13:30:25+01:00", Some("2026-11-21T12:30:25Z")),
            ("2015-07-17T08:42:58.315+0000", Some("2015-07-17T08:42:58.315Z")),
            ("2015-07-17T10:42:58.315+0200", Some("2015-07-17T08:42:58.315Z")),
            ("2026-11-21 12:30:25Z", Some("2026-11-21T12:30:25Z")),
            ("1420452193", Some("2015-01-05T10:03:13Z")),
            ("1420452193.5", Some("2015-01-05T10:03:13.5Z")),
            ("1420452193166", Some("2015-01-05T10:03:13.166Z")),
            ("1420452193166002", Some("2015-01-05T10:03:13.166002Z")),
            ("1420452193166002000", Some("2015-01-05T10:03:13.166002Z")),
            ("0001-01-01T00:00:00Z", None),
            ("0001-01-01T00:00:00+0000", None),
            ("0", None),
            ("0.0", None),
            ("", None),
            ("yesterday", None),
            ("2026-11-21T12:30:25", None),
            ("NaN", None),
            ("1e300", None),
            ("99999999999999999999999999", None),
        ] {
            assert_eq!(from_text(text).map(|time| time.to_string()), expected.map(str::to_owned), "{text}");
        }
        assert_eq!(YEAR_2.to_string(), "0002-01-01T00:00:00Z");
    }

    #[test]
    fn a_claim_of_any_form_is_no_error() {
        for (json, expected) in [
            ("\"2026-11-21T12:30:25Z\"", Some("2026-11-21T12:30:25Z")),
            ("1420452193166", Some("2015-01-05T10:03:13.166Z")),
            ("1420452193.5", Some("2015-01-05T10:03:13.5Z")),
            ("null", None),
            ("{\"a\":[1]}", None),
            ("18446744073709551615", None),
        ] {
            let claim: Claim = serde_json::from_str(json).unwrap();
            assert_eq!(claim.time().map(|time| time.to_string()), expected.map(str::to_owned), "{json}");
        }
    }
}
