use std::fmt;
use std::str::FromStr;

use super::period::short;
use super::{QuantityError, number_and_unit, travels_as_text};

/// An amount of bytes: `512B`, `64KiB`, `1MB`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

travels_as_text!(
    ByteSize,
    "an amount of bytes with its unit, for example `64KiB` or `1MB`",
    r"^[0-9]+(\.[0-9]+)?(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$"
);

/// Decimal and binary units, largest first so that printing picks the largest that divides.
pub(super) const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

impl ByteSize {
    /// From a number of bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// Reads `64KiB`; the caller adds how its own kind is written.
pub(super) fn read(text: &str) -> Result<u64, &'static str> {
    let (number, unit) = number_and_unit(text).ok_or("is no amount of bytes")?;
    if unit.is_empty() {
        return Err("has no unit");
    }
    let (_, size) = UNITS
        .iter()
        .find(|(name, _)| *name == unit || (*name == "KB" && unit == "kB"))
        .ok_or("has a unit that is not one of B, KB, MB, GB, TB, KiB, MiB, GiB, TiB")?;
    let bytes = number * *size as f64;
    if bytes > (1u64 << 50) as f64 {
        return Err("is more than 1024TiB");
    }
    Ok(bytes.round() as u64)
}

/// Prints with the largest unit that leaves a whole number.
pub(super) fn print(bytes: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (unit, size) =
        UNITS.iter().find(|(_, size)| bytes != 0 && bytes.is_multiple_of(*size)).unwrap_or(&("B", 1));
    write!(f, "{}{unit}", bytes / size)
}

impl FromStr for ByteSize {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        read(text).map(Self).map_err(|why| {
            QuantityError::new(format!("`{}` {why}; write for example `64KiB` or `1MB`", short(text)))
        })
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_its_canonical_text() {
        for (text, canonical, bytes) in [
            ("64KiB", "64KiB", 65_536),
            ("1MB", "1MB", 1_000_000),
            ("1.5KB", "1500B", 1_500),
            ("0B", "0B", 0),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, canonical));
        }
    }

    #[test]
    fn refuses_what_is_no_amount_of_bytes() {
        for text in ["", "5", "KB", "5kb", "-1KB", "infKB", "2000TiB"] {
            text.parse::<ByteSize>().unwrap_err();
        }
    }
}
