//! What a path may name, and what it is worth.

use std::fmt;

/// What kind of value a path has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Boolean,
    /// A number.
    Number,
    /// Any text.
    Text,
    /// A text out of a fixed set; to compare it with any other text is an error that names the set.
    Choice(Vec<String>),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::Text | Self::Choice(_) => "a text",
        })
    }
}

/// The paths that an expression may use where it stands.
pub trait Names {
    /// What the path names; nothing when there is no such path.
    fn kind(&self, path: &[&str]) -> Option<Kind>;
    /// All paths, as they are written, to say which one was probably meant.
    fn known(&self) -> Vec<String>;
}

/// What a path is worth at the moment when the expression is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Boolean(bool),
    /// A number. One that is not finite compares as if it were absent.
    Number(f64),
    /// A text.
    Text(String),
}

/// The values of paths.
pub trait Values {
    /// The value of the path; nothing when it has none yet, because its step has not run.
    fn value(&self, path: &[&str]) -> Option<Value>;
}
