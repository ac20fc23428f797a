//! Toxiproxy's API as its clients meet it: raw bytes over a socket, and what happens to traffic.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![allow(clippy::disallowed_methods, reason = "a test may look at the clock")]

mod ask;
mod both;
mod bytes;
#[cfg(not(feature = "inert-faults"))]
mod effects;
mod populate;
mod proxies;
#[allow(dead_code, reason = "each test binary uses its own part of it")]
#[path = "../control/raw.rs"]
mod raw;
mod reset;
#[cfg(not(feature = "inert-faults"))]
mod right;
#[allow(dead_code, reason = "each test binary uses its own part of it")]
#[path = "../control/running.rs"]
mod running;
mod toxics;
