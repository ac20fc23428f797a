//! The recovering reader: a `serde::Deserializer` over the tree that records what it cannot read and goes on.
//!
//! serde stops at the first error. Here an error stops at the nearest [`Field`](super::Field): it is recorded with its
//! place, the field becomes `Bad`, and its neighbours are read as if nothing had happened.

mod access;
mod stop;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use serde::de::{DeserializeOwned, Deserializer, Expected, Visitor};
use serde::forward_to_deserialize_any;

use self::access::{Entries, FieldParts, Items, OneOf};
use self::stop::Stop;
use super::problem::Problems;
use super::source::{Source, Span};
use super::tree::{Entry, Kind, Node, parse};
use super::words::{nearest, one_of, quote};

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

/// A node about to be read.
#[derive(Clone, Copy)]
struct At<'a> {
    node: &'a Node,
    /// The key that leads to it; of an entry of a list, the node itself.
    key: Span,
    reader: &'a Reader<'a>,
}

/// What stands there, in words.
fn found(node: &Node) -> String {
    match &node.kind {
        _ if node.is_nothing() => "nothing".to_owned(),
        Kind::Scalar { text, plain: true } => quote(text),
        Kind::Scalar { text, plain: false } => format!("the text {}", quote(text)),
        Kind::List(_) => "a list".to_owned(),
        Kind::Map(_) => "a map".to_owned(),
        Kind::Bad => "something unreadable".to_owned(),
    }
}

/// What serde's visitors call their expectations, in the words of this project.
fn expectation(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a string" | "string" | "str" | "a borrowed string" => "a text".to_owned(),
        "a sequence" => "a list".to_owned(),
        _ if text.starts_with("struct ") => "a map".to_owned(),
        _ => text,
    }
}

impl<'a> At<'a> {
    fn expected(&self, what: &str) -> Stop {
        if matches!(self.node.kind, Kind::Bad) {
            return Stop::Reported;
        }
        let help = if self.node.is_nothing() { self.comment_help() } else { None };
        Stop::new("wrong-type", format!("expected {what}, found {}", found(self.node))).maybe_help(help)
    }

    /// `to: #shop` is nothing and a comment.
    fn comment_help(&self) -> Option<String> {
        let line = self.reader.source.text[self.key.end..].lines().next().unwrap_or_default();
        let rest = line.trim_start_matches(':').trim_start();
        rest.starts_with('#')
            .then(|| "`#` starts a comment; a text that starts with it must stand in quotes".to_owned())
    }

    /// Puts an error that has no place yet on this node.
    fn placed<T>(&self, result: Result<T, Stop>) -> Result<T, Stop> {
        result.map_err(|stop| stop.or_at(self.node.span))
    }

    /// The text of a scalar; anything else is not what was expected.
    fn scalar(&self, what: &str) -> Result<(&'a str, bool), Stop> {
        match &self.node.kind {
            Kind::Scalar { text, plain } if !self.node.is_nothing() => Ok((text, *plain)),
            _ => Err(self.expected(what).or_at(self.node.span)),
        }
    }

    fn integer(&self, min: i128, max: i128) -> Result<i128, Stop> {
        let (text, plain) = self.scalar("a whole number")?;
        let at = |stop: Stop| Err(stop.or_at(self.node.span));
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || !is_number {
            let stop = self.expected("a whole number");
            return at(if is_number { stop.help("write it without quotes") } else { stop });
        }
        if digits.len() > 1 && digits.starts_with('0') {
            let stop = Stop::new("bad-value", format!("{} starts with a zero", quote(text)));
            return at(stop.help("write the number without leading zeros"));
        }
        // More than 39 digits do not fit even here: beyond every limit, on the side of its sign.
        let beyond = if text.starts_with('-') { i128::MIN } else { i128::MAX };
        let number = text.parse().unwrap_or(beyond);
        if number > max {
            return at(Stop::new("bad-value", format!("{} is too large; the most is {max}", quote(text))));
        }
        if number < min {
            return at(Stop::new("bad-value", format!("{} is too small; the least is {min}", quote(text))));
        }
        Ok(number)
    }

    fn float(&self) -> Result<f64, Stop> {
        let (text, plain) = self.scalar("a number")?;
        match decimal(text) {
            Some(number) if plain => Ok(number),
            Some(_) => Err(self.expected("a number").help("write it without quotes").or_at(self.node.span)),
            None => Err(self.expected("a number").or_at(self.node.span)),
        }
    }

    fn bool(&self) -> Result<bool, Stop> {
        const WHAT: &str = "`true` or `false`";
        let (text, plain) = self.scalar(WHAT)?;
        let help = match (text, plain) {
            ("true", true) => return Ok(true),
            ("false", true) => return Ok(false),
            ("true" | "false", false) => "write it without quotes",
            _ => match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" | "true" => "write `true`; YAML 1.2 knows no other word for it",
                "no" | "off" | "n" | "false" => "write `false`; YAML 1.2 knows no other word for it",
                _ => "",
            },
        };
        let help = (!help.is_empty()).then(|| help.to_owned());
        Err(self.expected(WHAT).maybe_help(help).or_at(self.node.span))
    }

    /// The entries of a map by the fields of a struct. Unknown keys are recorded here and serde never sees them; one
    /// that was clearly mistyped is read as what was meant, so that its value is checked too.
    fn known_entries(
        &self,
        entries: &'a [Entry],
        fields: &'static [&'static str],
    ) -> Vec<(&'a str, &'a Entry)> {
        let mut known: Vec<(&'a str, &'a Entry)> = Vec::with_capacity(entries.len());
        let mut unknown = Vec::new();
        for entry in entries {
            match fields.iter().find(|field| **field == entry.name) {
                Some(field) => known.push((field, entry)),
                None => unknown.push(entry),
            }
        }
        for entry in unknown {
            let meant = nearest(&entry.name, fields.iter().copied());
            let taken = meant.and_then(|meant| known.iter().find(|(name, _)| *name == meant));
            let mut problems = self.reader.problems.borrow_mut();
            let problem =
                problems.error("unknown-key", entry.name_span, format!("unknown key {}", quote(&entry.name)));
            match (meant, taken) {
                (Some(meant), None) => {
                    problem.help(format!("did you mean `{meant}`?"));
                    known.push((meant, entry));
                }
                (Some(meant), Some((_, first))) => {
                    let first = first.name_span;
                    problem
                        .help(format!("did you mean `{meant}`? It is given already"))
                        .other(first, "given here");
                }
                (None, _) => {
                    problem.help(known_keys(fields));
                }
            }
        }
        known
    }

    /// A list where one is expected.
    fn list(&self) -> Result<&'a [Node], Stop> {
        match &self.node.kind {
            Kind::List(items) => Ok(items),
            Kind::Scalar { text, plain } if !self.node.is_nothing() => {
                let shown =
                    if *plain && text.len() < 40 && !text.contains(['\n', ',', '[', ']', '{', '}', '#']) {
                        format!("write `[{text}]`")
                    } else {
                        "put it in `[ ]`".to_owned()
                    };
                Err(self.expected("a list").help(shown).or_at(self.node.span))
            }
            Kind::Map(_) => {
                Err(self.expected("a list").help("put `- ` before its first key").or_at(self.node.span))
            }
            _ => Err(self.expected("a list").or_at(self.node.span)),
        }
    }
}

/// A finite decimal number. Rust's own reading would also take `inf`, `nan` and `+5`.
fn decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let allowed = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+');
    let fits = digits.starts_with(|c: char| c.is_ascii_digit()) && digits.bytes().all(allowed);
    text.parse().ok().filter(|number: &f64| fits && number.is_finite())
}

fn known_keys(fields: &[&str]) -> String {
    const SHOWN: usize = 16;
    match fields {
        [] => "this block has no keys; write `{}`".to_owned(),
        [only] => format!("the only key here is `{only}`"),
        _ if fields.len() <= SHOWN => format!("the keys here are {}", one_of(fields.iter().copied())),
        _ => format!("the keys here are {}, …", fields[..SHOWN].join(", ")),
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
