//! `latency`: bytes or responses come late.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, ParameterProblem};
use crate::quantity::Period;

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
