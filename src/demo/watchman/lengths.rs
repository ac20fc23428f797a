//! Lengths of time as Prometheus writes them: `1m30s`, `5s`, `500ms`.

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The length, or nothing where it is written in another way.
pub(super) fn read(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut millis, mut next) = (text, 0_u64, 0);
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let letters = tail.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        // Each unit once, from the large to the small.
        let (n, (_, size)) = UNITS.iter().enumerate().skip(next).find(|(_, (name, _))| *name == unit)?;
        millis = millis.checked_add(number.parse::<u64>().ok()?.checked_mul(*size)?)?;
        (rest, next) = (tail, n + 1);
    }
    (!text.is_empty()).then(|| Duration::from_millis(millis))
}

/// A length as it is written.
pub(super) fn write(length: Duration) -> String {
    let mut millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, size) in UNITS {
        if millis >= size {
            text.push_str(&format!("{}{unit}", millis / size));
            millis %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_written_alike() {
        for (text, millis) in [("5s", 5_000), ("1m30s", 90_000), ("500ms", 500), ("1d2h", 93_600_000)] {
            assert_eq!(read(text), Some(Duration::from_millis(millis)), "{text}");
            assert_eq!(write(Duration::from_millis(millis)), text);
        }
        assert_eq!((read("0"), write(Duration::ZERO)), (Some(Duration::ZERO), "0s".to_owned()));
        for text in ["", "5", "s", "1s1m", "1s1s", "-1s", "1.5s", "99999999999999999999d"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
