use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::Period;

/// How a delay comes and goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WaveShape {
    /// From `low` up to the whole delay and back, as a sine.
    Sine,
    /// The whole delay for half of each period, `low` for the other half.
    Square,
    /// From `low` up to the whole delay and back, evenly.
    Triangle,
    /// From `low` up to the whole delay, evenly, and down at once.
    Sawtooth,
}

/// A delay that comes and goes, counted from arming.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wave {
    /// How.
    pub shape: WaveShape,
    /// How long it takes to come, go and come again.
    pub period: Period,
    /// What is left of the delay where there is least of it.
    #[serde(default, skip_serializing_if = "Period::is_zero")]
    pub low: Period,
}

impl Wave {
    /// What `drawn_ns` comes to when the fault has stood for `stood_ns`. A delay that was drawn below `low` stays.
    pub(super) fn of(&self, drawn_ns: u64, stood_ns: u64) -> u64 {
        let low_ns = drawn_ns.min(self.low.duration().as_nanos() as u64);
        low_ns + ((drawn_ns - low_ns) as f64 * self.height(stood_ns)).round() as u64
    }

    /// How much of the whole there is, from 0 to 1.
    fn height(&self, stood_ns: u64) -> f64 {
        let period_ns = (self.period.duration().as_nanos() as u64).max(1);
        let turn = (stood_ns % period_ns) as f64 / period_ns as f64;
        match self.shape {
            WaveShape::Sine => (1.0 - (std::f64::consts::TAU * turn).cos()) / 2.0,
            WaveShape::Square if turn < 0.5 => 1.0,
            WaveShape::Square => 0.0,
            WaveShape::Triangle => 1.0 - (2.0 * turn - 1.0).abs(),
            WaveShape::Sawtooth => turn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_comes_and_goes_between_low_and_the_whole() {
        for (shape, eighths) in [
            ("sine", [20, 46, 110, 174, 200, 174, 110, 46]),
            ("square", [200, 200, 200, 200, 20, 20, 20, 20]),
            ("triangle", [20, 65, 110, 155, 200, 155, 110, 65]),
            ("sawtooth", [20, 43, 65, 88, 110, 133, 155, 178]),
        ] {
            let json = format!(r#"{{"shape": "{shape}", "period": "8s", "low": "20ms"}}"#);
            let wave: Wave = serde_json::from_str(&json).unwrap();
            let at = |s: u64| (wave.of(200_000_000, s * 1_000_000_000) as f64 / 1e6).round() as u64;
            let [first, second]: [Vec<u64>; 2] = [(0..8).map(at).collect(), (8..16).map(at).collect()];
            assert_eq!(first, eighths, "{shape}");
            assert_eq!(second, eighths, "{shape} comes again");
            assert_eq!(wave.of(5_000_000, 4_000_000_000), 5_000_000, "{shape}: below `low` it stays");
        }
    }
}
