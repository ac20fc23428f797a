//! The control plane: what routes and faults there are, said and changed without ever waiting for a socket.

pub mod wire;
