use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::period::short;
use super::{QuantityError, number_and_unit, travels_as_text};

/// How often something happens: `20/s`, `90/m`. Never zero, at most 100,000 a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frequency {
    /// Events per hour: an integer holds `1/h` as well as `100000/s` exactly.
    per_hour: u64,
}

travels_as_text!(Frequency, "how often, for example `20/s` or `90/m`", r"^[0-9]+(\.[0-9]+)?/(s|m|h)$");

impl Frequency {
    /// The most that can be asked for, per second.
    pub const MAX_PER_SECOND: u64 = 100_000;

    /// Events per second, for arithmetic that tolerates rounding.
    pub fn per_second(self) -> f64 {
        self.per_hour as f64 / 3_600.0
    }

    /// When the `n`-th event (from 0) is due after the first. Exact: rounding never adds up over a long run.
    pub fn due(self, n: u64) -> Duration {
        let nanos = u128::from(n) * 3_600_000_000_000 / u128::from(self.per_hour);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl FromStr for Frequency {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let no = |why: &str| {
            QuantityError::new(format!("`{}` {why}; write for example `20/s` or `90/m`", short(text)))
        };
        let (number, unit) = number_and_unit(text).ok_or_else(|| no("does not say how often"))?;
        let factor = match unit {
            "/s" => 3_600.0,
            "/m" => 60.0,
            "/h" => 1.0,
            "" => return Err(no("has no unit")),
            _ => return Err(no("has a unit that is not one of /s, /m, /h")),
        };
        let per_hour = (number * factor).round() as u64;
        if per_hour == 0 {
            return Err(no("is less than once an hour"));
        }
        if per_hour > Self::MAX_PER_SECOND * 3_600 {
            return Err(no("is more than 100000/s"));
        }
        Ok(Self { per_hour })
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per_hour {
            n if n.is_multiple_of(3_600) => write!(f, "{}/s", n / 3_600),
            n if n.is_multiple_of(60) => write!(f, "{}/m", n / 60),
            n => write!(f, "{n}/h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_prints_and_knows_when_each_event_is_due() {
        let often: Frequency = "20/s".parse().unwrap();
        assert_eq!(often.to_string(), "20/s");
        assert_eq!(often.due(0), Duration::ZERO);
        assert_eq!(often.due(20_000), Duration::from_secs(1_000), "no drift");
        assert_eq!("1.5/s".parse::<Frequency>().unwrap().to_string(), "90/m");
    }

    #[test]
    fn refuses_what_does_not_say_how_often() {
        for text in ["", "20", "/s", "0/s", "20/d", "100001/s", "-1/s"] {
            text.parse::<Frequency>().unwrap_err();
        }
    }
}
