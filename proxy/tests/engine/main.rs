//! The data plane against real sockets on the loopback: what a client and an upstream see of every fault.
#![expect(clippy::disallowed_methods, reason = "these tests measure real time on real sockets")]

mod exactness;
mod http;
mod rig;
mod routes;
mod tcp;
