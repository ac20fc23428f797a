//! One line of what was found, and the numbers of which it is made.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

/// Something that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// What.
    pub check: String,
    /// Whether it is within its tolerance; absent: it has none, and is told for what follows from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good: Option<bool>,
    /// What was found, in words.
    pub found: String,
    /// What it is held to, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tolerance: String,
    /// What was found, in numbers.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub measured: Value,
}

impl Row {
    /// Something that could not even be measured, which is as bad as can be.
    pub(super) fn failed(check: &str, why: impl std::fmt::Display) -> Self {
        let found = format!("not measured: {why}");
        Self {
            check: check.to_owned(),
            good: Some(false),
            found,
            tolerance: String::new(),
            measured: Value::Null,
        }
    }

    /// For people.
    pub(super) fn line(&self) -> String {
        let word = match self.good {
            Some(true) => "good",
            Some(false) => "bad",
            None => "note",
        };
        let tolerance =
            if self.tolerance.is_empty() { String::new() } else { format!("  ({})", self.tolerance) };
        format!("  {word:<4}  {:<16}  {}{tolerance}", self.check, self.found)
    }
}

/// How far times lie above what they should be, in milliseconds; below zero is early.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Late {
    /// How many were measured.
    pub count: usize,
    pub least: f64,
    pub p50: f64,
    pub p99: f64,
}

impl Late {
    /// Of these times, against what they should be; nothing was measured: nothing is said.
    pub(super) fn of(mut times: Vec<Duration>, wanted: Duration) -> Option<Self> {
        times.sort_unstable();
        let late = |time: &Duration| (time.as_secs_f64() - wanted.as_secs_f64()) * 1e3;
        let at = |share: f64| {
            let rank = (times.len() as f64 * share).ceil() as usize;
            times.get(rank.saturating_sub(1)).map(late)
        };
        Some(Self { count: times.len(), least: times.first().map(late)?, p50: at(0.5)?, p99: at(0.99)? })
    }

    pub(super) fn json(self) -> Value {
        json!({"count": self.count, "least_ms": self.least, "p50_ms": self.p50, "p99_ms": self.p99})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let times = (1..=200).rev().map(Duration::from_millis).collect();
        let late = Late::of(times, Duration::from_millis(2)).unwrap();
        assert_eq!((late.count, late.least, late.p50.round(), late.p99.round()), (200, -1.0, 98.0, 196.0));
        assert_eq!(Late::of(Vec::new(), Duration::ZERO), None);
    }

    #[test]
    fn what_could_not_be_measured_is_bad() {
        let row = Row::failed("reset", "timed out");
        assert_eq!(
            (row.good, row.line().as_str()),
            (Some(false), "  bad   reset             not measured: timed out")
        );
    }
}
