//! The id that every answer carries: twelve bytes, the first four of them the time, as twenty letters and digits.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

/// The header that carries it.
pub(super) const HEADER: &str = "x-toxiproxy-request-id";

/// Makes ids that no other process makes.
#[derive(Debug)]
pub(super) struct RequestIds {
    /// Five bytes by chance, for this process.
    own: u64,
    next: AtomicU32,
}

impl Default for RequestIds {
    fn default() -> Self {
        let chance = RandomState::new().hash_one(std::process::id());
        Self { own: chance, next: AtomicU32::new(chance as u32) }
    }
}

impl RequestIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "the id shows people when the request came; nothing is decided by it"
    )]
    pub(super) fn next(&self) -> String {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as u32);
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        bytes[4..9].copy_from_slice(&self.own.to_be_bytes()[..5]);
        bytes[9..].copy_from_slice(&self.next.fetch_add(1, Relaxed).to_be_bytes()[1..]);
        written(bytes)
    }
}

/// Five bits a character, the digits first.
fn written(bytes: [u8; 12]) -> String {
    const DIGITS: [u8; 32] = *b"0123456789abcdefghijklmnopqrstuv";
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
    let digit = |at: usize| (0..5).fold(0, |value, offset| value << 1 | bit(at * 5 + offset));
    (0..20).map(|at| char::from(DIGITS[digit(at)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_twenty_characters_rise_and_never_repeat() {
        assert_eq!(written([0xff; 12]), "vvvvvvvvvvvvvvvvvvvg");
        assert_eq!(written([0; 12]), "0".repeat(20));
        assert_eq!(written([0, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), format!("000g{}", "0".repeat(16)));
        let ids = RequestIds::default();
        let (one, two) = (ids.next(), ids.next());
        assert_ne!(one, two);
        assert_eq!((one.len(), &one[..6]), (20, &two[..6]));
    }
}
