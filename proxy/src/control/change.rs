//! Changing single parameters of a fault that stands: `{"delay": "3s"}`.

use serde_json::{Map, Value};

use super::wire::{FaultSpec, Problem};
use crate::fault::TrafficFault;

/// The keys that one change may name.
const KEYS_MAX: usize = 32;

/// The spec with the named parameters changed, checked as a whole.
///
/// Keys are those of the fault's own block, `percent` for the share that it hits, and `schedule`, which is given as a
/// whole; `null` takes an optional parameter, or the schedule, away. A number may be written as text, because a command line knows only text.
pub fn changed(spec: &FaultSpec, changes: &Map<String, Value>) -> Result<FaultSpec, Problem> {
    let kind = spec.fault.kind();
    let no = |detail: String| Problem::new(422, "the change does not fit", detail);
    if changes.is_empty() {
        return Err(no(format!(
            "the change of fault `{}` names no parameter; send for example {{\"percent\": \"25%\"}}",
            spec.id
        )));
    }
    if changes.len() > KEYS_MAX {
        return Err(no(format!("the change names {} parameters; at most {KEYS_MAX}", changes.len())));
    }
    let mut spec = spec.clone();
    let mut own = changes.clone();
    if let Some(percent) = own.shift_remove("percent") {
        spec.scope.percent =
            serde_json::from_value(percent).map_err(|error| no(format!("`percent`: {error}")))?;
    }
    if let Some(schedule) = own.shift_remove("schedule") {
        spec.schedule =
            serde_json::from_value(schedule).map_err(|error| no(format!("`schedule`: {error}")))?;
    }
    if !own.is_empty() {
        // As written first; if that cannot be, with numbers out of their text.
        spec.fault = with(&spec.fault, &own)
            .or_else(|error| with(&spec.fault, &with_numbers(&own)).map_err(|_| error))
            .map_err(|error| no(format!("`{kind}` of fault `{}`: {error}", spec.id)))?;
    }
    check(&spec)?;
    Ok(spec)
}

/// What is wrong with the parameters of a fault, as one problem.
pub(super) fn check(spec: &FaultSpec) -> Result<(), Problem> {
    let problems = spec.check();
    if problems.is_empty() {
        return Ok(());
    }
    let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Err(Problem::new(
        422,
        "the parameters do not fit",
        format!("`{}` of fault `{}`: {}", spec.fault.kind(), spec.id, all.join("; ")),
    ))
}

fn with(fault: &TrafficFault, changes: &Map<String, Value>) -> Result<TrafficFault, serde_json::Error> {
    let mut block = serde_json::to_value(fault)?;
    if let Some(parameters) = block.get_mut(fault.kind()).and_then(Value::as_object_mut) {
        for (key, value) in changes {
            if value.is_null() {
                parameters.shift_remove(key);
            } else {
                parameters.insert(key.clone(), value.clone());
            }
        }
    }
    serde_json::from_value(block)
}

fn with_numbers(changes: &Map<String, Value>) -> Map<String, Value> {
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<u64>().ok()).map(Value::from);
    changes.iter().map(|(key, value)| (key.clone(), number(value).unwrap_or_else(|| value.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(fault: Value, changes: &Value) -> Result<Value, String> {
        let spec: FaultSpec = serde_json::from_value(json!({"id": "f", "fault": fault})).unwrap();
        changed(&spec, changes.as_object().unwrap())
            .map(|spec| match spec.schedule {
                None => json!([spec.fault, spec.scope.percent]),
                Some(schedule) => json!([spec.fault, spec.scope.percent, schedule]),
            })
            .map_err(|problem| problem.detail)
    }

    #[test]
    fn named_parameters_change_and_the_others_stay() {
        for (fault, changes, then) in [
            (
                json!({"latency": {"delay": "2s", "jitter": "100ms"}}),
                json!({"delay": "3s"}),
                json!([{"latency": {"delay": "3s", "jitter": "100ms", "direction": "response"}}, "100%"]),
            ),
            (
                json!({"latency": {"delay": "2s", "jitter": "100ms"}}),
                json!({"jitter": null, "percent": "5%"}),
                json!([{"latency": {"delay": "2s", "direction": "response"}}, "5%"]),
            ),
            (
                json!({"http_error": {"status": 503}}),
                json!({"status": 500}),
                json!([{"http_error": {"status": 500}}, "100%"]),
            ),
            (
                json!({"http_error": {"status": 503}}),
                json!({"status": "500"}),
                json!([{"http_error": {"status": 500}}, "100%"]),
            ),
            (
                json!({"http_error": {"status": 503}}),
                json!({"body": "500"}),
                json!([{"http_error": {"status": 503, "body": "500"}}, "100%"]),
            ),
            (json!({"reset": {}}), json!({"percent": "1%"}), json!([{"reset": {}}, "1%"])),
            (
                json!({"reset": {}}),
                json!({"schedule": {"every": "30s", "for": "5s"}}),
                json!([{"reset": {}}, "100%", {"every": "30s", "for": "5s"}]),
            ),
            (json!({"reset": {}}), json!({"schedule": null}), json!([{"reset": {}}, "100%"])),
        ] {
            assert_eq!(change(fault, &changes).unwrap(), then);
        }
    }

    #[test]
    fn a_change_that_cannot_be_says_why() {
        for (fault, changes, says) in [
            (json!({"latency": {"delay": "2s"}}), json!({"dealy": "3s"}), "unknown field `dealy`"),
            (json!({"latency": {"delay": "2s"}}), json!({"delay": "3"}), "has no unit"),
            (json!({"latency": {"delay": "2s"}}), json!({"delay": null}), "`delay` is missing"),
            (json!({"latency": {"delay": "2s"}}), json!({"jitter": "3s"}), "larger than `delay`"),
            (json!({"http_error": {"status": 503}}), json!({"status": 42}), "no final HTTP status"),
            (json!({"reset": {}}), json!({"percent": "101%"}), "more than 100%"),
            (json!({"reset": {}}), json!({}), "names no parameter"),
            (json!({"reset": {}}), json!({"schedule": {"evry": "1s"}}), "`schedule`: unknown field `evry`"),
            (json!({"reset": {}}), json!({"schedule": {"every": "1s"}}), "`every` stands without `for`"),
            (json!({"reset": {}}), json!({"schedule": "30s"}), "`schedule`: invalid type"),
        ] {
            let detail = change(fault, &changes).unwrap_err();
            assert!(detail.contains(says), "{detail}");
        }
    }
}
