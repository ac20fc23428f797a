//! When a fault that stands acts: in turns, in bursts, or both.

mod bursts;

pub use bursts::Bursts;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ParameterProblem;
use crate::quantity::Period;

/// Shorter turns than this are no turns: the data threads look at the time only so often.
const EVERY_MIN: Period = Period::from_millis(10);

/// The times and the ordinals at which a fault acts; without a schedule, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// The length of a turn, counted from arming. Needs `for`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Period>,
    /// For how long of each turn, from its beginning, the fault acts. Needs `every`.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Period>,
    /// How long after arming the first turn begins; absent: at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<Period>,
    /// It acts in bursts over the connections or requests, by their number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bursts: Option<Bursts>,
}

impl Schedule {
    /// Whether the time decides anything.
    pub(crate) const fn is_timed(&self) -> bool {
        self.every.is_some()
    }

    /// Whether the fault acts when it has stood for `stood_ns`, and when that changes next, counted alike; never
    /// without turns.
    pub(crate) fn at(&self, stood_ns: u64) -> (bool, Option<u64>) {
        let (Some(every), Some(lasts)) = (self.every, self.lasts) else { return (true, None) };
        let (every, lasts) = (nanos(every).max(1), nanos(lasts));
        let offset = self.offset.map_or(0, nanos);
        let Some(since) = stood_ns.checked_sub(offset) else { return (false, Some(offset)) };
        let begun = stood_ns - since % every;
        if stood_ns < begun + lasts { (true, Some(begun + lasts)) } else { (false, Some(begun + every)) }
    }

    /// What is wrong with it, by key; empty when nothing is.
    pub fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        let mut no = |key: &str, why: String, way_out: &str| {
            problems.push(ParameterProblem::new(key, why, way_out));
        };
        match (self.every, self.lasts) {
            (None, None) if self.bursts.is_none() => {
                no("schedule", "says nothing".into(), "add `every` and `for`, or `bursts`, or leave it out");
            }
            (None, None) if self.offset.is_some() => {
                no("offset", "stands without turns".into(), "add `every` and `for`, or leave `offset` out");
            }
            (None, None) => {}
            (Some(_), None) => no("every", "stands without `for`".into(), "add for example `for: 5s`"),
            (None, Some(_)) => no("for", "stands without `every`".into(), "add for example `every: 30s`"),
            (Some(every), Some(_)) if every < EVERY_MIN => {
                no("every", format!("{every} is shorter than {EVERY_MIN}"), "use `10ms` or more");
            }
            (Some(every), Some(lasts)) if lasts.is_zero() || lasts >= every => {
                let way_out = format!("use more than nothing and less than {every}");
                no("for", format!("{lasts} is not a part of `every` {every}"), &way_out);
            }
            _ => {}
        }
        problems.extend(self.bursts.iter().flat_map(Bursts::check));
        problems
    }
}

fn nanos(period: Period) -> u64 {
    period.duration().as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_begin_after_the_offset_and_come_again() {
        let schedule: Schedule =
            serde_json::from_str(r#"{"every": "10s", "for": "3s", "offset": "5s"}"#).unwrap();
        let second = 1_000_000_000;
        for (at, on, next) in
            [(0, false, 5), (5, true, 8), (7, true, 8), (8, false, 15), (14, false, 15), (15, true, 18)]
        {
            assert_eq!(schedule.at(at * second), (on, Some(next * second)), "at {at} s");
        }
        assert_eq!(Schedule::default().at(77), (true, None));
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_key_and_with_the_way_out() {
        for (json, key, says) in [
            ("{}", "schedule", "says nothing"),
            (r#"{"every": "1s"}"#, "every", "for: 5s"),
            (r#"{"for": "1s"}"#, "for", "every: 30s"),
            (r#"{"every": "9ms", "for": "1ms"}"#, "every", "shorter than 10ms"),
            (r#"{"every": "1s", "for": "1s"}"#, "for", "less than 1s"),
            (r#"{"every": "1s", "for": "0s"}"#, "for", "more than nothing"),
            (r#"{"offset": "1s", "bursts": {"enter": "1%", "leave": "10%"}}"#, "offset", "without turns"),
            (r#"{"bursts": {"enter": "0%", "leave": "10%"}}"#, "bursts", "`enter`"),
            (r#"{"bursts": {"enter": "1%", "leave": "0.5%"}}"#, "bursts", "`leave`"),
        ] {
            let problems = serde_json::from_str::<Schedule>(json).unwrap().check();
            let found =
                problems.iter().any(|problem| problem.key == key && problem.to_string().contains(says));
            assert!(found, "{json}: {problems:?}");
        }
        for json in [
            r#"{"every": "10ms", "for": "1ms", "offset": "1h"}"#,
            r#"{"bursts": {"enter": "0.1%", "leave": "1%"}}"#,
            r#"{"every": "1m", "for": "10s", "bursts": {"enter": "100%", "leave": "100%"}}"#,
        ] {
            assert_eq!(serde_json::from_str::<Schedule>(json).unwrap().check(), [], "{json}");
        }
    }
}
