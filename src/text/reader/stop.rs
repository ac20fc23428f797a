//! Why a value could not be read, on its way up to the nearest `Field`.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use super::super::source::Span;
use super::super::words::{nearest, one_of, quote};
use super::expectation;

/// The error that travels through serde.
#[derive(Debug)]
pub(in super::super) enum Stop {
    /// It was already reported: stay silent.
    Reported,
    /// To be reported.
    Because(Box<Reason>),
}

#[derive(Debug)]
pub(in super::super) struct Reason {
    pub(super) rule: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) span: Option<Span>,
}

impl Stop {
    pub(super) fn new(rule: &'static str, message: impl Into<String>) -> Self {
        Self::Because(Box::new(Reason { rule, message: message.into(), help: None, span: None }))
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        self.maybe_help(Some(help.into()))
    }

    pub(super) fn maybe_help(mut self, help: Option<String>) -> Self {
        if let (Self::Because(reason), Some(help)) = (&mut self, help) {
            reason.help = Some(help);
        }
        self
    }

    /// Gives it a place, unless a part further in has given it a nearer one.
    pub(super) fn or_at(mut self, span: Span) -> Self {
        if let Self::Because(reason) = &mut self {
            reason.span.get_or_insert(span);
        }
        self
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported => f.write_str("already reported"),
            Self::Because(reason) => f.write_str(&reason.message),
        }
    }
}

impl std::error::Error for Stop {}

impl Error for Stop {
    /// The words of a type with a grammar of its own; by habit `what is wrong; the way out`.
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        match text.split_once("; ") {
            Some((message, help)) => Self::new("bad-value", message).help(help),
            None => Self::new("bad-value", text),
        }
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match unexpected {
            Unexpected::Str(text) => quote(text),
            Unexpected::Unit => "nothing".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Map => "a map".to_owned(),
            other => other.to_string(),
        };
        Self::new("wrong-type", format!("expected {}, found {found}", expectation(expected)))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let choices = one_of(expected.iter().copied());
        let stop = Self::new("unknown-value", format!("{} is not one of {choices}", quote(variant)));
        stop.maybe_help(
            nearest(variant, expected.iter().copied()).map(|meant| format!("did you mean `{meant}`?")),
        )
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let choices = one_of(expected.iter().copied());
        Self::new("unknown-key", format!("unknown key {}", quote(field)))
            .help(format!("the keys here are {choices}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("missing-key", format!("`{field}` is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new("duplicate-key", format!("the key `{field}` is written twice"))
    }
}
