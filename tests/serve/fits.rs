//! Whether a value is what a schema of the API's document says. It knows the keywords that the document uses; any other
//! fails the test, so that nothing is taken for checked that is not.

use regex::Regex;
use serde_json::{Map, Value};

/// Holds values against one document.
pub struct Fits<'d> {
    pub document: &'d Value,
    /// Whether a key that the schema does not name is a misfit, as it is in what the server says.
    pub strict: bool,
}

impl Fits<'_> {
    /// Everything that does not fit, each with its place; none: it fits.
    pub fn misfits(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.look("$", schema, value, &mut found);
        found
    }

    fn look(&self, at: &str, schema: &Value, value: &Value, found: &mut Vec<String>) {
        let Some(schema) = schema.as_object() else {
            assert!(schema == &Value::Bool(true), "a schema like {schema} is not known here");
            return;
        };
        for (keyword, wish) in schema {
            match keyword.as_str() {
                "description" | "title" | "default" => {}
                // What stands beside each other is looked at together.
                "additionalProperties" | "patternProperties" => {}
                "$ref" => {
                    let path = wish.as_str().and_then(|path| path.strip_prefix('#')).expect("a place in it");
                    self.look(at, self.document.pointer(path).expect("it is there"), value, found);
                }
                "properties" | "required" => self.keys(keyword, at, wish, value, found),
                "items" => {
                    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.look(&format!("{at}[{n}]"), wish, item, found);
                    }
                }
                "anyOf" | "oneOf" => {
                    let each: Vec<Vec<String>> =
                        wish.as_array().expect("a list").iter().map(|one| self.misfits(one, value)).collect();
                    let fitting = each.iter().filter(|misfits| misfits.is_empty()).count();
                    if fitting == 0 || (keyword == "oneOf" && fitting > 1) {
                        found.push(format!("{at}: fits {fitting} of {keyword}: {each:?}"));
                    }
                }
                keyword => {
                    if !holds(keyword, wish, value) {
                        found.push(format!("{at}: {value} against {keyword} {wish}"));
                    }
                }
            }
        }
        if let Some(object) = value.as_object() {
            self.further(at, schema, object, found);
        }
    }

    fn keys(&self, keyword: &str, at: &str, wish: &Value, value: &Value, found: &mut Vec<String>) {
        let Some(object) = value.as_object() else { return };
        if keyword == "properties" {
            for (key, schema) in wish.as_object().expect("an object") {
                if let Some(value) = object.get(key) {
                    self.look(&format!("{at}.{key}"), schema, value, found);
                }
            }
        } else {
            let keys = wish.as_array().expect("a list").iter().map(|key| key.as_str().expect("a text"));
            found.extend(keys.filter(|key| !object.contains_key(*key)).map(|key| format!("{at}: no {key}")));
        }
    }

    /// The keys that `properties` does not name.
    fn further(
        &self,
        at: &str,
        schema: &Map<String, Value>,
        object: &Map<String, Value>,
        found: &mut Vec<String>,
    ) {
        let named = schema.get("properties").and_then(Value::as_object);
        let patterns: Vec<(Regex, &Value)> = schema
            .get("patternProperties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(pattern, schema)| (Regex::new(pattern).unwrap(), schema))
            .collect();
        for (key, value) in
            object.iter().filter(|(key, _)| named.is_none_or(|named| !named.contains_key(*key)))
        {
            let at = format!("{at}.{key}");
            if let Some((_, schema)) = patterns.iter().find(|(pattern, _)| pattern.is_match(key)) {
                self.look(&at, schema, value, found);
                continue;
            }
            match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => found.push(format!("{at}: no such key")),
                Some(schema) => self.look(&at, schema, value, found),
                None if self.strict && named.is_some() => {
                    found.push(format!("{at}: the document does not name it"))
                }
                None => {}
            }
        }
    }
}

/// The keywords that look at one value alone.
fn holds(keyword: &str, wish: &Value, value: &Value) -> bool {
    let text = value.as_str();
    let length = |text: &str| text.chars().count() as u64;
    let bound = || wish.as_u64().expect("a whole number");
    let number = || wish.as_f64().expect("a number");
    match keyword {
        "type" => match wish {
            Value::Array(kinds) => kinds.iter().any(|kind| is(kind, value)),
            kind => is(kind, value),
        },
        "const" => wish == value,
        "enum" => wish.as_array().expect("a list").contains(value),
        "format" => text.is_none_or(|text| match wish.as_str() {
            Some("date-time") => text.parse::<jiff::Timestamp>().is_ok(),
            Some("date") => text.parse::<jiff::civil::Date>().is_ok(),
            other => panic!("the format {other:?} is not known here"),
        }),
        "pattern" => {
            text.is_none_or(|text| Regex::new(wish.as_str().expect("a text")).unwrap().is_match(text))
        }
        "minLength" => text.is_none_or(|text| length(text) >= bound()),
        "maxLength" => text.is_none_or(|text| length(text) <= bound()),
        "minimum" => value.as_f64().is_none_or(|value| value >= number()),
        "maximum" => value.as_f64().is_none_or(|value| value <= number()),
        "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= bound()),
        "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= bound()),
        other => panic!("the keyword {other} is not known here"),
    }
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        other => panic!("the type {other:?} is not known here"),
    }
}

#[test]
fn what_does_not_fit_is_found_and_what_fits_is_not() {
    use serde_json::json;
    let document = json!({"line": {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 3},
            "at": {"type": ["string", "null"], "format": "date-time"},
            "exits": {"type": "object", "additionalProperties": false, "patternProperties": {r"^\d+$": {"type": "integer", "minimum": 0}}},
            "next": {"anyOf": [{"$ref": "#/line"}, {"type": "null"}]},
            "all": {"type": "array", "items": {"$ref": "#/line"}},
        },
    }});
    let fits = Fits { document: &document, strict: true };
    let misfits = |value: Value| fits.misfits(&json!({"$ref": "#/line"}), &value).len();
    let good = json!({"id": "abc", "at": "2026-06-01T10:00:00Z", "exits": {"7": 1}, "next": null, "all": [{"id": "b"}]});
    assert_eq!(misfits(good), 0);
    for (bad, count) in [
        (json!({}), 1),
        (json!([]), 1),
        (json!({"id": "ABCD"}), 2),
        (json!({"id": 7}), 1),
        (json!({"id": "a", "at": "noon"}), 1),
        (json!({"id": "a", "at": 7}), 1),
        (json!({"id": "a", "exits": {"x": 1, "1": -1}}), 2),
        (json!({"id": "a", "next": {}}), 1),
        (json!({"id": "a", "all": [{"id": "a"}, {}, 7]}), 2),
        (json!({"id": "a", "more": 1}), 1),
    ] {
        assert_eq!(misfits(bad.clone()), count, "{bad}");
    }
}
