//! The JSON Schema and the check ask for the same keys.

use super::{checked, problems};
use crate::playbook::schema;

#[test]
fn the_schema_names_every_key_and_asks_for_those_that_the_check_calls_missing() {
    let schema = schema();
    let keys = schema["properties"].as_object().unwrap();
    for key in
        ["firedrill", "triggers", "objectives", "inputs", "secrets", "contacts", "review_after", "steps"]
    {
        assert!(keys.contains_key(key), "{key}");
        assert!(keys[key]["description"].is_string(), "{key} has words for an editor");
    }
    assert_eq!(schema["additionalProperties"], false);
    let required = schema["required"].as_array().unwrap().len();
    let missing = problems(checked("x.yaml", "triggers: [A]\n", &[]));
    assert_eq!(missing.len(), required, "{missing:?}");
}

#[test]
fn the_schema_knows_every_key_of_a_step_and_holds_nothing_that_a_strict_validator_refuses() {
    let schema = schema();
    let text = schema.to_string();
    for word in ["\"uint", "\"double\"", "\"int32\"", "u0000"] {
        assert!(!text.contains(word), "{word}");
    }
    let step = &schema["$defs"]["Step"]["properties"];
    let actions = ["manual", "approve", "http", "run", "probe", "notify", "host"];
    for key in
        actions.into_iter().chain(["when", "next", "retry", "verify", "on_failure", "outputs", "undo", "end"])
    {
        assert!(step[key]["description"].is_string(), "{key} has words for an editor");
    }
}
