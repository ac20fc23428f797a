//! `latency`: bytes or responses come late.

mod check;
mod draw;
mod wave;

pub use wave::{Wave, WaveShape};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Direction;
use crate::quantity::{Percent, Period};

/// The least points of a table: its two ends.
const TABLE_MIN: usize = 2;
/// The most points of a table.
const TABLE_MAX: usize = 64;
/// Beyond `delay` plus so many times `jitter` nothing is drawn from a distribution without an end.
const LONG_TAIL: u64 = 10;

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
    /// Log-normal with mean `delay` and standard deviation `jitter`, cut off at `delay + 10 * jitter`: many short, some
    /// long, as networks are.
    Lognormal,
    /// Pareto with mean `delay` and standard deviation `jitter`, cut off at `delay + 10 * jitter`: a long tail.
    Pareto,
    /// As measured: the quantiles of `table`, evenly in between; the default with `table`.
    Table,
}

/// Which part of an HTTP exchange comes late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Before {
    /// The request, on its way to the upstream.
    Request,
    /// The head of the answer, and all that follows it.
    Headers,
    /// The body of the answer, after its head.
    Body,
}

/// Bytes (TCP) or responses (HTTP) come late by `delay`, counted from their arrival at the proxy.
///
/// Order is kept. On HTTP it is counted once per request, on TCP for the arrival of each byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// The delay, or the middle of it; absent with a `table`.
    #[serde(default, skip_serializing_if = "Period::is_zero")]
    pub delay: Period,
    /// How far it spreads.
    #[serde(default, skip_serializing_if = "Period::is_zero")]
    pub jitter: Period,
    /// How it spreads; absent: `constant` without jitter, `uniform` with, `table` with a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// Which share of the delays is at most how long: 2 to 64 points from 0% to 100%, both rising.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub table: Vec<(Percent, Period)>,
    /// How much each delay is like the one before: of requests and connections by their number, then of arrivals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Percent>,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
    /// What comes late, on HTTP; absent: as `direction` says, responses before their `headers`. `request` needs no
    /// `direction` beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// From nothing to the whole delay in this time, counted from arming.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Period>,
    /// The delay comes and goes, counted from arming.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<Wave>,
}

impl Latency {
    /// Which way the bytes flow that come late.
    pub fn direction(&self) -> Direction {
        match self.before {
            Some(Before::Request) => Direction::Request,
            Some(Before::Headers | Before::Body) | None => self.direction,
        }
    }

    /// The distribution in force.
    pub fn distribution(&self) -> Distribution {
        self.distribution.unwrap_or(if !self.table.is_empty() {
            Distribution::Table
        } else if self.jitter.is_zero() {
            Distribution::Constant
        } else {
            Distribution::Uniform
        })
    }

    /// The longest delay that can be drawn, in nanoseconds.
    pub(crate) fn longest_ns(&self) -> u64 {
        self.longest_us().saturating_mul(1_000)
    }

    fn longest_us(&self) -> u64 {
        let reach = match self.distribution() {
            Distribution::Constant => 0,
            Distribution::Uniform => 1,
            Distribution::Normal => 4,
            Distribution::Lognormal | Distribution::Pareto => LONG_TAIL,
            Distribution::Table => return self.table.last().map_or(0, |(_, longest)| micros(*longest)),
        };
        micros(self.delay).saturating_add(reach * micros(self.jitter))
    }

    /// Whether what was drawn is changed by the time that the fault has stood.
    pub(crate) const fn changes_in_time(&self) -> bool {
        self.ramp.is_some() || self.wave.is_some()
    }

    /// What a delay that was drawn comes to when the fault has stood for `stood_ns`; whole microseconds.
    pub(crate) fn shaped_ns(&self, drawn_ns: u64, stood_ns: u64) -> u64 {
        let mut ns = drawn_ns;
        if let Some(wave) = &self.wave {
            ns = wave.of(ns, stood_ns);
        }
        if let Some(ramp) = self.ramp.map(|ramp| ramp.duration().as_nanos() as u64)
            && stood_ns < ramp
        {
            ns = u64::try_from(u128::from(ns) * u128::from(stood_ns) / u128::from(ramp)).unwrap_or(ns);
        }
        ns / 1_000 * 1_000
    }
}

/// A period is at most 366 days, so its microseconds always fit.
fn micros(period: Period) -> u64 {
    u64::try_from(period.duration().as_micros()).unwrap_or(u64::MAX / 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_leads_from_nothing_to_the_whole_delay_and_stays_there() {
        let latency: Latency = serde_json::from_str(r#"{"delay": "200ms", "ramp": "10s"}"#).unwrap();
        let at = |ms: u64| latency.shaped_ns(200_000_000, ms * 1_000_000) / 1_000_000;
        assert_eq!([at(0), at(2_500), at(5_000), at(10_000), at(60_000)], [0, 50, 100, 200, 200]);
    }

    #[test]
    fn a_ramp_makes_a_wave_grow() {
        let json = r#"{"delay": "200ms", "ramp": "10s", "wave": {"shape": "square", "period": "2s"}}"#;
        let latency: Latency = serde_json::from_str(json).unwrap();
        let at = |ms: u64| latency.shaped_ns(200_000_000, ms * 1_000_000) / 1_000_000;
        assert_eq!([at(500), at(1_500), at(4_500), at(20_500), at(21_500)], [10, 0, 90, 200, 0]);
    }

    #[test]
    fn what_is_written_reads_back_as_it_was() {
        for json in [
            r#"{"delay":"200ms","direction":"response"}"#,
            r#"{"distribution":"table","table":[["0%","1ms"],["100%","2s"]],"correlation":"30%","direction":"both"}"#,
            r#"{"delay":"1s","direction":"response","ramp":"1m","wave":{"shape":"sine","period":"10s","low":"5ms"}}"#,
        ] {
            let latency: Latency = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&latency).unwrap(), json);
        }
    }
}
