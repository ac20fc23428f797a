//! One seed per drill; every random decision is a function of it and of names, never of time or of threads.
//!
//! A decision is drawn from the stream (seed, route, fault, ordinal), by ChaCha8: a documented, portable generator,
//! so the same seed gives the same decisions on every machine and with any number of workers. Adding a fault or a
//! connection never shifts the stream of another.

use rand::rand_core::{Rng, SeedableRng};
use rand::rngs::ChaCha8Rng;

use crate::quantity::Percent;

/// The seed of one drill.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl Seed {
    /// The decisions of one fault on one route; hashes the names once.
    pub fn of_fault(self, route: &str, fault: &str) -> FaultSeed {
        FaultSeed { seed: self.0, route: fnv1a(route.as_bytes()), fault: fnv1a(fault.as_bytes()) }
    }
}

/// The seed of one fault on one route: hand it an ordinal, and draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultSeed {
    seed: u64,
    route: u64,
    fault: u64,
}

impl FaultSeed {
    /// The draws for the `ordinal`-th connection or request.
    pub fn draws(self, ordinal: u64) -> Draws {
        let mut key = [0; 32];
        for (place, word) in key.chunks_exact_mut(8).zip([self.seed, self.route, self.fault, ordinal]) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        Draws(ChaCha8Rng::from_seed(key))
    }

    /// A draw from the normal distribution with mean 0 and deviation 1 that is like that of the ordinal before by
    /// `share`, from 0 up to 0.99. It is a function of the ordinal alone, so the order of arrival does not matter.
    pub fn score(self, ordinal: u64, share: f64) -> f64 {
        // What lies further back has less than a thousandth of the weight.
        let back = (f64::ln(1e-3) / share.max(1e-3).ln()).ceil() as u64;
        let first = ordinal.saturating_sub(back);
        let (mut sum, mut weights) = (0.0, 0.0);
        for block in first / SCORES..=ordinal / SCORES {
            let mut draws = self.draws(block);
            for at in block * SCORES..=ordinal.min(block * SCORES + SCORES - 1) {
                let own = draws.normal();
                if at >= first {
                    sum = share * sum + own;
                    weights = share * share * weights + 1.0;
                }
            }
        }
        sum / f64::sqrt(weights)
    }

    /// The draws for a place in the stream of bytes of the `ordinal`-th connection; they are others than those of
    /// [`FaultSeed::draws`].
    pub fn draws_at(self, ordinal: u64, place: u64) -> Draws {
        let mut draws = self.draws(ordinal);
        draws.0.set_stream(place + 1);
        draws
    }

    /// Whether `key` (a user id, say) belongs to the share: the same key always gets the same answer.
    pub fn holds_key(self, key: &[u8], share: Percent) -> bool {
        self.draws(fnv1a(key)).holds(share)
    }
}

/// Scores that are drawn from one stream, so that looking back is cheap.
const SCORES: u64 = 32;

/// A stream of draws for one connection or request, in draw order.
#[derive(Debug)]
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// True for `share` of all streams. Always takes one draw, so that what follows does not depend on the share.
    pub fn holds(&mut self, share: Percent) -> bool {
        self.below(1_000_000) < u64::from(share.parts_per_million())
    }

    /// A number from 0 to `bound - 1`, each equally likely; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Multiply-shift: one draw, bias below 2^-32 for the bounds in use, and no loop.
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from 0 up to, but not including, 1.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A draw from the normal distribution with mean 0 and deviation 1 (Box-Muller, two draws).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// FNV-1a, 64 bits: a fixed, portable hash of names (<http://www.isthe.com/chongo/tech/comp/fnv/>).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().copied().fold(FNV_BASIS, fnv1a_next)
}

/// The hash of nothing.
pub(crate) const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// The hash of what had the hash before, and one byte more.
pub(crate) const fn fnv1a_next(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_the_same_for_ever() {
        // Golden: a recorded seed must replay with later versions too.
        let mut draws = Seed(42).of_fault("payments", "slow").draws(7);
        let first: Vec<u64> = (0..4).map(|_| draws.below(1_000)).collect();
        assert_eq!(first, GOLDEN);
    }
    const GOLDEN: [u64; 4] = [86, 864, 563, 511];

    #[test]
    fn names_and_ordinals_have_streams_of_their_own() {
        let draw =
            |route: &str, fault: &str, ordinal| Seed(1).of_fault(route, fault).draws(ordinal).below(u64::MAX);
        let all = [draw("a", "f", 0), draw("a", "f", 1), draw("b", "f", 0), draw("a", "g", 0)];
        for (i, one) in all.iter().enumerate() {
            assert!(all.iter().skip(i + 1).all(|other| other != one));
        }
    }

    #[test]
    fn places_in_a_stream_have_draws_of_their_own_for_ever() {
        let draw = |place| Seed(42).of_fault("payments", "slow").draws_at(7, place).below(1_000);
        assert_eq!([draw(0), draw(1), draw(2)], GOLDEN_PLACES);
        assert!(!GOLDEN_PLACES.contains(&GOLDEN[0]));
    }
    const GOLDEN_PLACES: [u64; 3] = [367, 280, 551];

    #[test]
    fn a_share_holds_about_its_share_and_the_ends_hold_exactly() {
        let seed = Seed(3).of_fault("r", "f");
        let count = |share| (0..10_000).filter(|n| seed.draws(*n).holds(share)).count();
        assert_eq!((count(Percent::ZERO), count(Percent::ALL)), (0, 10_000));
        let quarter = count("25%".parse().unwrap());
        assert!((2_300..2_700).contains(&quarter), "{quarter}");
    }

    #[test]
    fn a_share_is_exact_to_a_millionth() {
        let seed = Seed(11).of_fault("r", "f");
        let holds = |ordinal, parts| seed.draws(ordinal).holds(Percent::from_parts_per_million(parts));
        let mut sides = std::collections::BTreeSet::new();
        for ordinal in 0..1_000 {
            // Every ordinal has one share from which on it is hit, and stays so for every larger one.
            let (mut out, mut inside) = (0, 1_000_000);
            while inside - out > 1 {
                let middle = (out + inside) / 2;
                if holds(ordinal, middle) { inside = middle } else { out = middle }
            }
            assert!(!holds(ordinal, out) && holds(ordinal, inside), "{ordinal}: {out}");
            sides.insert(inside % 100);
        }
        assert_eq!(sides.len(), 100, "and that share is no coarser number");
    }

    #[test]
    fn scores_are_like_those_of_the_ordinal_before_whoever_asks_first() {
        for share in [0.3, 0.9] {
            let seed = Seed(5).of_fault("r", "f");
            let scores: Vec<f64> = (1_000..21_000).map(|ordinal| seed.score(ordinal, share)).collect();
            let mean = scores.iter().sum::<f64>() / 20_000.0;
            let variance = scores.iter().map(|x| x * x).sum::<f64>() / 20_000.0;
            let alike = scores.windows(2).map(|two| two[0] * two[1]).sum::<f64>() / 19_999.0;
            assert!(mean.abs() < 0.1 && (variance - 1.0).abs() < 0.1, "mean {mean}, variance {variance}");
            assert!((alike / variance - share).abs() < 0.03, "{share}: {alike}");
            assert_eq!(seed.score(20_999, share), scores[19_999], "not a matter of order");
        }
        assert_eq!(Seed(5).of_fault("r", "f").score(0, 0.9), Seed(5).of_fault("r", "f").draws(0).normal());
    }

    #[test]
    fn normal_draws_have_the_right_mean_and_deviation() {
        let mut draws = Seed(5).of_fault("r", "f").draws(0);
        let drawn: Vec<f64> = (0..20_000).map(|_| draws.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        let deviation = (drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0).sqrt();
        assert!(mean.abs() < 0.03 && (deviation - 1.0).abs() < 0.03, "mean {mean}, deviation {deviation}");
    }
}
