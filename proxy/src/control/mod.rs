//! The control plane: what routes and faults there are, said and changed without ever waiting for a socket.
//!
//! [`Control`] is the handle that everybody uses in process; [`server`] offers it over HTTP, [`client`] speaks to
//! such a server with the same words.

mod api;
mod change;
pub mod client;
mod connection;
mod handle;
mod keeper;
mod lease;
mod metrics;
mod refusal;
pub mod server;
mod toxiproxy;
pub mod wire;

pub use change::changed;
pub use handle::Control;
pub use lease::LEASE_MAX;
