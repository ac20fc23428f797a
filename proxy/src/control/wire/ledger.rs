//! What a fault decided, as its ledger keeps it, and as another run can be told to decide again.

use std::collections::HashSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{is_false, is_zero};
use crate::fault::{Direction, ParameterProblem, Schedule, TrafficFault};

/// How many decisions a ledger keeps, the first ones, and how many can be replayed.
pub const LEDGER_MAX: usize = 65_536;

/// One decision of a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// The number of the connection (TCP) or request (HTTP) that matched, from 0, in order of arrival on the route.
    pub ordinal: u64,
    /// Whether it was hit.
    pub hit: bool,
    /// What was drawn, in the fault's unit (microseconds of delay for `latency`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawn: Option<u64>,
    /// How much of `drawn` was for the request, where both directions are meant.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub drawn_request: u64,
    /// The fault acts in turns, so whether it was met was a matter of time too: another run may not have this decision.
    #[serde(default, skip_serializing_if = "is_false")]
    pub timed: bool,
}

/// The decisions of an earlier run, made again by number: what is not among them is not hit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Vec<LedgerEntry>")]
pub struct Replay(Arc<[LedgerEntry]>);

impl Replay {
    /// How many decisions there are.
    pub fn decisions(&self) -> usize {
        self.0.len()
    }

    /// The decision for a number.
    pub(crate) fn at(&self, ordinal: u64) -> Option<&LedgerEntry> {
        let at = self.0.binary_search_by_key(&ordinal, |entry| entry.ordinal).ok()?;
        self.0.get(at)
    }

    /// What cannot be done again with this fault; nothing when all can.
    pub(crate) fn check(
        &self,
        fault: &TrafficFault,
        schedule: Option<&Schedule>,
    ) -> Option<ParameterProblem> {
        let no = |why: String, way_out: &str| Some(ParameterProblem::new("replay", why, way_out));
        if matches!(fault, TrafficFault::AcceptStall(_)) {
            return no("is not for `accept_stall`, which decides nothing".into(), "leave it out");
        }
        if schedule.is_some_and(Schedule::is_timed) {
            let why =
                "contradicts `every` and `for`: what was recorded is repeated by number, and not by time";
            return no(why.into(), "leave out the turns of `schedule`");
        }
        if self.0.len() > LEDGER_MAX {
            let why = format!("has {} decisions, and a ledger has at most {LEDGER_MAX}", self.0.len());
            return no(why, "leave out those that did not hit: they need not be named");
        }
        let mut seen = HashSet::with_capacity(self.0.len());
        if let Some(twice) = self.0.iter().find(|entry| !seen.insert(entry.ordinal)) {
            return no(format!("has the ordinal {} twice", twice.ordinal), "name each one once");
        }
        self.0.iter().find_map(|entry| {
            let (why, way_out) = entry.not_again(fault)?;
            no(format!("cannot repeat ordinal {}: {why}", entry.ordinal), way_out)
        })
    }
}

impl LedgerEntry {
    /// Why this cannot be decided again, and the way out.
    fn not_again(&self, fault: &TrafficFault) -> Option<(String, &'static str)> {
        if self.timed {
            let why = "it is `timed`, so that it was met was a matter of time".into();
            return Some((
                why,
                "take `timed` off what is to be hit whenever it comes, and leave out the rest",
            ));
        }
        if !self.hit && (self.drawn.is_some() || self.drawn_request != 0) {
            return Some((
                "something was drawn and it was not hit".into(),
                "say `hit: true`, or leave it out",
            ));
        }
        let drawn = self.drawn.unwrap_or(0);
        let TrafficFault::Latency(latency) = fault else {
            let kind = fault.kind();
            return (self.drawn.is_some() || self.drawn_request != 0)
                .then(|| (format!("`{kind}` draws nothing that is recorded"), "leave `drawn` out"));
        };
        let ways = if latency.direction() == Direction::Both { 2 } else { 1 };
        let longest = latency.longest_ns() / 1_000;
        if self.drawn_request > drawn || (self.drawn_request != 0 && ways == 1) {
            let why = format!("`drawn_request` {} is no part of `drawn` {drawn}", self.drawn_request);
            return Some((why, "give it only with `direction: both`, and not more than `drawn`"));
        }
        let most = self.drawn_request.max(drawn - self.drawn_request);
        (most > longest).then(|| {
            let why = format!("{most} us is longer than the {longest} us that these parameters can draw");
            (why, "use the parameters it was recorded with, or larger ones")
        })
    }
}

impl From<Vec<LedgerEntry>> for Replay {
    fn from(mut entries: Vec<LedgerEntry>) -> Self {
        entries.sort_by_key(|entry| entry.ordinal);
        Self(entries.into())
    }
}

impl Serialize for Replay {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter())
    }
}

impl JsonSchema for Replay {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Replay".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Vec::<LedgerEntry>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::FaultSpec;

    fn problems(fault: &Value, replay: &Value, schedule: &Value) -> String {
        let mut json = json!({"id": "f", "fault": fault, "replay": replay});
        if !schedule.is_null() {
            json["schedule"] = schedule.clone();
        }
        let spec: FaultSpec = serde_json::from_value(json).unwrap();
        spec.check().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_cannot_be_repeated_is_refused_by_its_number() {
        let (latency, reset) = (json!({"latency": {"delay": "10ms", "jitter": "5ms"}}), json!({"reset": {}}));
        let both = json!({"latency": {"delay": "10ms", "direction": "both"}});
        for (fault, replay, schedule, says) in [
            (&reset, json!([]), json!(null), ""),
            (&reset, json!([{"ordinal": 3, "hit": true}, {"ordinal": 1, "hit": false}]), json!(null), ""),
            (&latency, json!([{"ordinal": 3, "hit": true, "drawn": 15_000}]), json!(null), ""),
            (
                &both,
                json!([{"ordinal": 3, "hit": true, "drawn": 20_000, "drawn_request": 10_000}]),
                json!(null),
                "",
            ),
            (&reset, json!([]), json!({"bursts": {"enter": "1%", "leave": "1%"}}), ""),
            (&reset, json!([]), json!({"every": "2s", "for": "1s"}), "contradicts `every`"),
            (&json!({"accept_stall": {}}), json!([]), json!(null), "not for `accept_stall`"),
            (
                &reset,
                json!([{"ordinal": 3, "hit": true}, {"ordinal": 3, "hit": false}]),
                json!(null),
                "ordinal 3 twice",
            ),
            (&reset, json!([{"ordinal": 3, "hit": true, "timed": true}]), json!(null), "a matter of time"),
            (&reset, json!([{"ordinal": 3, "hit": true, "drawn": 1}]), json!(null), "draws nothing"),
            (&latency, json!([{"ordinal": 4, "hit": false, "drawn": 1}]), json!(null), "was not hit"),
            (&latency, json!([{"ordinal": 4, "hit": true, "drawn": 15_001}]), json!(null), "longer than"),
            (
                &both,
                json!([{"ordinal": 4, "hit": true, "drawn": 11_000}]),
                json!(null),
                "longer than the 10000 us",
            ),
            (
                &latency,
                json!([{"ordinal": 4, "hit": true, "drawn": 9, "drawn_request": 1}]),
                json!(null),
                "no part of",
            ),
        ] {
            let found = problems(fault, &replay, &schedule);
            assert!(
                if says.is_empty() { found.is_empty() } else { found.contains(says) },
                "{replay}: {found}"
            );
        }
    }

    #[test]
    fn more_than_a_ledger_keeps_is_refused() {
        let entries: Vec<Value> =
            (0..=super::LEDGER_MAX).map(|n| json!({"ordinal": n, "hit": true})).collect();
        let found = problems(&json!({"reset": {}}), &entries.into(), &json!(null));
        assert!(found.contains("65537 decisions") && found.contains("need not be named"), "{found}");
    }

    #[test]
    fn a_view_tells_how_many_decisions_are_replayed_and_not_each_of_them() {
        let json = json!({"id": "f", "fault": {"reset": {}}, "replay": [{"ordinal": 3, "hit": true}]});
        let spec: FaultSpec = serde_json::from_value(json).unwrap();
        assert!(serde_json::to_string(&spec).unwrap().contains(r#""replay":[{"ordinal":3,"hit":true}]"#));
        let view = super::super::FaultView::new(spec, super::super::Evidence::default());
        let shown = serde_json::to_value(&view).unwrap();
        assert_eq!((&shown["replays"], &shown["spec"]["replay"]), (&json!(1), &json!(null)));
        assert!(view.spec.replay.is_some(), "in process it is all there");
    }
}
