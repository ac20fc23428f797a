//! A file's text, and places in it.

use std::io::Read;
use std::path::Path;

use serde::de::{Deserialize, Deserializer};

use super::problem::Problem;

/// A place in a file: bytes from `start` up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The place from one byte up to another.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// The reader hands places to `Field` through serde, as a pair of numbers.
impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let [start, end] = <[usize; 2]>::deserialize(deserializer)?;
        Ok(Self { start, end })
    }
}

/// One file.
#[derive(Clone, Debug)]
pub struct Source {
    /// How the file is called in messages.
    pub path: String,
    /// What it says, without a byte-order mark.
    pub text: String,
    /// Why it cannot be read at all.
    pub(super) defect: Option<Problem>,
}

impl Source {
    /// Larger files are refused.
    pub const BYTES_MAX: usize = 1 << 20;

    /// Takes the bytes of a file. What makes them unreadable is said, at its place, when the file is read.
    pub fn new(path: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        let (path, bytes) = (path.into(), bytes.as_ref());
        if bytes.len() > Self::BYTES_MAX {
            let problem = Problem::error(
                "file-too-large",
                Span::default(),
                format!("the file is larger than {} bytes (1 MiB), the most that is read", Self::BYTES_MAX),
            );
            let problem = problem.help("split it; a file for firedrill is written by hand");
            return Self { path, text: String::new(), defect: Some(problem) };
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
                Self { path, text, defect: None }
            }
            Err(error) => {
                // The text up to the bad byte is kept, so that the place can be shown.
                let good = &bytes[..error.valid_up_to()];
                let line_end = bytes[good.len()..].iter().position(|byte| *byte == b'\n');
                let shown = &bytes[..line_end.map_or(bytes.len(), |end| good.len() + end)];
                let text = String::from_utf8_lossy(shown).into_owned();
                let bad = bytes.get(good.len()).copied().unwrap_or_default();
                let span = Span::new(good.len(), good.len() + char::REPLACEMENT_CHARACTER.len_utf8());
                let problem = Problem::error(
                    "not-utf8",
                    span,
                    format!("the byte 0x{bad:02x} (number {} of the file) is not UTF-8", good.len() + 1),
                );
                let help = if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
                    "the file looks like UTF-16; save it as UTF-8"
                } else {
                    "save the file as UTF-8"
                };
                Self { path, text, defect: Some(problem.help(help)) }
            }
        }
    }

    /// Reads a file, and no more of it than can be used.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(Self::BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        Ok(Self::new(path.display().to_string(), bytes))
    }

    /// The place moved inside the text and onto the borders of characters.
    pub(super) fn clip(&self, span: Span) -> Span {
        let start = self.text.floor_char_boundary(span.start);
        let end = self.text.ceil_char_boundary(span.end.max(start));
        Span { start, end }
    }
}

/// Line and column of a place's start, both from 1, in characters.
pub fn location(source: &Source, span: Span) -> (usize, usize) {
    position(source, span.start)
}

/// Line and column of a byte.
pub(super) fn position(source: &Source, byte: usize) -> (usize, usize) {
    let before = &source.text[..source.text.floor_char_boundary(byte)];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let source = Source::new("a.yaml", "ab\nüüx: 1\n");
        assert_eq!(location(&source, Span::new(0, 1)), (1, 1));
        let x = source.text.find('x').unwrap();
        assert_eq!(location(&source, Span::new(x, x + 1)), (2, 3));
        assert_eq!(location(&source, Span::new(9_999, 9_999)), (3, 1), "a place past the end is the end");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_named_at_their_place() {
        let source = Source::new("a.yaml", b"name: x\ntitle: caf\xe9 au lait\nmore: 1\n");
        let problem = source.defect.clone().unwrap();
        assert_eq!(problem.rule, "not-utf8");
        assert!(problem.message.contains("0xe9") && problem.message.contains("number 19"), "{problem:?}");
        assert_eq!(location(&source, problem.span), (2, 11));
        assert_eq!(&source.text[problem.span.start..problem.span.end], "\u{fffd}");
        let utf16 = Source::new("a.yaml", b"\xff\xfen\0a\0");
        assert!(utf16.defect.unwrap().help.unwrap().contains("UTF-16"));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text_and_a_huge_file_is_refused() {
        assert_eq!(Source::new("a", "\u{feff}name: x").text, "name: x");
        assert!(Source::new("a", vec![b'#'; Source::BYTES_MAX]).defect.is_none());
        assert_eq!(
            Source::new("a", vec![b'#'; Source::BYTES_MAX + 1]).defect.unwrap().rule,
            "file-too-large"
        );
    }
}
