//! What people do about a failure: text → checked, and how far its steps are.

pub mod event;
pub mod plan;
pub mod progress;
pub mod when;
