//! A playbook file as written: one struct per block, one field per key, nothing decided yet.
//!
//! The JSON Schema comes from these structs, so their comments are what an editor shows.

mod action;
mod book;
mod step;

pub use action::{Approve, Host, Notify, Output, Question, ValueKind};
pub use book::{Contact, Input, Objectives, Playbook};
pub use step::{NextEntry, ProbeForm, RetryForm, Step, Undo, Verify};
