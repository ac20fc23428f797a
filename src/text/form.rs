//! A block that can be written in a short way: as a word, as a map, or as a list.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use super::reader::NEVER;

/// One of the ways to write a block; which one is decided by what stands there, never by trial.
#[derive(Clone, Debug, PartialEq, Deserialize)]
// The reader knows the enum by this name (`reader::FORM`) and picks the variant by the kind of node.
#[serde(rename = "$form")]
pub enum Form<S, L, M = Never> {
    /// A scalar: the value of the block's main key.
    Word(S),
    /// The block in full.
    Map(L),
    /// A list: the value of the block's main list.
    List(M),
}

/// A way of writing that a block does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {}

impl<'de> Deserialize<'de> for Never {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nothing;
        impl Visitor<'_> for Nothing {
            type Value = Never;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("another form")
            }
        }
        deserializer.deserialize_unit_struct(NEVER, Nothing)
    }
}

impl JsonSchema for Never {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Never".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::from(false)
    }
}

impl<S: JsonSchema, L: JsonSchema, M: JsonSchema> JsonSchema for Form<S, L, M> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("{}_or_{}_or_{}", S::schema_name(), L::schema_name(), M::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let forms =
            [generator.subschema_for::<S>(), generator.subschema_for::<L>(), generator.subschema_for::<M>()];
        let forms: Vec<_> = forms.into_iter().filter(|form| form.as_bool() != Some(false)).collect();
        json_schema!({ "anyOf": forms })
    }
}
