//! The `when:` of a step: one small checked expression, and nothing else is a language.
//!
//! ```text
//! when        = disjunction ;
//! disjunction = conjunction { "or" conjunction } ;
//! conjunction = negation { "and" negation } ;
//! negation    = "not" negation | comparison ;
//! comparison  = operand [ operator operand ] ;
//! operand     = path | literal | "(" disjunction ")" ;
//! operator    = "==" | "!=" | "<" | "<=" | ">" | ">=" ;
//! path        = name { "." name } ;
//! name        = ( letter | "_" ) { letter | digit | "_" } ;
//! literal     = "true" | "false" | number | text ;
//! number      = [ "-" ] digit { digit } [ "." digit { digit } ] ;
//! text        = "'" { character | escape } "'" | '"' { character | escape } '"' ;
//! escape      = "\" ( "\" | "'" | '"' | "n" | "t" ) ;
//! ```
//!
//! Spaces, tabs and line ends may stand between any two of these words. Letters and digits are ASCII; a `-` in an id is
//! written `_`. `and`, `or`, `not`, `true` and `false` alone are no paths.
//!
//! Meaning: a path whose step has not run has no value. Such a value equals nothing, so `!=` with it is true and every
//! other comparison false; alone it counts as false. `not`, `and` and `or` know only true and false and are asked from
//! left to right, no further than needed.
//!
//! Bounds: [`LENGTH_MAX`] characters as written and in the canonical form, [`DEPTH_MAX`] parentheses and `not`s inside
//! each other, [`DIGITS_MAX`] digits in a number, so that a number is printed as it was written.

mod check;
mod evaluate;
mod kind;
mod parse;
mod print;
mod refusal;
#[cfg(test)]
mod tests;
mod token;
mod tree;

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use evaluate::WrongKind;
pub use kind::{Kind, Names, Value, Values};
pub use refusal::ExpressionError;
pub use tree::Path;

use tree::Node;

/// How long an expression may be, in characters.
pub const LENGTH_MAX: usize = 1_000;
/// How many parentheses and `not`s may stand inside each other.
pub const DEPTH_MAX: usize = 32;
/// How many digits a number may have.
pub const DIGITS_MAX: usize = 15;

/// A condition that is well written. Equal ones mean the same, wherever their words stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(Node);

impl Expression {
    /// Reads a text.
    ///
    /// # Errors
    /// All that is wrong with the text, in its order; never an empty list.
    pub fn parse(text: &str) -> Result<Self, Vec<ExpressionError>> {
        parse::parse(text).map(Self)
    }

    /// What is wrong with it where these names are known: unknown paths, kinds that do not fit, a result that is
    /// neither true nor false.
    pub fn check(&self, names: &dyn Names) -> Vec<ExpressionError> {
        check::check(&self.0, names)
    }

    /// Whether it holds for these values.
    ///
    /// # Errors
    /// A value is of another kind than its place asks for, which cannot be when [`check`](Self::check) found nothing
    /// and the values are as the names said.
    pub fn evaluate(&self, values: &dyn Values) -> Result<bool, WrongKind> {
        evaluate::truth(&self.0, values)
    }

    /// The paths it uses, each once, in the order of the text.
    pub fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.0.paths(&mut paths);
        paths
    }
}

/// The canonical form: single spaces, single quotes, no parenthesis that changes nothing. It parses to the same
/// expression.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|refusals| {
            let all: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            D::Error::custom(all.join("; "))
        })
    }
}
