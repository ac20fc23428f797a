//! The recovering reader: a `serde::Deserializer` over the tree that records what it cannot read and goes on.
//!
//! serde stops at the first error. Here an error stops at the nearest [`Field`](super::Field): it is recorded with its
//! place, the field becomes `Bad`, and its neighbours are read as if nothing had happened.

mod access;
mod at;
mod stop;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use self::access::{Entries, FieldParts, Items, OneOf};
use self::at::{At, decimal, expectation, found, known_keys};
use self::stop::Stop;
use super::problem::Problems;
use super::source::{Source, Span};
use super::tree::{Kind, parse};
use super::words::{one_of, quote};

/// The names under which our own types ask for more than serde's data model holds.
pub(super) const FIELD: &str = "$field";
pub(super) const NAME: &str = "$name";
pub(super) const NEVER: &str = "$never";
pub(super) const FORM: &str = "$form";

/// Reads a file into a type. What is wrong is recorded; a value may come back even so, with those fields `Bad`.
pub fn read<T: DeserializeOwned>(source: &Source, problems: &mut Problems) -> Option<T> {
    let root = parse(source, problems)?;
    let reader = Reader { source, problems: RefCell::new(problems) };
    let at = At { node: &root, key: root.span, reader: &reader };
    T::deserialize(at).map_err(|stop| reader.record(stop, root.span)).ok()
}

/// What kind of file it is: the word after `kind:`, and where it stands.
pub fn kind_of(source: &Source, problems: &mut Problems) -> Option<(String, Span)> {
    let root = parse(source, problems)?;
    let help = "the first lines of a file are `firedrill: v1`, `kind: Scenario` and `name: …`";
    let entries = match &root.kind {
        Kind::Map(entries) => entries,
        Kind::Bad => return None,
        _ => {
            let message = format!("expected a map, found {}", found(&root));
            problems.error("wrong-type", root.span, message).help(help);
            return None;
        }
    };
    let Some(entry) = entries.iter().find(|entry| entry.name == "kind") else {
        let first = entries.first().map_or(root.span, |entry| entry.name_span);
        problems.error("missing-key", first, "`kind` is missing").help(help);
        return None;
    };
    match &entry.value.kind {
        Kind::Scalar { text, .. } if !entry.value.is_nothing() => Some((text.clone(), entry.value.span)),
        Kind::Bad => None,
        _ => {
            let message = format!("expected the kind of file, found {}", found(&entry.value));
            problems.error("wrong-type", entry.value.span, message).help(help);
            None
        }
    }
}

/// What all parts of one reading share.
struct Reader<'a> {
    source: &'a Source,
    problems: RefCell<&'a mut Problems>,
}

impl Reader<'_> {
    fn record(&self, stop: Stop, span: Span) {
        if let Stop::Because(reason) = stop {
            let span = self.source.clip(reason.span.unwrap_or(span));
            self.problems.borrow_mut().error(reason.rule, span, reason.message).maybe_help(reason.help);
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ident as $wide:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            let number = self.integer($type::MIN.into(), $type::MAX.into())?;
            // In range of the narrower type, as just checked.
            self.placed(visitor.$visit(number as $wide))
        }
    )*};
}

impl<'de> Deserializer<'de> for At<'_> {
    type Error = Stop;

    /// By the rules of YAML 1.2, for what takes anything.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let result = match &self.node.kind {
            Kind::Bad => Err(Stop::Reported),
            Kind::List(items) => visitor.visit_seq(Items::new(items, self.reader)),
            Kind::Map(entries) => visitor.visit_map(Entries::all(entries, self.reader)),
            _ if self.node.is_nothing() => visitor.visit_unit(),
            Kind::Scalar { text, plain: false } => visitor.visit_str(text),
            Kind::Scalar { text, plain: true } => match text.as_str() {
                "true" => visitor.visit_bool(true),
                "false" => visitor.visit_bool(false),
                ".inf" | "-.inf" | ".nan" | ".NaN" | ".Inf" | "-.Inf" => {
                    let stop = Stop::new("bad-value", format!("{} is not a finite number", quote(text)));
                    Err(stop.help("to mean the text itself, put it in quotes"))
                }
                text => match (text.parse::<i64>(), text.parse::<u64>(), decimal(text)) {
                    (Ok(number), _, Some(_)) => visitor.visit_i64(number),
                    (_, Ok(number), Some(_)) => visitor.visit_u64(number),
                    (_, _, Some(number)) => visitor.visit_f64(number),
                    _ => visitor.visit_str(text),
                },
            },
        };
        self.placed(result)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let value = self.bool()?;
        self.placed(visitor.visit_bool(value))
    }

    whole_numbers! {
        deserialize_i8 visit_i64 i8 as i64,
        deserialize_i16 visit_i64 i16 as i64,
        deserialize_i32 visit_i64 i32 as i64,
        deserialize_i64 visit_i64 i64 as i64,
        deserialize_u8 visit_u64 u8 as u64,
        deserialize_u16 visit_u64 u16 as u64,
        deserialize_u32 visit_u64 u32 as u64,
        deserialize_u64 visit_u64 u64 as u64,
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let value = self.float()?;
        self.placed(visitor.visit_f64(value))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let (text, _) = self.scalar(&expectation(&visitor))?;
        self.placed(visitor.visit_str(text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        // Nothing after a key is a mistake, not a way to leave the key out; the inner type says so.
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        if self.node.is_nothing() {
            self.placed(visitor.visit_unit())
        } else {
            Err(self.expected("nothing").or_at(self.node.span))
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        if name != NEVER {
            return self.deserialize_unit(visitor);
        }
        let others = match self.node.kind {
            Kind::Scalar { .. } => "a map or a list",
            Kind::List(_) => "a word or a map",
            Kind::Map(_) | Kind::Bad => "a word or a list",
        };
        Err(self.expected(others).or_at(self.node.span))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.placed(visitor.visit_seq(Items::new(self.list()?, self.reader)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        let items = self.list()?;
        if items.len() != len {
            let message = format!("expected a list of {len}, found a list of {}", items.len());
            return Err(Stop::new("wrong-type", message).or_at(self.node.span));
        }
        self.placed(visitor.visit_seq(Items::new(items, self.reader)))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        if name == FIELD {
            return visitor.visit_seq(FieldParts::new(self));
        }
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match &self.node.kind {
            Kind::Map(entries) => self.placed(visitor.visit_map(Entries::all(entries, self.reader))),
            _ => Err(self.expected("a map").or_at(self.node.span)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        match &self.node.kind {
            Kind::Map(entries) => {
                let known = self.known_entries(entries, fields);
                self.placed(visitor.visit_map(Entries::new(known, self.reader)))
            }
            Kind::Bad => Err(Stop::Reported),
            _ => {
                let stop = self.expected("a map");
                let stop = if self.node.is_nothing() { stop } else { stop.help(known_keys(fields)) };
                Err(stop.or_at(self.node.span))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        if name == FORM {
            let variant = match &self.node.kind {
                Kind::Bad => return Err(Stop::Reported),
                _ if self.node.is_nothing() => return Err(self.expected("a value").or_at(self.node.span)),
                Kind::Scalar { .. } => "Word",
                Kind::List(_) => "List",
                Kind::Map(_) => "Map",
            };
            return visitor.visit_enum(OneOf::form(variant, self));
        }
        match &self.node.kind {
            Kind::Scalar { text, .. } if !self.node.is_nothing() => {
                self.placed(visitor.visit_enum(OneOf::word(text, self)))
            }
            Kind::Map(entries) => match entries.as_slice() {
                [only] => {
                    let content = At { node: &only.value, key: only.name_span, reader: self.reader };
                    self.placed(visitor.visit_enum(OneOf::entry(only, content)))
                }
                _ => {
                    let choices = one_of(variants.iter().copied());
                    let message = format!("expected exactly one key ({choices}), found {}", entries.len());
                    Err(Stop::new("wrong-type", message).or_at(self.node.span))
                }
            },
            _ => Err(self.expected(&one_of(variants.iter().copied())).or_at(self.node.span)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { char bytes byte_buf identifier i128 u128 }
}
