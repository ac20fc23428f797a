//! How serde walks the tree: lists, maps, fields with their place, and one-of-several.

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::super::source::Span;
use super::super::tree::{Entry, Kind, Node};
use super::stop::Stop;
use super::{At, NAME, Reader};

/// The entries of a list.
pub(super) struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
    reader: &'a Reader<'a>,
}

impl<'a> Items<'a> {
    pub(super) fn new(items: &'a [Node], reader: &'a Reader<'a>) -> Self {
        Self { items: items.iter(), reader }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Stop;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Stop> {
        let Some(node) = self.items.next() else { return Ok(None) };
        seed.deserialize(At { node, key: node.span, reader: self.reader }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The entries of a map, by the names that the type knows them under.
pub(super) struct Entries<'a> {
    entries: std::vec::IntoIter<(&'a str, &'a Entry)>,
    value: Option<&'a Entry>,
    reader: &'a Reader<'a>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(entries: Vec<(&'a str, &'a Entry)>, reader: &'a Reader<'a>) -> Self {
        Self { entries: entries.into_iter(), value: None, reader }
    }

    pub(super) fn all(entries: &'a [Entry], reader: &'a Reader<'a>) -> Self {
        Self::new(entries.iter().map(|entry| (entry.name.as_str(), entry)).collect(), reader)
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Stop;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Stop> {
        let Some((name, entry)) = self.entries.next() else { return Ok(None) };
        self.value = Some(entry);
        let key = Key { name, span: entry.name_span };
        seed.deserialize(key).map(Some).map_err(|stop| stop.or_at(entry.name_span))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Stop> {
        let Some(entry) = self.value.take() else { return Err(Stop::Reported) };
        seed.deserialize(At { node: &entry.value, key: entry.name_span, reader: self.reader })
    }
}

/// A key: a text, or a text with its place.
struct Key<'a> {
    name: &'a str,
    span: Span,
}

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = Stop;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_str(self.name)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        if name == NAME {
            visitor.visit_seq(NameParts { key: self, part: 0 })
        } else {
            self.deserialize_any(visitor)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        visitor.visit_enum(StrDeserializer::new(self.name))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple map struct identifier ignored_any
    }
}

/// A text and its place, for `Pairs`.
struct NameParts<'a> {
    key: Key<'a>,
    part: usize,
}

impl<'de> SeqAccess<'de> for NameParts<'_> {
    type Error = Stop;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Stop> {
        self.part += 1;
        match self.part {
            1 => seed.deserialize(StrDeserializer::new(self.key.name)).map(Some),
            2 => place(seed, self.key.span).map(Some),
            _ => Ok(None),
        }
    }
}

/// A value, its place and the place of its key, for `Field`.
pub(super) struct FieldParts<'a> {
    at: At<'a>,
    part: usize,
}

impl<'a> FieldParts<'a> {
    pub(super) fn new(at: At<'a>) -> Self {
        Self { at, part: 0 }
    }
}

impl<'de> SeqAccess<'de> for FieldParts<'_> {
    type Error = Stop;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Stop> {
        self.part += 1;
        match self.part {
            // The error ends here and the file goes on: this is what makes the reader recover.
            1 => match seed.deserialize(self.at) {
                Ok(value) => Ok(Some(value)),
                Err(stop) => {
                    self.at.reader.record(stop, self.at.node.span);
                    Ok(None)
                }
            },
            2 => place(seed, self.at.node.span).map(Some),
            3 => place(seed, self.at.key).map(Some),
            _ => Ok(None),
        }
    }
}

fn place<'de, S: DeserializeSeed<'de>>(seed: S, span: Span) -> Result<S::Value, Stop> {
    seed.deserialize(SeqDeserializer::new([span.start, span.end].into_iter()))
}

/// One of several: a bare word, a map with one key, or one of the forms of a block.
pub(super) struct OneOf<'a> {
    variant: &'a str,
    place: Span,
    content: Option<At<'a>>,
}

impl<'a> OneOf<'a> {
    pub(super) fn form(variant: &'a str, at: At<'a>) -> Self {
        Self { variant, place: at.node.span, content: Some(at) }
    }

    pub(super) fn word(text: &'a str, at: At<'a>) -> Self {
        Self { variant: text, place: at.node.span, content: None }
    }

    pub(super) fn entry(entry: &'a Entry, content: At<'a>) -> Self {
        Self { variant: &entry.name, place: entry.name_span, content: Some(content) }
    }

    fn content(self) -> Result<At<'a>, Stop> {
        self.content.ok_or_else(|| {
            let message = format!("`{}` has parameters", self.variant);
            Stop::new("wrong-type", message)
                .help(format!("write `{}: {{…}}`", self.variant))
                .or_at(self.place)
        })
    }
}

impl<'de> EnumAccess<'de> for OneOf<'_> {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Stop> {
        let variant = seed
            .deserialize(IntoDeserializer::<Stop>::into_deserializer(self.variant))
            .map_err(|stop| stop.or_at(self.place))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for OneOf<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        match self.content {
            None => Ok(()),
            Some(At { node, .. }) if node.is_nothing() => Ok(()),
            Some(At { node: Node { kind: Kind::Bad, .. }, .. }) => Err(Stop::Reported),
            Some(_) => {
                let message = format!("`{}` has no parameters", self.variant);
                Err(Stop::new("wrong-type", message).help("write the word alone").or_at(self.place))
            }
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Stop> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.content()?.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.content()?.deserialize_struct("", fields, visitor)
    }
}
