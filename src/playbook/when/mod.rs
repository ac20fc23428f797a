//! The `when:` of a step: one small checked expression.

mod kind;

pub use kind::{Kind, Names, Value, Values};
