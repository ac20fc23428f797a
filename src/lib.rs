//! firedrill: plan a failure, cause it, prove that it was felt, and put everything back.
//!
//! Read the modules in this order; what each may import stands in `docs/architecture.md` and is held by
//! `tests/tidy`.

pub mod agent;
pub mod alarm;
pub mod cli;
pub mod coordinator;
pub mod demo;
pub mod drill;
pub mod fault;
pub mod gameday;
pub mod playbook;
pub mod report;
pub mod scenario;
pub mod score;
pub mod store;
pub mod text;
pub mod web;
