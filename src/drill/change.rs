//! A fault changed by a person while it is on: the same fault with other parameters, checked as a file's would be.

use serde_json::Value;

use crate::fault::{Fault, TrafficFault};
use crate::scenario::plan::PlannedFault;

/// The key for the share of the traffic, which stands in the fault's `scope`.
const PERCENT: &str = "percent";

/// The fault with the changes, and `delay 2s → 500ms` for the record; or why it cannot be.
///
/// The caller holds the result against the ceilings of policy, as it did with the plan.
pub fn changed(
    planned: &PlannedFault,
    changes: &[(String, String)],
) -> Result<(PlannedFault, String), String> {
    let Fault::Traffic(fault) = &planned.fault else {
        return Err(format!(
            "fault `{}` is a {}, which cannot be changed while it is on; traffic faults can ({})",
            planned.id,
            planned.fault.kind(),
            TrafficFault::KINDS.join(", ")
        ));
    };
    let mut after = planned.clone();
    let mut traffic = fault.clone();
    let mut said = Vec::with_capacity(changes.len());
    for (key, text) in changes {
        let (old, new) = if key == PERCENT {
            let share = text.parse().map_err(|error| format!("`{PERCENT}` {error}"))?;
            let old = std::mem::replace(&mut after.scope.percent, share);
            (old.to_string(), share.to_string())
        } else {
            let next = with(&traffic, key, text)?;
            let pair = (shown(&traffic, key), shown(&next, key));
            traffic = next;
            pair
        };
        said.push(format!("{key} {old} → {new}"));
    }
    let problems: Vec<String> = traffic.check().iter().map(ToString::to_string).collect();
    if !problems.is_empty() {
        return Err(problems.join("; "));
    }
    if after.scope.percent.parts_per_million() == 0 {
        return Err(format!("`{PERCENT}` is 0% and would hit nobody; remove the fault instead"));
    }
    after.fault = Fault::Traffic(traffic);
    Ok((after, said.join(", ")))
}

/// The fault with one parameter as text, or as a number where it must be one.
fn with(fault: &TrafficFault, key: &str, text: &str) -> Result<TrafficFault, String> {
    let put = |value: Value| {
        let mut json = serde_json::to_value(fault).map_err(|error| error.to_string())?;
        match json.get_mut(fault.kind()).and_then(Value::as_object_mut) {
            Some(parameters) => drop(parameters.insert(key.to_owned(), value)),
            None => return Err(format!("a {} has no parameters", fault.kind())),
        }
        serde_json::from_value(json).map_err(|error| error.to_string())
    };
    put(text.into()).or_else(|why| {
        let number = text.parse::<serde_json::Number>().map(Value::Number);
        number
            .map_err(|_| why.clone())
            .and_then(put)
            .map_err(|_| format!("`{}` of {}: {why}", key.escape_debug(), fault.kind()))
    })
}

/// A parameter as it stands, in its canonical text.
fn shown(fault: &TrafficFault, key: &str) -> String {
    let json = serde_json::to_value(fault).unwrap_or_default();
    match json.get(fault.kind()).and_then(|parameters| parameters.get(key)) {
        None | Some(Value::Null) => "(not set)".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: Value) -> PlannedFault {
        let planned = serde_json::json!({
            "id": "slow", "target": "route/payments", "fault": json, "matching": {}, "scope": {"percent": "100%"},
            "start": {"after": null, "delay": "0s"}, "until": "max", "max": "1m",
            "on_remove": "release", "undo": "A"
        });
        serde_json::from_value(planned).unwrap()
    }

    #[track_caller]
    fn check(json: Value, changes: &[(&str, &str)], expected: &str) {
        let changes: Vec<_> = changes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        match changed(&fault(json), &changes) {
            Ok((after, said)) => {
                assert_eq!(said, expected);
                assert_ne!(after, fault(serde_json::json!({"latency": {"delay": "2s"}})));
            }
            Err(why) => assert!(why.contains(expected), "{why}"),
        }
    }

    #[test]
    fn parameters_change_from_old_to_new_in_canonical_text() {
        let latency = || serde_json::json!({"latency": {"delay": "2s"}});
        check(latency(), &[("delay", "0.5s")], "delay 2s → 500ms");
        check(latency(), &[("delay", "1s"), ("jitter", "100ms")], "delay 2s → 1s, jitter (not set) → 100ms");
        check(latency(), &[("percent", "25%")], "percent 100% → 25%");
        check(serde_json::json!({"http_error": {"status": 503}}), &[("status", "429")], "status 503 → 429");
    }

    #[test]
    fn what_a_file_could_not_say_is_refused_with_the_way_out() {
        let latency = || serde_json::json!({"latency": {"delay": "2s"}});
        check(latency(), &[("delay", "5")], "has no unit");
        check(latency(), &[("speed", "5")], "unknown field `speed`");
        check(latency(), &[("delay", "0s")], "would do nothing");
        check(latency(), &[("jitter", "3s")], "is larger than `delay`");
        check(latency(), &[("percent", "0%")], "would hit nobody");
        check(
            serde_json::json!({"http_error": {"status": 503}}),
            &[("status", "99")],
            "no final HTTP status",
        );
        check(
            serde_json::json!({"process_pause": {"name": "x"}}),
            &[("name", "y")],
            "cannot be changed while it is on",
        );
    }
}
