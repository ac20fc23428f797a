//! The commands, as people run them: the real binary, its output and its exit status.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![allow(clippy::print_stdout, reason = "measured times are printed")]

#[path = "../support/mod.rs"]
mod support;

mod check;
mod demo;
mod doctor;
mod documents;
mod drill;
mod held;
mod inert;
mod kill;
mod log;
mod new;
mod opt_in;
mod patterns;
mod plan;
mod playbook;
mod proxy;
mod report;
mod run;
mod schema;
mod server;
mod signals;
mod soak;
mod stage;
mod steer;
mod terminal;
mod tls;
mod toxiproxy;
mod usage;
mod walked;
