use std::fmt;
use std::str::FromStr;

use super::period::short;
use super::{QuantityError, number_and_unit, travels_as_text};

/// A share from 0 to 100 %, exact to a millionth: `25%`, `0.01%`.
///
/// Kept as an integer number of parts per million, so that a decision made from it is the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u32);

travels_as_text!(Percent, "a share with its sign, for example `25%`", r"^[0-9]+(\.[0-9]+)?%$");

impl Percent {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Everything.
    pub const ALL: Self = Self(1_000_000);

    /// The share as parts per million.
    pub const fn parts_per_million(self) -> u32 {
        self.0
    }

    /// From parts per million; more than a million is everything.
    pub const fn from_parts_per_million(parts: u32) -> Self {
        Self(if parts > 1_000_000 { 1_000_000 } else { parts })
    }

    /// The share as a fraction from 0 to 1, for printing and statistics.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 1e6
    }
}

impl FromStr for Percent {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let no = |why: &str| QuantityError::new(format!("`{}` {why}; write for example `25%`", short(text)));
        match number_and_unit(text) {
            Some((number, "%")) if number > 100.0 => Err(no("is more than 100%")),
            Some((number, "%")) => {
                let parts = (number * 1e4).round() as u32;
                if parts == 0 && number > 0.0 {
                    return Err(no("is smaller than 0.0001%"));
                }
                Ok(Self(parts))
            }
            Some((_, "")) => Err(no("has no `%`")),
            _ => Err(no("is no share")),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 10_000, self.0 % 10_000);
        if part == 0 {
            return write!(f, "{whole}%");
        }
        let digits = format!("{part:04}");
        write!(f, "{whole}.{}%", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_its_canonical_text() {
        for (text, canonical, parts) in
            [("25%", "25%", 250_000), ("0.01%", "0.01%", 100), ("100%", "100%", 1_000_000), ("0%", "0%", 0)]
        {
            let share: Percent = text.parse().unwrap();
            assert_eq!((share.parts_per_million(), share.to_string().as_str()), (parts, canonical));
        }
    }

    #[test]
    fn refuses_what_is_no_share() {
        for text in ["", "%", "25", "101%", "-1%", "nan%", "1e1%", "0.00001%", "25 %", "25%%"] {
            text.parse::<Percent>().unwrap_err();
        }
    }
}
