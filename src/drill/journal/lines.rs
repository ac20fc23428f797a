//! A journal's bytes, one line after the other through one buffer: a long drill costs no more memory than a short one.

use std::io::{self, BufRead, Read as _};
use std::ops::ControlFlow;

use super::RawLine;

/// The longest line that is read. Line 0 holds the text of every input and is by far the longest.
pub const LINE_MAX: usize = 64 << 20;

/// Reads whole lines.
#[derive(Debug)]
pub struct Lines<R> {
    from: R,
    held: Vec<u8>,
    read: u64,
}

/// What comes next in a journal.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A whole line, without its end.
    Whole(&'a [u8]),
    /// Bytes after the last whole line, as many: the writer died, or the tail was cut.
    Torn(usize),
}

impl<R: BufRead> Lines<R> {
    /// Reads from here.
    pub fn new(from: R) -> Self {
        Self { from, held: Vec::new(), read: 0 }
    }

    /// What comes next; nothing at the end.
    ///
    /// # Errors
    /// It cannot be read, or a line is longer than [`LINE_MAX`].
    pub fn next_piece(&mut self) -> io::Result<Option<Piece<'_>>> {
        self.held.clear();
        let most = LINE_MAX as u64 + 1;
        self.from.by_ref().take(most).read_until(b'\n', &mut self.held)?;
        if self.held.last() == Some(&b'\n') {
            self.read += 1;
            return Ok(Some(Piece::Whole(&self.held[..self.held.len() - 1])));
        }
        if self.held.len() > LINE_MAX {
            let why =
                format!("line {} is longer than {LINE_MAX} bytes; no drill writes such a line", self.read);
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok((!self.held.is_empty()).then_some(Piece::Torn(self.held.len())))
    }
}

/// Shows each whole line to `each` with its number until that says to stop. An unfinished last line is left out.
///
/// # Errors
/// It cannot be read; or what `each` says.
pub fn each_line<E: From<io::Error>>(
    from: impl BufRead,
    mut each: impl FnMut(u64, Result<RawLine<'_>, serde_json::Error>) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let mut lines = Lines::new(from);
    let mut number = 0;
    while let Some(Piece::Whole(raw)) = lines.next_piece()? {
        if !raw.is_empty() && each(number, serde_json::from_slice(raw))?.is_break() {
            break;
        }
        number += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_what_is_unfinished_is_told() {
        let mut lines = Lines::new(&b"one\n\nthree\nfo"[..]);
        assert_eq!(lines.next_piece().unwrap(), Some(Piece::Whole(b"one")));
        assert_eq!(lines.next_piece().unwrap(), Some(Piece::Whole(b"")));
        assert_eq!(lines.next_piece().unwrap(), Some(Piece::Whole(b"three")));
        assert_eq!(lines.next_piece().unwrap(), Some(Piece::Torn(2)));
        assert_eq!(lines.next_piece().unwrap(), None);
    }

    #[test]
    fn a_line_without_an_end_does_not_fill_the_memory() {
        let mut lines = Lines::new(io::BufReader::new(io::repeat(b'x')));
        let error = lines.next_piece().unwrap_err();
        assert!(error.to_string().contains("line 0 is longer than 67108864 bytes"), "{error}");
        assert!(lines.held.capacity() <= 2 * (LINE_MAX + 1));
    }
}
