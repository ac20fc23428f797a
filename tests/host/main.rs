//! Host faults on real processes, which the tests start themselves: found, hit, taken back, whatever dies meanwhile.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod victim;
mod worker;

#[cfg(not(feature = "inert-faults"))]
mod death;
#[cfg(not(feature = "inert-faults"))]
mod find;
#[cfg(not(feature = "inert-faults"))]
mod guardian;
#[cfg(feature = "inert-faults")]
mod inert;
#[cfg(not(feature = "inert-faults"))]
mod kill;
#[cfg(not(feature = "inert-faults"))]
mod pause;
#[cfg(not(feature = "inert-faults"))]
mod restart;
