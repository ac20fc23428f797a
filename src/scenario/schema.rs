//! JSON Schemas of the files, from the same structs that read them, for editors.

use schemars::JsonSchema;
use serde_json::Value;

use super::written;

/// The schema of `Scenario` files.
pub fn schema() -> Value {
    of::<written::Scenario>("Scenario")
}

/// The schema of `Environment` files.
pub fn environment_schema() -> Value {
    of::<written::Environment>("Environment")
}

/// The schema of `Service` files.
pub fn service_schema() -> Value {
    of::<written::Service>("Service")
}

/// The schema of one kind of file, from the struct that reads it.
pub(crate) fn of<T: JsonSchema>(title: &str) -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    tidy(&mut schema);
    if let Value::Object(map) = &mut schema {
        map.insert("title".into(), title.into());
    }
    schema
}

/// Takes out what says nothing to an editor: defaults that mean "absent", and number formats that strict validators
/// refuse as unknown.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("default").and_then(Value::as_str) == Some(written::ABSENT) {
                map.remove("default");
            }
            if map.get("type").is_some_and(|kind| kind == "integer" || kind == "number") {
                map.remove("format");
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(list) => list.iter_mut().for_each(tidy),
        _ => {}
    }
}
