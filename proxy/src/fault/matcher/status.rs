//! Which answers of the upstream: `500`, `"5xx"`, or a list of such.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest list.
const PARTS_MAX: usize = 16;

/// One status, or a class of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Exactly this one.
    Code(u16),
    /// All that begin with this digit.
    Class(u16),
}

impl Status {
    const fn fits(self, status: u16) -> bool {
        match self {
            Self::Code(code) => code == status,
            Self::Class(class) => class == status / 100,
        }
    }

    fn of_code(code: u64) -> Result<Self, String> {
        match u16::try_from(code) {
            Ok(code) if (200..=599).contains(&code) => Ok(Self::Code(code)),
            _ => Err(format!("{code} is no final HTTP status; use 200 to 599, or a class such as `5xx`")),
        }
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text.parse::<u64>(), text) {
            (Ok(code), _) => Self::of_code(code),
            (_, "2xx") => Ok(Self::Class(2)),
            (_, "3xx") => Ok(Self::Class(3)),
            (_, "4xx") => Ok(Self::Class(4)),
            (_, "5xx") => Ok(Self::Class(5)),
            _ => {
                let shown: String = text.chars().take(20).collect();
                Err(format!(
                    "`{}` is no HTTP status; write for example `500`, `5xx` or `[429, 5xx]`",
                    shown.escape_debug()
                ))
            }
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code}"),
            Self::Class(class) => write!(f, "{class}xx"),
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Code(code) => to.serialize_u16(*code),
            Self::Class(_) => to.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader).and_then(|statuses| match statuses.0.as_slice() {
            [one] => Ok(*one),
            _ => Err(de::Error::custom("a list stands within a list of statuses; write one list")),
        })
    }
}

/// Statuses of which one has to fit; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(Vec<Status>);

impl Statuses {
    /// These; an empty or a long list is refused.
    pub fn new(list: Vec<Status>) -> Result<Self, String> {
        match list.len() {
            0 => Err("no status is given; write for example `5xx`, or leave `status` out".to_owned()),
            1..=PARTS_MAX => Ok(Self(list)),
            many => Err(format!(
                "{many} statuses are given, at most {PARTS_MAX} can be; use classes such as `5xx`"
            )),
        }
    }

    /// Whether one of them fits.
    pub fn fits(&self, status: u16) -> bool {
        self.0.iter().any(|one| one.fits(status))
    }

    /// All of them, in order.
    pub fn all(&self) -> &[Status] {
        &self.0
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, one) in self.0.iter().enumerate() {
            write!(f, "{}{one}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl Serialize for Statuses {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(to),
            list => list.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Statuses;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a status (500), a class (\"5xx\") or a list of them")
    }

    fn visit_u64<E: de::Error>(self, code: u64) -> Result<Statuses, E> {
        Status::of_code(code).map(|one| Statuses(vec![one])).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, code: i64) -> Result<Statuses, E> {
        self.visit_u64(u64::try_from(code).unwrap_or(0))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Statuses, E> {
        text.parse().map(|one| Statuses(vec![one])).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Statuses, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = list.next_element()? {
            all.push(one);
            if all.len() > PARTS_MAX {
                break;
            }
        }
        Statuses::new(all).map_err(de::Error::custom)
    }
}

impl JsonSchema for Statuses {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Statuses".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = schemars::json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": 200, "maximum": 599 },
                { "type": "string", "pattern": "^([2-5]xx|[2-5][0-9][0-9])$" }
            ]
        });
        schemars::json_schema!({
            "description": "A status, for example `500`, a class, for example `5xx`, or a list of them.",
            "anyOf": [one, { "type": "array", "items": one, "minItems": 1, "maxItems": PARTS_MAX }]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_a_class_or_a_list_is_read_and_written_back() {
        for (json, written, fitting, other) in [
            ("500", "500", 500, 501),
            ("\"500\"", "500", 500, 501),
            ("\"5xx\"", "\"5xx\"", 599, 499),
            ("[429, \"5xx\"]", "[429,\"5xx\"]", 429, 404),
        ] {
            let statuses: Statuses = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&statuses).unwrap(), written);
            assert!(statuses.fits(fitting) && !statuses.fits(other), "{json}");
        }
    }

    #[test]
    fn what_is_no_status_is_refused() {
        let many = format!("[{}]", vec!["500"; 17].join(","));
        for (json, says) in [
            ("199", "no final HTTP status"),
            ("600", "no final HTTP status"),
            ("-1", "no final HTTP status"),
            ("\"6xx\"", "no HTTP status"),
            ("\"5XX!\"", "no HTTP status"),
            ("[]", "no status is given"),
            ("[[500, 501]]", "one list"),
            ("true", "a status (500)"),
            (&many, "at most 16"),
        ] {
            let error = serde_json::from_str::<Statuses>(json).unwrap_err().to_string();
            assert!(error.contains(says), "{json}: {error}");
        }
    }
}
