//! The house rules that the compiler does not know. Every failure says where, which rule, and the way out.
//!
//! There are no exemptions. A rule that is wrong is changed here and in `docs/architecture.md`, for everybody.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod faults;
mod layers;
mod shipped;
mod sizes;
mod tree;
mod words;

/// Fails with every problem at once.
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "{} against the house rules:\n{}", problems.len(), problems.join("\n"));
}
