//! One HTTP/1.1 client for probes and load: it times every phase of a request itself, follows no redirect, keeps a
//! bounded part of the answer, and says in words what went wrong.
//!
//! [`measure`] opens a connection of its own, so that connecting is always part of what is measured; [`Pool`] keeps
//! connections alive for the load; a [`Streaming`] answer is read while it comes.

mod connect;
mod exchange;
mod failure;
mod pool;
mod request;
mod resolve;
mod streaming;
mod tls;

pub use connect::{Connection, DialTimes, connect_tcp};
pub use exchange::{Answer, BODY_KEPT_MAX, Exchange, Times, measure, measure_keeping};
pub use failure::{HttpFailure, Phase, io_words};
pub use pool::Pool;
pub use request::PreparedRequest;
pub use streaming::Streaming;

#[cfg(test)]
mod tests;
