use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{QuantityError, number_and_unit, travels_as_text};

/// A length of time: `90s`, `5m`, `1h30m`, `300ms`, `50us`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(Duration);

travels_as_text!(
    Period,
    "a length of time with its unit, for example `300ms`, `90s` or `1h30m`",
    r"^([0-9]+(\.[0-9]+)?(us|ms|s|m|h|d))+$"
);

impl Period {
    /// No time at all.
    pub const ZERO: Self = Self(Duration::ZERO);
    /// The longest that can be asked for; nothing in a drill is meant to last longer.
    pub const MAX: Self = Self(Duration::from_secs(366 * 86_400));

    const UNITS: [(&str, f64); 6] =
        [("d", 86_400.0), ("h", 3_600.0), ("m", 60.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6)];

    /// A period of whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// A period of whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// The same length as the standard library's type.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// The length in nanoseconds; at most 366 days, so they always fit.
    pub const fn nanos(self) -> u64 {
        self.0.as_secs() * 1_000_000_000 + self.0.subsec_nanos() as u64
    }

    /// Whether it is no time at all.
    pub const fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl From<Duration> for Period {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl From<Period> for Duration {
    fn from(period: Period) -> Self {
        period.0
    }
}

impl FromStr for Period {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let no = |why: &str| {
            QuantityError::new(format!(
                "`{}` {why}; write for example `300ms`, `90s` or `1h30m`",
                short(text)
            ))
        };
        if text.is_empty() {
            return Err(no("is no length of time"));
        }
        let (mut rest, mut total, mut last_unit_s) = (text, 0.0, f64::INFINITY);
        while !rest.is_empty() {
            let (number, tail) = number_and_unit(rest).ok_or_else(|| no("is no length of time"))?;
            let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, next) = tail.split_at(unit_end);
            if unit.is_empty() {
                return Err(no("has no unit"));
            }
            let Some(&(_, unit_s)) = Self::UNITS.iter().find(|(name, _)| *name == unit) else {
                return Err(no("has a unit that is not one of d, h, m, s, ms, us"));
            };
            if unit_s >= last_unit_s {
                return Err(no("does not go from large units to small ones"));
            }
            (total, last_unit_s, rest) = (total + number * unit_s, unit_s, next);
        }
        if total > Self::MAX.0.as_secs_f64() {
            return Err(no("is longer than 366d"));
        }
        // Rounded to whole microseconds, so that `0.3s` is exactly `300ms`.
        Ok(Self(Duration::from_micros((total * 1e6).round() as u64)))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut micros = self.0.as_micros();
        if micros == 0 {
            return f.write_str("0s");
        }
        const STEPS: [(&str, u128); 6] = [
            ("d", 86_400_000_000),
            ("h", 3_600_000_000),
            ("m", 60_000_000),
            ("s", 1_000_000),
            ("ms", 1_000),
            ("us", 1),
        ];
        for (unit, size) in STEPS {
            if micros >= size {
                write!(f, "{}{unit}", micros / size)?;
                micros %= size;
            }
        }
        Ok(())
    }
}

/// At most 40 characters of what was written, so that a message stays one line.
pub(super) fn short(text: &str) -> String {
    let mut out: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_its_canonical_text() {
        for (text, canonical, micros) in [
            ("90s", "1m30s", 90_000_000),
            ("300ms", "300ms", 300_000),
            ("0.3s", "300ms", 300_000),
            ("1h30m", "1h30m", 5_400_000_000),
            ("50us", "50us", 50),
            ("0s", "0s", 0),
            ("1.5m", "1m30s", 90_000_000),
        ] {
            let period: Period = text.parse().unwrap();
            assert_eq!(period.duration().as_micros(), micros, "{text}");
            assert_eq!(period.to_string(), canonical);
            assert_eq!(canonical.parse::<Period>().unwrap(), period, "the canonical text reads back");
        }
    }

    #[test]
    fn refuses_what_has_no_clear_length_and_says_how_to_write_it() {
        for text in
            ["", "5", "s", "5 s", "-5s", "1e3s", "infs", "nan", "5x", "1s1m", "1m1m", "400d", "1..5s", "٣s"]
        {
            let error = text.parse::<Period>().unwrap_err().to_string();
            assert!(error.contains("write for example"), "{text}: {error}");
        }
    }
}
