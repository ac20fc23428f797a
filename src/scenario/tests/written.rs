//! The JSON Schemas and the checks ask for the same keys.

use super::{checked, problems};
use crate::scenario::{environment_schema, schema};

fn required(schema: &serde_json::Value) -> Vec<&str> {
    schema["required"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect()
}

#[test]
fn a_schema_names_every_key_and_asks_for_those_that_the_check_calls_missing() {
    let schema = schema();
    let keys = schema["properties"].as_object().unwrap();
    for key in ["firedrill", "routes", "steady_state", "faults", "expect", "abort", "premortem", "slo"] {
        assert!(keys.contains_key(key), "{key}");
        assert!(keys[key]["description"].is_string(), "{key} has words for an editor");
    }
    assert_eq!(schema["additionalProperties"], false);
    let missing = problems(checked("x.yaml", "title: nothing else\n", None));
    assert_eq!(missing.len(), required(&schema).len(), "{missing:?}");
    assert_eq!(required(&environment_schema()), ["firedrill", "kind", "name"]);
}

#[test]
fn a_schema_holds_nothing_that_a_strict_validator_refuses() {
    let text = schema().to_string() + &environment_schema().to_string();
    for word in ["\"uint", "\"double\"", "\"int32\"", "u0000"] {
        assert!(!text.contains(word), "{word}");
    }
}
