//! Whether a journal is as it was written: each line held against its hash and its neighbours.

use std::io::{self, BufRead};

use serde::Deserialize;

use super::{CLOSED, DAY_CLOSED, Lines, NO_HASH, Piece, RawLine, Verified, hex_of};

/// Reads a journal and holds each line against its hash and its neighbours. `head`: the hash that the last line must
/// have, from elsewhere; only this shows a tail that was cut at a closing line or written anew.
pub fn verify(bytes: &[u8], head: Option<&str>) -> Verified {
    verify_from(bytes, head).unwrap_or_else(|error| Verified::Broken { line: 0, why: error.to_string() })
}

/// The same, of a journal that need not fit into memory.
///
/// # Errors
/// It cannot be read.
pub fn verify_from(from: impl BufRead, head: Option<&str>) -> io::Result<Verified> {
    let nothing = |_: u64, _: Result<RawLine<'_>, serde_json::Error>| Ok::<(), std::convert::Infallible>(());
    Ok(read_checked(from, head, nothing)?.0)
}

/// Checks a journal and shows each line to `each` with its number, in one pass: a changed line is shown too, because what
/// is said about it is for the caller. After an error of `each` the check alone goes on.
///
/// # Errors
/// The journal cannot be read.
pub fn read_checked<E>(
    from: impl BufRead,
    head: Option<&str>,
    mut each: impl FnMut(u64, Result<RawLine<'_>, serde_json::Error>) -> Result<(), E>,
) -> io::Result<(Verified, Result<(), E>)> {
    let mut lines = Lines::new(from);
    let (mut check, mut broken, mut said) = (Check::default(), None, Ok(()));
    let (mut number, mut torn) = (0, 0);
    while let Some(piece) = lines.next_piece()? {
        let raw = match piece {
            Piece::Whole(raw) => raw,
            Piece::Torn(bytes) => {
                torn = bytes;
                break;
            }
        };
        let line = serde_json::from_slice::<RawLine<'_>>(raw);
        if broken.is_none() {
            broken = check.take(raw, &line).err();
        }
        if said.is_ok() && !raw.is_empty() {
            said = each(number, line);
        }
        if broken.is_some() && said.is_err() {
            break;
        }
        number += 1;
    }
    let verified = match broken {
        Some(why) => Verified::Broken { line: check.count, why },
        None => check.finish(torn, head),
    };
    Ok((verified, said))
}

/// What is known of the lines so far.
#[derive(Debug)]
struct Check {
    prev: [u8; 64],
    count: u64,
    closed: bool,
}

impl Default for Check {
    fn default() -> Self {
        let mut prev = [b'0'; 64];
        prev.copy_from_slice(NO_HASH.as_bytes());
        Self { prev, count: 0, closed: false }
    }
}

#[derive(Deserialize)]
struct Closing {
    lines: u64,
}

impl Check {
    fn take(&mut self, raw: &[u8], line: &Result<RawLine<'_>, serde_json::Error>) -> Result<(), String> {
        if self.closed {
            return Err("there is a line after the one that closes it".into());
        }
        let line = line.as_ref().map_err(|error| format!("it is no journal line: {error}"))?;
        let count = self.count;
        if line.seq != count {
            return Err(format!("its number is {}, but {count} is due", line.seq));
        }
        if line.prev.as_bytes() != self.prev {
            return Err("its `prev` is not the hash of the line before".into());
        }
        let hash = line.hash.as_bytes();
        let ending = raw.strip_suffix(b"\"}").and_then(|raw| raw.strip_suffix(hash));
        let body = ending.and_then(|raw| raw.strip_suffix(br#","hash":""#));
        let body = body.ok_or("its `hash` does not stand at its end")?;
        let due = hex_of(body);
        if due != hash {
            return Err("its bytes do not have the hash that it claims".into());
        }
        if line.kind == CLOSED || line.kind == DAY_CLOSED {
            let lines = serde_json::from_str(line.data.get()).ok().map(|Closing { lines }| lines);
            if lines != Some(count) {
                let lines = lines.map_or("an unknown number of".to_owned(), |lines| lines.to_string());
                return Err(format!("it closes after {lines} lines, but {count} came before"));
            }
            self.closed = true;
        }
        (self.prev, self.count) = (due, count + 1);
        Ok(())
    }

    fn finish(self, torn_bytes: usize, head: Option<&str>) -> Verified {
        let (lines, last) = (self.count, String::from_utf8_lossy(&self.prev).into_owned());
        let broken = |line, why| Verified::Broken { line, why };
        if self.closed && torn_bytes > 0 {
            return broken(lines, "there are bytes after the line that closes it".to_owned());
        }
        if !self.closed {
            return Verified::Cut { lines, head: last, torn_bytes };
        }
        match head {
            Some(head) if head != last => {
                broken(lines.saturating_sub(1), format!("the last hash is {last}, but {head} was expected"))
            }
            _ => Verified::Whole { lines, head: last },
        }
    }
}
