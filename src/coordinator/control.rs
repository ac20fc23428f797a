//! The control socket of a running drill.
