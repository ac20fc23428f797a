//! How much people may write into one game day.

use super::Day;

/// Characters of one text.
const TEXT_MAX: usize = 4_000;
/// Notes of one game day.
const NOTES_MAX: usize = 10_000;
/// Findings of one game day.
const FINDINGS_MAX: usize = 1_000;

/// A text that says something and is not too long.
pub(super) fn text(what: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{what} is empty: say something"));
    }
    let length = text.chars().count();
    if length > TEXT_MAX {
        return Err(format!("{what} has {length} characters; the most is {TEXT_MAX}"));
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
