//! A map whose keys are free: names that the file gives, in the file's order.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::field::Field;
use super::reader::NAME;
use super::source::Span;

/// A map with free keys, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs<T>(pub Vec<Pair<T>>);

/// One entry of a map with free keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair<T> {
    /// The key.
    pub name: String,
    /// Where the key is.
    pub name_span: Span,
    /// What it was given.
    pub value: Field<T>,
}

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Pairs<T> {
    /// The entries in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Pair<T>> {
        self.0.iter()
    }

    /// The entry with this key.
    pub fn get(&self, name: &str) -> Option<&Pair<T>> {
        self.0.iter().find(|pair| pair.name == name)
    }
}

impl<'a, T> IntoIterator for &'a Pairs<T> {
    type Item = &'a Pair<T>;
    type IntoIter = std::slice::Iter<'a, Pair<T>>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// A key and where it stands.
struct Name(String, Span);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = Name;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name with its place")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Name, A::Error> {
                let missing = || A::Error::custom("`Pairs` are read by the tree's reader only");
                let name = parts.next_element()?.ok_or_else(missing)?;
                Ok(Name(name, parts.next_element()?.ok_or_else(missing)?))
            }
        }
        deserializer.deserialize_tuple_struct(NAME, 2, Parts)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Pairs<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Name(name, name_span), value)) = map.next_entry()? {
                    pairs.push(Pair { name, name_span, value });
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Pairs<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Map_of_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}
