//! The statuses of gRPC.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::quantity::QuantityError;

/// A status of gRPC: `UNAVAILABLE`, or 14.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrpcStatus(u8);

/// By number.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl GrpcStatus {
    /// Every name, in the order of the numbers.
    pub const NAMES: [&str; 17] = NAMES;

    /// The status with this number; nothing from 17 on.
    pub fn from_code(code: u64) -> Option<Self> {
        u8::try_from(code).ok().filter(|code| usize::from(*code) < NAMES.len()).map(Self)
    }

    /// Its number.
    pub const fn code(self) -> u8 {
        self.0
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }
}

impl FromStr for GrpcStatus {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let named = NAMES.iter().position(|name| name.eq_ignore_ascii_case(text)).map(|at| at as u64);
        named.or_else(|| text.parse().ok()).and_then(Self::from_code).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            QuantityError::new(format!(
                "`{}` is no gRPC status; write its name, for example `UNAVAILABLE`, or its number, 0 to 16",
                shown.escape_debug()
            ))
        })
    }
}

impl fmt::Display for GrpcStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for GrpcStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for GrpcStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrName;
        impl de::Visitor<'_> for NumberOrName {
            type Value = GrpcStatus;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a gRPC status: its name, for example `UNAVAILABLE`, or its number, 0 to 16")
            }

            fn visit_u64<E: de::Error>(self, code: u64) -> Result<GrpcStatus, E> {
                code.to_string().parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, code: i64) -> Result<GrpcStatus, E> {
                code.to_string().parse().map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<GrpcStatus, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(NumberOrName)
    }
}

impl JsonSchema for GrpcStatus {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "GrpcStatus".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "A gRPC status, by its name or its number",
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 16},
                {"type": "string", "enum": NAMES},
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_the_same_statuses() {
        for (code, name) in NAMES.iter().enumerate() {
            let status: GrpcStatus = name.parse().unwrap();
            assert_eq!((usize::from(status.code()), status.name()), (code, *name));
            assert_eq!(code.to_string().parse::<GrpcStatus>().unwrap(), status);
            assert_eq!(serde_json::from_str::<GrpcStatus>(&code.to_string()).unwrap(), status);
        }
        for text in ["17", "-1", "", "unavailible", "1.5"] {
            let error = text.parse::<GrpcStatus>().unwrap_err().to_string();
            assert!(error.contains("0 to 16"), "{error}");
        }
        serde_json::from_str::<GrpcStatus>("17").unwrap_err();
    }
}
