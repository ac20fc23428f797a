//! What the integration tests share. A test binary takes it in with `#[path = "../support/mod.rs"] mod support;`.
//!
//! Everything that a test starts through this module ends with the test, also when the test fails.
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part of it")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "it is part of the tests")]

mod axe;
mod browser;
mod child;
mod golden;
mod http;
mod requires;
mod upstream;
mod victim;
mod wait;

pub use axe::axe_problems;
pub use browser::{Browser, Page};
pub use child::{Child, Ended, firedrill, processes_with, state_of};
pub use golden::assert_golden;
pub use http::{Answer, connect, get, head, put, request, status, tell};
pub use requires::{requires, requires_that};
pub use upstream::{Upstream, serve};
pub use victim::Victim;
pub use wait::{free_port, happens_within, is_listening, wait_until};

/// A folder that is removed with the test.
pub fn temp_dir() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("firedrill-test-").tempdir().expect("a temporary folder")
}
