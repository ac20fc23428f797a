//! Where a value stands in a JSON body: `$.a.b[0]`, `$['any key']`. One place, no wildcards, no filters.

use std::str::FromStr;

use serde_json::Value;

/// A path to one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath(Vec<Move>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Move {
    Key(String),
    Index(usize),
}

/// Why a text is no path.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is no JSON path: {why} at character {at}; write for example `$.items[0].name`")]
pub struct JsonPathError {
    path: String,
    why: &'static str,
    at: usize,
}

impl JsonPath {
    /// The value at this path, if there is one.
    pub fn find<'v>(&self, body: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(body, |value, step| match step {
            Move::Key(key) => value.as_object()?.get(key),
            Move::Index(index) => value.as_array()?.get(*index),
        })
    }
}

impl FromStr for JsonPath {
    type Err = JsonPathError;

    fn from_str(path: &str) -> Result<Self, JsonPathError> {
        let no = |rest: &str, why| JsonPathError {
            path: path.to_owned(),
            why,
            at: path[..path.len() - rest.len()].chars().count() + 1,
        };
        let mut rest = path.strip_prefix('$').ok_or_else(|| no(path, "it does not begin with `$`"))?;
        let mut moves = Vec::new();
        while !rest.is_empty() {
            let (step, after) = if let Some(key) = rest.strip_prefix('.') {
                let end = key.find(['.', '[']).unwrap_or(key.len());
                if end == 0 {
                    return Err(no(key, "a key is missing"));
                }
                (Move::Key(key[..end].to_owned()), &key[end..])
            } else if let Some(inside) = rest.strip_prefix('[') {
                bracket(inside).map_err(|why| no(inside, why))?
            } else {
                return Err(no(rest, "expected `.` or `[`"));
            };
            moves.push(step);
            rest = after;
        }
        Ok(Self(moves))
    }
}

/// What stands after a `[`: an index or a quoted key, and the rest after its `]`.
fn bracket(inside: &str) -> Result<(Move, &str), &'static str> {
    if let Some(quote) = inside.chars().next().filter(|first| matches!(first, '\'' | '"')) {
        let key = &inside[1..];
        let end = key.find(quote).ok_or("the quoted key does not end")?;
        let after = key[end + 1..].strip_prefix(']').ok_or("the bracket is not closed")?;
        return Ok((Move::Key(key[..end].to_owned()), after));
    }
    let (index, after) = inside.split_once(']').ok_or("the bracket is not closed")?;
    if index.is_empty() || !index.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("an index is a whole number, a key stands in quotes");
    }
    Ok((Move::Index(index.parse().map_err(|_| "the index is too large")?), after))
}

/// Whether two values are the same; numbers by what they are worth, however they are written.
pub fn same_json(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || (one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_json(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|found| same_json(value, found)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_to_one_value_or_to_none() {
        let body = json!({"a": {"b": [{"c": 7}, null], "d.e": true}, "": 1, "é": "ü"});
        for (path, found) in [
            ("$", Some(body.clone())),
            ("$.a.b[0].c", Some(json!(7))),
            ("$.a.b[1]", Some(json!(null))),
            ("$['a'][\"d.e\"]", Some(json!(true))),
            ("$['']", Some(json!(1))),
            ("$.é", Some(json!("ü"))),
            ("$.a.b[2]", None),
            ("$.a.b.c", None),
            ("$.a[0]", None),
            ("$.nothing.there", None),
        ] {
            assert_eq!(path.parse::<JsonPath>().unwrap().find(&body), found.as_ref(), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused_with_its_place() {
        for (path, place) in [
            ("", "character 1"),
            ("a.b", "character 1"),
            ("$a", "character 2"),
            ("$.", "character 3"),
            ("$.a..b", "character 5"),
            ("$.a[", "character 5"),
            ("$.a[-1]", "character 5"),
            ("$.a[*]", "character 5"),
            ("$['a]", "character 3"),
            ("$['a'", "character 3"),
            ("$[99999999999999999999999]", "character 3"),
        ] {
            let error = path.parse::<JsonPath>().unwrap_err().to_string();
            assert!(error.contains(place) && error.contains("write for example"), "{path}: {error}");
        }
    }

    #[test]
    fn numbers_are_the_same_however_they_are_written() {
        assert!(same_json(&json!(1), &json!(1.0)));
        assert!(same_json(&json!({"a": [1]}), &json!({"a": [1.0]})));
        assert!(!same_json(&json!(1), &json!("1")));
        assert!(!same_json(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
        assert!(!same_json(&json!({"a": 1}), &json!({"a": 1, "b": 2})));
    }
}
