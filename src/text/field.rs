//! What was written for a key: nothing, something unreadable, or a value; and where.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::reader::FIELD;
use super::source::Span;

/// A value as it was written. `Bad` was already reported: whoever finds it stays silent.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Field<T> {
    /// The key is not there.
    #[default]
    Absent,
    /// Something is there that could not be read.
    Bad {
        /// Where.
        span: Span,
    },
    /// A value.
    Given {
        /// Where its key is; of an entry of a list, the entry.
        key: Span,
        /// Where it is.
        span: Span,
        /// What it is.
        value: T,
    },
}

impl<T> Field<T> {
    /// The value, if one is given.
    pub const fn get(&self) -> Option<&T> {
        match self {
            Self::Given { value, .. } => Some(value),
            Self::Absent | Self::Bad { .. } => None,
        }
    }

    /// Where the value is.
    pub const fn span(&self) -> Option<Span> {
        match self {
            Self::Given { span, .. } | Self::Bad { span } => Some(*span),
            Self::Absent => None,
        }
    }

    /// Where its key is.
    pub const fn key(&self) -> Option<Span> {
        match self {
            Self::Given { key, .. } => Some(*key),
            Self::Absent | Self::Bad { .. } => None,
        }
    }

    /// Whether nothing was written.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether something was written that could not be read, and that was reported.
    pub const fn is_bad(&self) -> bool {
        matches!(self, Self::Bad { .. })
    }

    /// Whether a value is there.
    pub const fn is_given(&self) -> bool {
        matches!(self, Self::Given { .. })
    }

    /// The value itself, if one is given.
    pub fn into_value(self) -> Option<T> {
        match self {
            Self::Given { value, .. } => Some(value),
            Self::Absent | Self::Bad { .. } => None,
        }
    }

    /// Takes the value out, if one is given, and leaves nothing.
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_value()
    }

    /// The same place with a value by reference.
    pub const fn as_ref(&self) -> Field<&T> {
        match self {
            Self::Given { key, span, value } => Field::Given { key: *key, span: *span, value },
            Self::Bad { span } => Field::Bad { span: *span },
            Self::Absent => Field::Absent,
        }
    }

    /// The same place with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Field<U> {
        match self {
            Self::Given { key, span, value } => Field::Given { key, span, value: f(value) },
            Self::Bad { span } => Field::Bad { span },
            Self::Absent => Field::Absent,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
            type Value = Field<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Field<T>, A::Error> {
                // The reader answers "no element" for a value that it could not read and has reported.
                let value = parts.next_element::<T>()?;
                let missing = || A::Error::custom("a `Field` is read by the tree's reader only");
                let span: Span = parts.next_element()?.ok_or_else(missing)?;
                let key: Span = parts.next_element()?.ok_or_else(missing)?;
                Ok(match value {
                    Some(value) => Field::Given { key, span, value },
                    None => Field::Bad { span },
                })
            }
        }
        deserializer.deserialize_tuple_struct(FIELD, 3, Parts(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}
