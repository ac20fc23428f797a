//! Whole drills as people run them: the real program, real files, real services, other terminals.

mod alarms;
mod environment;
mod faults;
mod guard;
mod output;
mod secrets;
mod steer;
mod user;
mod world;
