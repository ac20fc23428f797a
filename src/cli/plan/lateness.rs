//! What a `latency` does, in words.

use crate::fault::{Distribution, Latency, Percent};

/// `whose` bytes come how late.
pub(super) fn of(latency: &Latency, whose: &str) -> String {
    let distribution = latency.distribution();
    let how_late = match (distribution, latency.table.first(), latency.table.last()) {
        (Distribution::Table, Some((_, shortest)), Some((_, longest))) => {
            format!("{shortest} to {longest} late, as measured in {} points", latency.table.len())
        }
        _ if latency.jitter.is_zero() => format!("{} late", latency.delay),
        _ => format!("{} ± {} ({}) late", latency.delay, latency.jitter, super::words::word(&distribution)),
    };
    let like = latency.correlation.filter(|share| *share > Percent::ZERO);
    let like = like.map(|share| format!(", each like the one before by {share}")).unwrap_or_default();
    let ramp = latency.ramp.map(|ramp| format!(", growing to that within {ramp}")).unwrap_or_default();
    let wave = latency.wave.map(|wave| {
        let low = if wave.low.is_zero() { "nothing".to_owned() } else { wave.low.to_string() };
        format!(", between that and {low} as a {} every {}", super::words::word(&wave.shape), wave.period)
    });
    format!("{whose} come {how_late}{like}{ramp}{}", wave.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_makes_a_delay_is_said() {
        for (json, words) in [
            (r#"{"delay": "200ms"}"#, "bytes come 200ms late"),
            (r#"{"delay": "2s", "jitter": "1s"}"#, "bytes come 2s ± 1s (uniform) late"),
            (
                r#"{"table": [["0%", "1ms"], ["100%", "2s"]], "correlation": "30%"}"#,
                "bytes come 1ms to 2s late, as measured in 2 points, each like the one before by 30%",
            ),
            (
                r#"{"delay": "2s", "ramp": "1m", "wave": {"shape": "sine", "period": "30s"}}"#,
                "bytes come 2s late, growing to that within 1m, between that and nothing as a sine every 30s",
            ),
        ] {
            assert_eq!(of(&serde_json::from_str(json).unwrap(), "bytes"), words);
        }
    }
}
