//! The data plane of firedrill: a reverse proxy that does to traffic what it is told, exactly, and takes it back.
//!
//! Read the modules in this order; each may use only those above it. This crate knows routes and traffic faults;
//! it knows no scenario, no drill and no person.

pub mod quantity;
pub mod seed;

pub mod fault;

pub mod proxy_protocol;

pub mod control;
pub mod engine;
