//! Prints for people, to readers that may go away.

use std::io::Write as _;

/// One line on standard output. A closed pipe (`firedrill status | head -1`) is the reader's choice and no failure.
pub(super) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
