//! The control API as others meet it: through the client, and as raw bytes.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![allow(clippy::disallowed_methods, reason = "a test may look at the clock")]

mod bounds;
mod effects;
mod leases;
mod raw;
mod refusals;
mod replay;
mod routes;
mod running;
