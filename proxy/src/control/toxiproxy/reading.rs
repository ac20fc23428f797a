//! Reading JSON bodies with the leniency that Toxiproxy's clients are used to.
//!
//! Names of fields are told apart without regard to case, `null` is as good as absent, fields that nobody knows are
//! passed over, and only the first JSON value counts. Numbers keep their digits until it is known what they are for, so
//! that `1.5` or `1e2` is never taken for a whole number.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Why a body cannot be read: one sentence, as the error text has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable(pub(super) String);

/// Where a value stands, for the sentence about it: `Proxy.name`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) structure: &'a str,
    pub(super) field: &'a str,
    /// What is expected there: `string`, `int64`.
    pub(super) kind: &'a str,
}

/// The first JSON value of a body.
pub(super) fn first_value(body: &[u8]) -> Result<Box<RawValue>, Unreadable> {
    let text = String::from_utf8_lossy(body);
    let mut values = serde_json::Deserializer::from_str(&text).into_iter::<Box<RawValue>>();
    match values.next() {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) if error.is_eof() => Err(Unreadable("unexpected EOF".to_owned())),
        Some(Err(error)) => Err(Unreadable(error.to_string())),
        None => Err(Unreadable("EOF".to_owned())),
    }
}

/// The fields of a JSON object, in the order in which they were written.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// The object, none of its fields for `null`; `kind` names what it should have been.
    pub(super) fn of(value: &RawValue, kind: &str) -> Result<Self, Unreadable> {
        match of_kind(value) {
            Kind::Null => Ok(Self::default()),
            Kind::Object => parsed(value),
            other => Err(Unreadable(format!(
                "json: cannot unmarshal {} into Go value of type {kind}",
                other.word()
            ))),
        }
    }

    /// Refuses fields other than these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Unreadable> {
        let is_known = |name: &str| known.iter().any(|known| known.eq_ignore_ascii_case(name));
        match self.0.iter().find(|(name, _)| !is_known(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let shown: String = name.chars().take(80).collect();
                Err(Unreadable(format!("json: unknown field {shown:?}; known are {}", known.join(", "))))
            }
        }
    }

    /// The last value of that name that is not null.
    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        let mut named = self.0.iter().rev().filter(|(said, _)| said.eq_ignore_ascii_case(name));
        named.find(|(_, value)| of_kind(value) != Kind::Null).map(|(_, value)| &**value)
    }

    pub(super) fn text(&self, structure: &str, field: &str) -> Result<Option<String>, Unreadable> {
        let Some(value) = self.get(field) else { return Ok(None) };
        match of_kind(value) {
            Kind::String => parsed(value).map(Some),
            _ => Err(misfit(value, Place { structure, field, kind: "string" })),
        }
    }

    pub(super) fn flag(&self, structure: &str, field: &str) -> Result<Option<bool>, Unreadable> {
        let Some(value) = self.get(field) else { return Ok(None) };
        match value.get() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(misfit(value, Place { structure, field, kind: "bool" })),
        }
    }

    /// A whole number, written as one.
    pub(super) fn whole(&self, place: Place<'_>) -> Result<Option<i64>, Unreadable> {
        let Some(value) = self.get(place.field) else { return Ok(None) };
        let number = (of_kind(value) == Kind::Number).then(|| value.get().parse().ok()).flatten();
        number.map(Some).ok_or_else(|| misfit(value, place))
    }

    /// A number of single precision.
    pub(super) fn float(&self, structure: &str, field: &str) -> Result<Option<f32>, Unreadable> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let number = (of_kind(value) == Kind::Number).then(|| value.get().parse::<f32>().ok()).flatten();
        let finite = number.filter(|number| number.is_finite());
        finite.map(Some).ok_or_else(|| misfit(value, Place { structure, field, kind: "float32" }))
    }

    /// An object in a field; none of its fields when it is absent.
    pub(super) fn object(&self, place: Place<'_>) -> Result<Self, Unreadable> {
        match self.get(place.field) {
            None => Ok(Self::default()),
            Some(value) if of_kind(value) == Kind::Object => parsed(value),
            Some(value) => Err(misfit(value, place)),
        }
    }

    /// A list in a field.
    pub(super) fn list(&self, place: Place<'_>) -> Result<Option<Vec<Box<RawValue>>>, Unreadable> {
        match self.get(place.field) {
            None => Ok(None),
            Some(value) if of_kind(value) == Kind::Array => parsed(value).map(Some),
            Some(value) => Err(misfit(value, place)),
        }
    }
}

/// The elements of a JSON array, none for `null`; `kind` names what it should have been.
pub(super) fn elements(value: &RawValue, kind: &str) -> Result<Vec<Box<RawValue>>, Unreadable> {
    match of_kind(value) {
        Kind::Null => Ok(Vec::new()),
        Kind::Array => parsed(value),
        other => {
            Err(Unreadable(format!("json: cannot unmarshal {} into Go value of type {kind}", other.word())))
        }
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

/// A value's first byte tells what it is.
fn of_kind(value: &RawValue) -> Kind {
    match value.get().as_bytes().first() {
        Some(b'n') => Kind::Null,
        Some(b't' | b'f') => Kind::Bool,
        Some(b'"') => Kind::String,
        Some(b'[') => Kind::Array,
        Some(b'{') => Kind::Object,
        _ => Kind::Number,
    }
}

fn misfit(value: &RawValue, place: Place<'_>) -> Unreadable {
    let kind = of_kind(value);
    let shown = if kind == Kind::Number {
        format!("number {}", value.get().chars().take(40).collect::<String>())
    } else {
        kind.word().to_owned()
    };
    let Place { structure, field, kind } = place;
    Unreadable(format!(
        "json: cannot unmarshal {shown} into Go struct field {structure}.{field} of type {kind}"
    ))
}

fn parsed<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Result<T, Unreadable> {
    serde_json::from_str(value.get()).map_err(|error| Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Result<Fields, Unreadable> {
        Fields::of(&first_value(body.as_bytes())?, "Thing")
    }

    const RATE: Place<'_> = Place { structure: "T", field: "rate", kind: "int64" };

    #[test]
    fn only_the_first_value_counts_and_an_empty_body_is_its_end() {
        assert_eq!(fields(r#" {"a": "1"} trash"#).unwrap().text("T", "a").unwrap().unwrap(), "1");
        assert!(fields("null {\"a\": 1}").unwrap().get("a").is_none());
        for (body, says) in [("", "EOF"), ("  \n", "EOF"), ("{\"a\":", "unexpected EOF")] {
            assert_eq!(fields(body).unwrap_err().0, says, "{body}");
        }
        assert!(fields("{a}").unwrap_err().0.contains("key"));
        assert_eq!(fields("[]").unwrap_err().0, "json: cannot unmarshal array into Go value of type Thing");
    }

    #[test]
    fn names_ignore_case_the_last_one_wins_and_null_is_absent() {
        let read = |body: &str| fields(body).unwrap().whole(RATE).unwrap();
        assert_eq!(read(r#"{"RATE": 1, "Rate": 2}"#), Some(2));
        assert_eq!(read(r#"{"rate": 1, "rate": null}"#), Some(1), "null keeps what there was");
        assert_eq!(read(r#"{"other": {"rate": 3}}"#), None);
    }

    #[test]
    fn whole_numbers_are_written_whole() {
        for (number, shown) in [
            ("1.5", "number 1.5"),
            ("1e2", "number 1e2"),
            ("9223372036854775808", "number 9223372036854775808"),
            ("\"5\"", "string"),
            ("true", "bool"),
            ("[5]", "array"),
        ] {
            let error = fields(&format!("{{\"rate\": {number}}}")).unwrap().whole(RATE).unwrap_err();
            assert_eq!(
                error.0,
                format!("json: cannot unmarshal {shown} into Go struct field T.rate of type int64")
            );
        }
        let read = |body: &str| fields(body).unwrap().whole(RATE).unwrap();
        assert_eq!(read(r#"{"rate": -9223372036854775808}"#), Some(i64::MIN));
    }

    #[test]
    fn an_unknown_field_is_named_when_that_is_asked_for() {
        let fields = fields(r#"{"Listen": "x", "up": 1}"#).unwrap();
        let error = fields.only(&["listen", "upstream"]).unwrap_err();
        assert_eq!(error.0, "json: unknown field \"up\"; known are listen, upstream");
        fields.only(&["listen", "up"]).unwrap();
    }

    #[test]
    fn a_float_that_is_too_large_is_refused() {
        let read = |body: &str| fields(body).unwrap().float("T", "toxicity");
        assert_eq!(read(r#"{"toxicity": 0.25}"#).unwrap(), Some(0.25));
        assert!(read(r#"{"toxicity": 1e39}"#).unwrap_err().0.ends_with("of type float32"));
    }
}
