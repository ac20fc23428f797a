//! `latency`: bytes or responses come late.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, ParameterProblem};
use crate::quantity::Period;
use crate::seed::Draws;

/// How the delay is spread around its middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Always `delay`; the default without `jitter`.
    #[default]
    Constant,
    /// Evenly from `delay - jitter` to `delay + jitter`; the default with `jitter`.
    Uniform,
    /// Normal with mean `delay` and standard deviation `jitter`, cut off at zero and at `delay + 4 * jitter`.
    Normal,
}

/// Bytes (TCP) or responses (HTTP) come late by `delay`, counted from their arrival at the proxy.
///
/// Order is kept. On HTTP it is counted once per request, on TCP for the arrival of each byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// The delay, or the middle of it.
    pub delay: Period,
    /// How far it spreads.
    #[serde(default, skip_serializing_if = "Period::is_zero")]
    pub jitter: Period,
    /// How it spreads; absent: `constant` without jitter, `uniform` with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
}

impl Latency {
    /// The distribution in force.
    pub fn distribution(&self) -> Distribution {
        self.distribution.unwrap_or(if self.jitter.is_zero() {
            Distribution::Constant
        } else {
            Distribution::Uniform
        })
    }

    /// Draws one delay, in nanoseconds but whole microseconds.
    pub(crate) fn draw_ns(&self, draws: &mut Draws) -> u64 {
        let (delay_us, jitter_us) = (micros(self.delay), micros(self.jitter));
        let drawn_us = match self.distribution() {
            Distribution::Constant => delay_us,
            Distribution::Uniform => delay_us.saturating_sub(jitter_us) + draws.below(2 * jitter_us + 1),
            Distribution::Normal => {
                let drawn = delay_us as f64 + jitter_us as f64 * draws.normal();
                (drawn.max(0.0).round() as u64).min(delay_us + 4 * jitter_us)
            }
        };
        drawn_us * 1_000
    }

    /// The longest delay that can be drawn, in nanoseconds.
    pub(crate) fn longest_ns(&self) -> u64 {
        let reach = match self.distribution() {
            Distribution::Constant => 0,
            Distribution::Uniform => 1,
            Distribution::Normal => 4,
        };
        (micros(self.delay) + reach * micros(self.jitter)) * 1_000
    }

    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        if self.delay.is_zero() {
            problems.push(ParameterProblem::new(
                "delay",
                "is zero and would do nothing",
                "write for example `200ms`",
            ));
        }
        if self.jitter > self.delay {
            problems.push(ParameterProblem::new(
                "jitter",
                format!("{} is larger than `delay` {}", self.jitter, self.delay),
                format!("use {} or less", self.delay),
            ));
        }
        match self.distribution {
            Some(Distribution::Constant) if !self.jitter.is_zero() => problems.push(ParameterProblem::new(
                "distribution",
                "is constant beside a `jitter`",
                "use `uniform` or `normal`, or leave `jitter` out",
            )),
            Some(Distribution::Uniform | Distribution::Normal) if self.jitter.is_zero() => {
                problems.push(ParameterProblem::new(
                    "distribution",
                    "needs a `jitter` to spread",
                    "add for example `jitter: 50ms`",
                ));
            }
            _ => {}
        }
        problems
    }
}

/// A period is at most 366 days, so its microseconds always fit.
fn micros(period: Period) -> u64 {
    u64::try_from(period.duration().as_micros()).unwrap_or(u64::MAX / 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn latency(delay: &str, jitter: &str, distribution: Option<Distribution>) -> Latency {
        Latency {
            delay: delay.parse().unwrap(),
            jitter: jitter.parse().unwrap(),
            distribution,
            direction: Direction::Response,
        }
    }

    #[test]
    fn draws_stay_within_what_was_asked() {
        for (fault, low_ms, high_ms) in [
            (latency("200ms", "0s", None), 200, 200),
            (latency("200ms", "50ms", None), 150, 250),
            (latency("20ms", "20ms", Some(Distribution::Normal)), 0, 100),
        ] {
            let mut draws = Seed(1).of_fault("r", "f").draws(0);
            let drawn: Vec<u64> = (0..10_000).map(|_| fault.draw_ns(&mut draws)).collect();
            let (min, max) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
            assert!(*min >= low_ms * 1_000_000 && *max <= high_ms * 1_000_000, "{fault:?}: {min} to {max}");
            assert!(*max <= fault.longest_ns());
            if low_ms != high_ms {
                assert!(max - min > (high_ms - low_ms) * 700_000, "{fault:?} spreads: {min} to {max}");
            }
        }
    }
}
