//! The commands, as people run them: the real binary, its output and its exit status.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../support/mod.rs"]
mod support;

mod check;
mod demo;
mod inert;
mod new;
mod plan;
mod proxy;
mod schema;
mod steer;
mod usage;
