use std::fmt;
use std::str::FromStr;

use super::byte_size;
use super::period::short;
use super::{QuantityError, travels_as_text};

/// Bytes per second: `100KB/s`, `1MiB/s`. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteRate(u64);

travels_as_text!(
    ByteRate,
    "bytes per second, for example `100KB/s`",
    r"^[0-9]+(\.[0-9]+)?(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)/s$"
);

impl ByteRate {
    /// The number of bytes per second, at least 1.
    pub const fn bytes_per_second(self) -> u64 {
        self.0
    }

    /// From bytes per second; zero is refused, because it is a black hole and has a fault of its own.
    pub const fn from_bytes_per_second(rate: u64) -> Option<Self> {
        if rate == 0 { None } else { Some(Self(rate)) }
    }
}

impl FromStr for ByteRate {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let no =
            |why: &str| QuantityError::new(format!("`{}` {why}; write for example `100KB/s`", short(text)));
        let amount = text.strip_suffix("/s").ok_or_else(|| no("does not end in `/s`"))?;
        match byte_size::read(amount) {
            Ok(0) => Err(no("lets nothing through (the fault `blackhole` does that)")),
            Ok(rate) => Ok(Self(rate)),
            Err(why) => Err(no(why)),
        }
    }
}

impl fmt::Display for ByteRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        byte_size::print(self.0, f)?;
        f.write_str("/s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_its_canonical_text() {
        let rate: ByteRate = "100KB/s".parse().unwrap();
        assert_eq!((rate.bytes_per_second(), rate.to_string().as_str()), (100_000, "100KB/s"));
    }

    #[test]
    fn refuses_what_is_no_rate() {
        for text in ["", "100", "100KB", "100KB/m", "0B/s", "0.1B/s"] {
            text.parse::<ByteRate>().unwrap_err();
        }
    }
}
