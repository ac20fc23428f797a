//! An expression as a tree, with the place of each of its parts.

use std::fmt;
use std::ops::Range;

/// Where a part stands in the text. It is no part of what is said, so all places are equal.
#[derive(Clone, Debug, Default)]
pub(super) struct Place(pub(super) Range<usize>);

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) part: Part,
    pub(super) place: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Path(Path),
    Literal(Literal),
    Compare(Box<Node>, Operator, Box<Node>),
    /// Two or more, none of which is itself an `And`.
    And(Vec<Node>),
    /// Two or more, none of which is itself an `Or`.
    Or(Vec<Node>),
    Not(Box<Node>),
}

/// A value that is written down.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Boolean(bool),
    /// Finite and never `-0`.
    Number(f64),
    /// Without control characters other than line ends and tabs.
    Text(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Operator {
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Whether it asks for an order, which only numbers have.
    pub(super) const fn orders(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// The name of a value: `slow`, `steps.pay_later.verify`.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    pub(super) names: Vec<String>,
    pub(super) place: Place,
}

impl Path {
    /// Its names, at least one.
    pub fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    /// The bytes of the text where it stands first.
    pub fn at(&self) -> Range<usize> {
        self.place.0.clone()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join("."))
    }
}

impl Node {
    pub(super) fn new(part: Part, at: Range<usize>) -> Self {
        Self { part, place: Place(at) }
    }

    pub(super) fn at(&self) -> Range<usize> {
        self.place.0.clone()
    }

    /// Adds the paths that are not there yet. An expression has at most 1,000 characters, so looking through the list
    /// is quick enough.
    pub(super) fn paths<'n>(&'n self, found: &mut Vec<&'n Path>) {
        match &self.part {
            Part::Path(path) if found.contains(&path) => {}
            Part::Path(path) => found.push(path),
            Part::Literal(_) => {}
            Part::Not(inner) => inner.paths(found),
            Part::Compare(left, _, right) => {
                left.paths(found);
                right.paths(found);
            }
            Part::And(parts) | Part::Or(parts) => parts.iter().for_each(|part| part.paths(found)),
        }
    }
}
