//! `corrupt`: bits flip on their way.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, ParameterProblem};
use crate::quantity::Percent;
use crate::seed::FaultSeed;

/// Bytes whose flips are drawn from one stream.
const BLOCK_BYTES: u64 = 256;

/// Each bit flips with the same probability.
///
/// Which ones is drawn by their place in the stream of bytes, so it does not depend on how the bytes arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Corrupt {
    /// The share of bits that flip.
    pub bits: Percent,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
}

impl Corrupt {
    /// Flips bits of `bytes`, the first of which is at `position` in its connection's stream. Returns how many bytes
    /// are changed.
    pub(crate) fn flip(&self, seed: FaultSeed, ordinal: u64, position: u64, bytes: &mut [u8]) -> u64 {
        let (mut changed, mut last) = (0, None);
        self.for_each_flip(seed, ordinal, position, bytes.len() as u64, |at, bit| {
            bytes[at as usize] ^= 1 << bit;
            changed += u64::from(last != Some(at));
            last = Some(at);
        });
        changed
    }

    /// How many of `len` bytes from `position` on are changed.
    pub(crate) fn changed(&self, seed: FaultSeed, ordinal: u64, position: u64, len: u64) -> u64 {
        let (mut changed, mut last) = (0, None);
        self.for_each_flip(seed, ordinal, position, len, |at, _| {
            changed += u64::from(last != Some(at));
            last = Some(at);
        });
        changed
    }

    fn for_each_flip(
        &self,
        seed: FaultSeed,
        ordinal: u64,
        position: u64,
        len: u64,
        mut flip: impl FnMut(u64, u64),
    ) {
        if self.bits == Percent::ZERO {
            return;
        }
        let end = position + len;
        // From one flip to the next it is as far as between successes of a coin: drawn at once, not bit by bit.
        let stays = (1.0 - self.bits.fraction()).ln();
        for block in position / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES) {
            let mut draws = seed.draws_at(ordinal, block);
            let (mut bit, first) = (0, block * BLOCK_BYTES);
            loop {
                // At 100 % `stays` is minus infinity, and the way to the next flip is none.
                let gap = ((1.0 - draws.unit()).ln() / stays) as u64;
                bit += gap.min(BLOCK_BYTES * 8);
                if bit >= BLOCK_BYTES * 8 {
                    break;
                }
                let at = first + bit / 8;
                if (position..end).contains(&at) {
                    flip(at - position, bit % 8);
                }
                bit += 1;
            }
        }
    }

    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        if self.bits == Percent::ZERO {
            let (why, way_out) = ("is zero and would do nothing", "write for example `0.01%`");
            return vec![ParameterProblem::new("bits", why, way_out)];
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn corrupt(bits: &str) -> Corrupt {
        Corrupt { bits: bits.parse().unwrap(), direction: Direction::Response }
    }

    fn flipped(bits: &str, ordinal: u64, position: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        corrupt(bits).flip(Seed(4).of_fault("r", "f"), ordinal, position, &mut bytes);
        bytes
    }

    #[test]
    fn about_the_share_of_bits_flips() {
        for (bits, share) in [("0.01%", 1e-4), ("1%", 0.01), ("50%", 0.5), ("100%", 1.0)] {
            let bytes = flipped(bits, 0, 0, 1_000_000);
            let ones: u64 = bytes.iter().map(|byte| u64::from(byte.count_ones())).sum();
            let (mean, deviation) = (8e6 * share, (8e6f64 * share * (1.0 - share)).sqrt());
            assert!((ones as f64 - mean).abs() <= 5.0 * deviation, "{bits}: {ones} of {mean}");
        }
    }

    #[test]
    fn which_bits_flip_does_not_depend_on_how_the_bytes_come() {
        let whole = flipped("0.5%", 3, 0, 5_000);
        for size in [1, 7, 255, 256, 257, 4_096] {
            let mut pieces = vec![];
            let mut changed = 0;
            while pieces.len() < whole.len() {
                let len = size.min(whole.len() - pieces.len());
                let position = pieces.len() as u64;
                changed += corrupt("0.5%").changed(Seed(4).of_fault("r", "f"), 3, position, len as u64);
                pieces.extend(flipped("0.5%", 3, position, len));
            }
            assert_eq!(pieces, whole, "in pieces of {size}");
            assert_eq!(changed, whole.iter().filter(|byte| **byte != 0).count() as u64);
        }
        assert_ne!(flipped("0.5%", 4, 0, 5_000), whole, "each connection has its own");
        assert_eq!(corrupt("0%").check().len(), 1);
    }
}
