//! Lengths of time as Prometheus and Alertmanager write them: `1h30m`, `5m`, `90s`, `1d`, `0`.

use std::time::Duration;

const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The length, or nothing when it is written in another way.
pub(super) fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut millis, mut next_unit) = (text, 0_u64, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        // Each unit once, from the large to the small.
        let (n, (_, size)) = UNITS.iter().enumerate().skip(next_unit).find(|(_, (name, _))| *name == unit)?;
        millis = millis.checked_add(number.parse::<u64>().ok()?.checked_mul(*size)?)?;
        (rest, next_unit) = (tail, n + 1);
    }
    (!text.is_empty()).then(|| Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_prometheus_reads_them() {
        for (text, secs) in [
            ("0", Some(0)),
            ("0s", Some(0)),
            ("90s", Some(90)),
            ("1h30m", Some(5_400)),
            ("1w1d", Some(691_200)),
            ("5000ms", Some(5)),
            ("1y", Some(31_536_000)),
            ("", None),
            ("5", None),
            ("m", None),
            ("5 m", None),
            ("30m1h", None),
            ("1m1m", None),
            ("1.5m", None),
            ("-1m", None),
            ("5minutes", None),
            ("99999999999999999999s", None),
            ("18446744073709551615y", None),
        ] {
            assert_eq!(duration(text), secs.map(Duration::from_secs), "{text:?}");
        }
    }
}
