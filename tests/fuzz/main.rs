//! What people write, and proxies send, is read without a panic, whatever it is: inputs are changed at random from a committed corpus.
//!
//! This is a fuzzer for stable Rust. It has no coverage to steer by; what an input makes the reader *say* stands in for
//! it: an input that leads to a new set of answers joins the pool from which the next ones are made. A short run of a
//! fixed length is part of every test run; `FIREDRILL_TEST_FULL=1` fuzzes each target for a minute. The seed is printed, and
//! `FIREDRILL_FUZZ_SEED` sets it.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

mod change;
mod gameday;
mod playbook;
mod proxy_protocol;
mod run;
mod scenario;
mod toxiproxy;
mod when;
