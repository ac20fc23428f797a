//! The commands, as people run them: the real binary, its output and its exit status.

#[path = "../support/mod.rs"]
mod support;

mod usage;
