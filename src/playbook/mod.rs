//! What people do about a failure: text → checked, and how far its steps are.

mod check;
pub mod event;
mod exercise;
mod names;
pub mod plan;
pub mod progress;
#[cfg(test)]
mod tests;
pub mod when;
mod written;

pub use check::{Around, check};
pub(crate) use exercise::check_changed_exercise;
pub use exercise::{Exercise, check_exercise};

/// The JSON Schema of `Playbook` files, from the same structs that read them, for editors.
pub fn schema() -> serde_json::Value {
    crate::scenario::schema::of::<written::Playbook>("Playbook")
}
