//! How much people may write into one game day.

use super::Day;
use crate::drill::event::TEXT_MAX_BYTES;

/// Notes of one game day.
const NOTES_MAX: usize = 10_000;
/// Findings of one game day.
const FINDINGS_MAX: usize = 1_000;

/// A text that says something and is not too long.
pub(super) fn text(what: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{what} is empty: say something"));
    }
    let length = text.len();
    if length > TEXT_MAX_BYTES {
        return Err(format!("{what} has {length} bytes; the most is {TEXT_MAX_BYTES}"));
    }
    Ok(())
}

impl Day {
    pub(super) fn room_for_note(&self) -> Result<(), String> {
        room(self.notes.len(), NOTES_MAX, "notes")
    }

    pub(super) fn room_for_finding(&self) -> Result<(), String> {
        room(self.findings.len(), FINDINGS_MAX, "findings")
    }
}

fn room(there: usize, most: usize, what: &str) -> Result<(), String> {
    if there < most { Ok(()) } else { Err(format!("there are {there} {what}; no game day keeps more")) }
}
