//! `firedrill serve` as it runs for real: a server process, an environment's proxy, a process to be hit; and what is
//! left when the server is killed at any moment and started again.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod api;
mod ask;
mod caller;
mod day;
mod dice;
mod fits;
mod house;
mod kills;
mod refused;
mod start;
