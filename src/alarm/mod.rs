//! What monitoring systems send, each vendor's bytes, as one form: [`Alarm`](crate::drill::alarm::Alarm).
//!
//! Everything here is pure: bytes and the time of their arrival in, alarms or a sentence about what was expected
//! out. Claimed times are the sender's words and are never needed: one that cannot be read is left out, so that a
//! strange clock does not cost the alarm.

pub mod alertmanager;
mod body;
pub mod generic;
mod labels;
pub mod polled;
pub mod prometheus;
mod seen;
pub mod timestamp;

pub use body::{BODY_MAX_BYTES, BodyError};
pub use labels::{Labels, fingerprint};
pub use seen::{Mark, Seen};

#[cfg(test)]
mod tests;
