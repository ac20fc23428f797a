//! One input made of others, by chance.

use rand::rand_core::{Rng, SeedableRng};
use rand::rngs::ChaCha8Rng;

/// What breaks readers, whatever the format.
const SPECIAL: [&str; 48] = [
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "!x ",
    "--- ",
    "\n---\n",
    "\n...\n",
    "- ",
    "? ",
    ": ",
    ":",
    "{",
    "}",
    "[",
    "]",
    ",",
    "#",
    " #",
    "\"",
    "'",
    "|\n",
    ">-\n",
    "\t",
    "\r\n",
    "\n",
    "  ",
    "\u{feff}",
    "\0",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{85}",
    "é",
    "日本🙂",
    "${",
    "${secrets.X}",
    "\\",
    "%",
    "null",
    "~",
    ".inf",
    "-0",
    "1e999",
    "18446744073709551616",
    "99999999999999999999h",
    "0.0000001%",
    "yes",
    "\u{2028}",
];

/// Chance, from a seed.
pub struct Chance(ChaCha8Rng);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number below `bound`; zero when there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap();
        usize::try_from(self.0.next_u64() % bound).unwrap()
    }
}

/// Changes inputs by chance, with the words that a corpus is made of.
pub struct Change {
    chance: Chance,
    words: Vec<Vec<u8>>,
    /// No input grows beyond this.
    bytes_max: usize,
}

impl Change {
    pub fn new(seed: u64, corpus: &[Vec<u8>], bytes_max: usize) -> Self {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.%/".contains(byte);
        let mut words: Vec<Vec<u8>> = SPECIAL.iter().map(|word| word.as_bytes().to_vec()).collect();
        for input in corpus {
            words.extend(
                input.split(|byte| !is_part(byte)).filter(|word| !word.is_empty()).map(<[u8]>::to_vec),
            );
        }
        words.sort();
        words.dedup();
        Self { chance: Chance::new(seed), words, bytes_max }
    }

    /// One of the pool, changed in one to eight places.
    pub fn one(&mut self, pool: &[Vec<u8>]) -> Vec<u8> {
        let at = self.chance.below(pool.len());
        let mut input = pool[at].clone();
        // Most inputs are changed little, so that they get past the first stage of reading.
        let most = [1, 1, 2, 8][self.chance.below(4)];
        for _ in 0..=self.chance.below(most) {
            match self.chance.below(8) {
                0 => self.bytes(&mut input),
                1 | 2 => self.lines(&mut input),
                3 => self.pieces(&mut input, pool),
                _ => self.word(&mut input),
            }
            input.truncate(self.bytes_max);
        }
        input
    }

    fn span(&mut self, length: usize, most: usize) -> std::ops::Range<usize> {
        let start = self.chance.below(length + 1);
        let end = (start + self.chance.below(most + 1)).min(length);
        start..end
    }

    fn bytes(&mut self, input: &mut Vec<u8>) {
        let span = self.span(input.len(), 16);
        match self.chance.below(3) {
            0 => drop(input.drain(span)),
            1 => {
                let byte = u8::try_from(self.chance.below(256)).unwrap();
                input.splice(span.start..(span.start + 1).min(input.len()), [byte]);
            }
            _ => {
                let byte = u8::try_from(self.chance.below(128)).unwrap();
                input.insert(span.start, byte);
            }
        }
    }

    /// Another word in the place of one, between two bytes, or very often.
    fn word(&mut self, input: &mut Vec<u8>) {
        let at = self.chance.below(self.words.len());
        let word = self.words[at].clone();
        let start = self.chance.below(input.len() + 1);
        let length = input[start..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let (end, times) = match self.chance.below(8) {
            0 => (start, 1 + self.chance.below(100)),
            1 | 2 => (start, 1),
            _ => (start + length, 1),
        };
        input.splice(start..end, word.repeat(times));
    }

    fn lines(&mut self, input: &mut Vec<u8>) {
        let mut lines: Vec<Vec<u8>> = input.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let (one, other) = (self.chance.below(lines.len()), self.chance.below(lines.len()));
        match self.chance.below(5) {
            0 => drop(lines.remove(one)),
            1 => lines.insert(other, lines[one].clone()),
            2 => lines.swap(one, other),
            3 => drop(lines[one].splice(0..0, *b"  ")),
            _ => {
                let spaces = lines[one].iter().take_while(|byte| **byte == b' ').count();
                let fewer = self.chance.below(spaces + 1);
                lines[one].drain(..fewer);
            }
        }
        *input = lines.join(&b'\n');
    }

    /// A piece of this input again, or a piece of another.
    fn pieces(&mut self, input: &mut Vec<u8>, pool: &[Vec<u8>]) {
        let from = self.chance.below(pool.len());
        let piece = if self.chance.below(2) == 0 {
            let span = self.span(input.len(), 200);
            input[span].to_vec()
        } else {
            let span = self.span(pool[from].len(), 400);
            pool[from][span].to_vec()
        };
        let start = self.chance.below(input.len() + 1);
        input.splice(start..start, piece);
    }
}
