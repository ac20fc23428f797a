//! The data plane against real sockets on the loopback: what a client and an upstream see of every fault.
#![expect(clippy::disallowed_methods, reason = "these tests measure real time on real sockets")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

#[cfg(not(feature = "inert-faults"))]
mod alone;
#[cfg(not(feature = "inert-faults"))]
mod change;
#[cfg(not(feature = "inert-faults"))]
mod churn;
#[cfg(not(feature = "inert-faults"))]
mod connections;
#[cfg(not(feature = "inert-faults"))]
mod cuts;
#[cfg(not(feature = "inert-faults"))]
mod door;
#[cfg(not(feature = "inert-faults"))]
mod ends;
#[cfg(not(feature = "inert-faults"))]
mod exactness;
#[cfg(not(feature = "inert-faults"))]
mod framing;
#[cfg(not(feature = "inert-faults"))]
mod http;
#[cfg(not(feature = "inert-faults"))]
mod http2;
#[cfg(not(feature = "inert-faults"))]
mod http2_upstream;
#[cfg(not(feature = "inert-faults"))]
mod http_answers;
#[cfg(not(feature = "inert-faults"))]
mod http_bodies;
#[cfg(not(feature = "inert-faults"))]
mod http_heads;
#[cfg(not(feature = "inert-faults"))]
mod http_streams;
#[cfg(not(feature = "inert-faults"))]
mod idle;
#[cfg(feature = "inert-faults")]
mod inert;
#[cfg(not(feature = "inert-faults"))]
mod introduction;
#[cfg(not(feature = "inert-faults"))]
mod latency;
#[cfg(not(feature = "inert-faults"))]
mod limits;
#[cfg(not(feature = "inert-faults"))]
mod marked;
#[cfg(not(feature = "inert-faults"))]
mod matching;
#[cfg(not(feature = "inert-faults"))]
mod replay;
#[cfg(not(feature = "inert-faults"))]
#[path = "../../../tests/support/requires.rs"]
mod requires;
#[cfg_attr(
    feature = "inert-faults",
    expect(dead_code, reason = "most of it is for the tests of live faults")
)]
mod rig;
#[cfg(not(feature = "inert-faults"))]
mod rough;
#[cfg(not(feature = "inert-faults"))]
mod routes;
#[cfg(not(feature = "inert-faults"))]
mod schedule;
#[cfg(not(feature = "inert-faults"))]
mod stall;
#[cfg(not(feature = "inert-faults"))]
mod tcp;
#[cfg(not(feature = "inert-faults"))]
mod tls;
#[cfg(not(feature = "inert-faults"))]
mod transparent;
#[cfg(not(feature = "inert-faults"))]
mod upgrade;
#[cfg(not(feature = "inert-faults"))]
mod upstreams;
