//! Reading the files that people write: all problems at once, each at its place, none that follows from another.
//!
//! YAML events become one tree of nodes with places (`tree`); a `serde::Deserializer` over that tree records a
//! problem and reads on (`reader`); the structs it fills keep every value in a [`Field`], so that whoever checks them
//! can point at what was written. Nothing here knows what a file means.

mod field;
mod foreign;
mod form;
mod json_path;
mod pairs;
mod problem;
mod reader;
mod render;
mod scalar;
mod source;
mod tree;
mod words;

pub use field::Field;
pub use foreign::{Foreign, ForeignEntry};
pub use form::{Form, Never};
pub use json_path::{JsonPath, JsonPathError, same_json};
pub use pairs::{Pair, Pairs};
pub use problem::{Problem, Problems, Severity};
pub use reader::{kind_of, read};
pub use render::{Style, render, render_short};
pub use scalar::{Json, Scalar};
pub use source::{Source, Span, location};
pub use words::{nearest, quote};
