//! The journal's lines: append-only, each holding the hash of the one before.
//!
//! The record is the exact bytes of the lines. A line is one JSON object that ends in `,"hash":"…"}`; the hash is
//! the SHA-256 of all bytes of the line before that ending, so that checking needs no canonical form.

mod check;
mod lines;

pub use check::{read_checked, verify, verify_from};
pub use lines::{LINE_MAX, Lines, Piece, each_line};

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// The kind of the last line of a journal that was closed.
pub const CLOSED: &str = "drill.closed";
/// The kind of the last line of a game day's journal that was closed; it has the same form.
pub const DAY_CLOSED: &str = "gameday.closed";
/// The kind of line 0, which holds the plan and the text of every input.
pub const PLANNED: &str = "drill.planned";

/// The `prev` of line 0.
pub const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Makes lines, each chained to the one before.
#[derive(Clone, Debug)]
pub struct Chain {
    seq: u64,
    prev: String,
}

impl Default for Chain {
    fn default() -> Self {
        Self { seq: 0, prev: NO_HASH.to_owned() }
    }
}

impl Chain {
    /// Goes on after this many lines, the last of which has this hash.
    pub const fn resume(lines: u64, head: String) -> Self {
        Self { seq: lines, prev: head }
    }

    /// How many lines there are.
    pub fn len(&self) -> u64 {
        self.seq
    }

    /// Whether there is no line yet.
    pub fn is_empty(&self) -> bool {
        self.seq == 0
    }

    /// The hash of the last line: whoever holds it can tell that nothing before was changed.
    pub fn head(&self) -> &str {
        &self.prev
    }

    /// The next line, without its line end.
    pub fn seal(&mut self, at: jiff::Timestamp, mono: Duration, kind: &str, data: &Value) -> String {
        let kind = Value::from(kind);
        let mut line = format!(
            r#"{{"seq":{},"at":"{at:.6}","mono_ns":{},"kind":{kind},"data":{data},"prev":"{}""#,
            self.seq,
            mono.as_nanos(),
            self.prev
        );
        let hash = hash_of(line.as_bytes());
        line.push_str(&format!(r#","hash":"{hash}"}}"#));
        self.seq += 1;
        self.prev = hash;
        line
    }
}

/// The SHA-256 of some bytes, as it stands in a line.
fn hash_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&hex_of(bytes)).into_owned()
}

/// The same without a place of its own in memory, for a million lines.
fn hex_of(bytes: &[u8]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [b'0'; 64];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(Sha256::digest(bytes)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    hex
}

/// A line as read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 0.
    pub seq: u64,
    /// Wall time, for display.
    pub at: jiff::Timestamp,
    /// Since the drill began, by the monotonic clock.
    pub mono_ns: u64,
    /// What it is, dotted.
    pub kind: String,
    /// The rest.
    pub data: Value,
    /// The hash of the line before.
    pub prev: String,
    /// Its own hash.
    pub hash: String,
}

/// A line whose data are read only once its kind is known: most of a long journal are samples, and no tree is built for
/// them.
#[derive(Debug, Deserialize)]
pub struct RawLine<'a> {
    /// Its number, from 0.
    pub seq: u64,
    /// Wall time, for display.
    pub at: jiff::Timestamp,
    /// Since the drill began, by the monotonic clock.
    pub mono_ns: u64,
    /// What it is, dotted.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// The rest, as it was written.
    #[serde(borrow)]
    pub data: &'a RawValue,
    /// The hash of the line before.
    #[serde(borrow)]
    pub prev: Cow<'a, str>,
    /// Its own hash.
    #[serde(borrow)]
    pub hash: Cow<'a, str>,
}

/// The whole lines of a journal that is in memory, each with its number. An unfinished last one is left out.
pub fn whole_lines(journal: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let end = journal.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    journal[..end].split(|byte| *byte == b'\n').enumerate().filter(|(_, raw)| !raw.is_empty())
}

/// What is to be said about a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Verified {
    /// Every line is as it was written, and the last one closes the drill.
    Whole {
        /// How many lines.
        lines: u64,
        /// The hash of the last.
        head: String,
    },
    /// Every whole line is as it was written, but the end is missing: the writer died, or the tail was cut.
    Cut {
        /// How many whole lines.
        lines: u64,
        /// The hash of the last whole line.
        head: String,
        /// Bytes of an unfinished line after it.
        torn_bytes: usize,
    },
    /// A line is not as it was written.
    Broken {
        /// Which, from 0.
        line: u64,
        /// How.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn journal(lines: usize) -> Vec<u8> {
        let mut chain = Chain::default();
        let mut out = Vec::new();
        for n in 0..lines {
            let (kind, data) = if n + 1 == lines {
                (CLOSED, serde_json::json!({"lines": n}))
            } else {
                ("note.written", serde_json::json!({"text": format!("line {n} \"quoted\" ü")}))
            };
            let line = chain.seal(jiff::Timestamp::UNIX_EPOCH, Duration::from_millis(n as u64), kind, &data);
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
        out
    }

    #[test]
    fn a_journal_as_written_is_whole_and_its_lines_read_back() {
        let bytes = journal(4);
        let Verified::Whole { lines, head } = verify(&bytes, None) else {
            panic!("{:?}", verify(&bytes, None))
        };
        assert_eq!(lines, 4);
        assert_eq!(verify(&bytes, Some(&head)), Verified::Whole { lines, head });
        assert!(matches!(verify(&bytes, Some("00")), Verified::Broken { line: 3, .. }));
    }

    #[test]
    fn a_crash_leaves_a_journal_that_is_cut_and_not_broken() {
        let bytes = journal(4);
        let closing = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        for end in 0..bytes.len() {
            match verify(&bytes[..end], None) {
                Verified::Cut { lines, torn_bytes, .. } => {
                    assert_eq!(lines, bytes[..end].iter().filter(|byte| **byte == b'\n').count() as u64);
                    assert!(end >= closing || torn_bytes <= end);
                }
                other => panic!("cut at {end}: {other:?}"),
            }
        }
    }

    #[test]
    fn lines_taken_out_swapped_or_added_are_found() {
        let bytes = journal(5);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        for order in [
            vec![0, 2, 3, 4],
            vec![0, 2, 1, 3, 4],
            vec![0, 1, 1, 2, 3, 4],
            vec![1, 2, 3, 4],
            vec![0, 1, 2, 3, 4, 4],
        ] {
            let changed: Vec<u8> = order.iter().flat_map(|n| lines[*n].to_vec()).collect();
            assert!(matches!(verify(&changed, None), Verified::Broken { .. }), "{order:?}");
        }
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_found(at in 0usize..2000, to in any::<u8>()) {
            let mut bytes = journal(6);
            let at = at % bytes.len();
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            prop_assert!(!matches!(verify(&bytes, None), Verified::Whole { .. }), "byte {at}");
        }
    }
}
