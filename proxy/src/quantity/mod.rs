//! Amounts with their unit: what people write (`90s`, `25%`, `100KB/s`) and what the code computes with.
//!
//! Every quantity reads from text, prints its canonical text, and travels as that text in JSON. A bare number is
//! never an amount: the error names the value and the way to write it.

mod byte_rate;
mod byte_size;
mod frequency;
mod percent;
mod period;

pub use byte_rate::ByteRate;
pub use byte_size::ByteSize;
pub use frequency::Frequency;
pub use percent::Percent;
pub use period::Period;

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QuantityError {
    message: String,
}

impl QuantityError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// Splits `12.5ms` into its number and its unit; the number is decimal digits with at most one point.
pub(crate) fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    // `f64::from_str` also takes `inf`, `nan` and exponents; the split above lets only digits and points through.
    let number: f64 = number.parse().ok()?;
    number.is_finite().then_some((number, unit))
}

/// Gives a quantity its text form in serde and its shape in JSON Schema.
macro_rules! travels_as_text {
    ($type:ident, $title:literal, $pattern:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($title)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "title": $title, "pattern": $pattern})
            }
        }
    };
}
pub(crate) use travels_as_text;
