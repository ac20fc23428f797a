//! The engine: it alone waits, measures and acts. The drill decides; this module obeys.

pub mod alarms;
pub mod api;
mod captured;
pub mod child;
pub mod clock;
pub mod command;
pub mod control;
mod day;
mod disguise;
pub mod engine;
pub mod http;
pub mod lever;
pub mod load;
pub mod office;
pub mod preflight;
pub mod probe;
pub mod said;
mod schedule;
pub mod secrets;
mod serve;
pub mod steps;
#[cfg(test)]
mod test_server;
