//! A node about to be read: what stands there, and what was expected instead.

use serde::de::Expected;

use super::super::source::Span;
use super::super::tree::{Entry, Kind, Node};
use super::super::words::{nearest, one_of, quote};
use super::Reader;
use super::stop::Stop;

/// A node about to be read.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) node: &'a Node,
    /// The key that leads to it; of an entry of a list, the node itself.
    pub(super) key: Span,
    pub(super) reader: &'a Reader<'a>,
}

/// What stands there, in words.
pub(super) fn found(node: &Node) -> String {
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
pub(super) fn expectation(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a string" | "string" | "str" | "a borrowed string" => "a text".to_owned(),
        "a sequence" => "a list".to_owned(),
        _ if text.starts_with("struct ") => "a map".to_owned(),
        _ => text,
    }
}

impl<'a> At<'a> {
    pub(super) fn expected(&self, what: &str) -> Stop {
        if matches!(self.node.kind, Kind::Bad) {
            return Stop::Reported;
        }
        let help = if self.node.is_nothing() { self.comment_help() } else { None };
        Stop::new("wrong-type", format!("expected {what}, found {}", found(self.node))).maybe_help(help)
    }

    /// `to: #shop` is nothing and a comment; `to:  # the shop` is meant as a comment.
    fn comment_help(&self) -> Option<String> {
        let line = self.reader.source.text[self.key.end..].lines().next().unwrap_or_default();
        let comment = line.trim_start_matches(':').trim_start().strip_prefix('#')?;
        let help = "`#` starts a comment; a text that starts with it must stand in quotes";
        comment.starts_with(|c: char| !c.is_whitespace()).then(|| help.to_owned())
    }

    /// Puts an error that has no place yet on this node.
    pub(super) fn placed<T>(&self, result: Result<T, Stop>) -> Result<T, Stop> {
        result.map_err(|stop| stop.or_at(self.node.span))
    }

    /// The text of a scalar; anything else is not what was expected.
    pub(super) fn scalar(&self, what: &str) -> Result<(&'a str, bool), Stop> {
        match &self.node.kind {
            Kind::Scalar { text, plain } if !self.node.is_nothing() => Ok((text, *plain)),
            _ => Err(self.expected(what).or_at(self.node.span)),
        }
    }

    pub(super) fn integer(&self, min: i128, max: i128) -> Result<i128, Stop> {
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

    pub(super) fn float(&self) -> Result<f64, Stop> {
        let (text, plain) = self.scalar("a number")?;
        match decimal(text) {
            Some(number) if plain => Ok(number),
            Some(_) => Err(self.expected("a number").help("write it without quotes").or_at(self.node.span)),
            None => Err(self.expected("a number").or_at(self.node.span)),
        }
    }

    pub(super) fn bool(&self) -> Result<bool, Stop> {
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
    pub(super) fn known_entries(
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
    pub(super) fn list(&self) -> Result<&'a [Node], Stop> {
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
pub(super) fn decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let allowed = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+');
    let fits = digits.starts_with(|c: char| c.is_ascii_digit()) && digits.bytes().all(allowed);
    text.parse().ok().filter(|number: &f64| fits && number.is_finite())
}

pub(super) fn known_keys(fields: &[&str]) -> String {
    const SHOWN: usize = 16;
    match fields {
        [] => "this block has no keys; write `{}`".to_owned(),
        [only] => format!("the only key here is `{only}`"),
        _ if fields.len() <= SHOWN => format!("the keys here are {}", one_of(fields.iter().copied())),
        _ => format!("the keys here are {}, …", fields[..SHOWN].join(", ")),
    }
}
