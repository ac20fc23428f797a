//! The control plane: what routes and faults there are, said and changed without ever waiting for a socket.
//!
//! [`client`] speaks to a proxy in another process with the words of [`wire`].

mod change;
pub mod client;
pub mod wire;

pub use change::changed;
