//! `slicer`: bytes leave in small pieces.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, ParameterProblem};
use crate::quantity::{ByteSize, Period};
use crate::seed::Draws;

/// The stream is cut into pieces of `size` ± `variation` bytes, each sent by itself, `delay` after the one before.
///
/// Where it is cut is drawn by position in the stream, so it does not depend on how the bytes arrived. What comes is
/// never waited for: a piece whose rest has not come yet leaves in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slicer {
    /// How large a piece is, or the middle of it.
    pub size: ByteSize,
    /// How far the size spreads, evenly; less than `size`.
    #[serde(default, skip_serializing_if = "is_none")]
    pub variation: ByteSize,
    /// How long after a piece the next one leaves.
    #[serde(default, skip_serializing_if = "Period::is_zero")]
    pub delay: Period,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
}

fn is_none(size: &ByteSize) -> bool {
    size.bytes() == 0
}

impl Slicer {
    /// Draws the size of the next piece; never 0, whatever the parameters.
    pub(crate) fn draw(&self, draws: &mut Draws) -> u64 {
        let (size, variation) = (self.size.bytes(), self.variation.bytes());
        (size.saturating_sub(variation) + draws.below(2 * variation + 1)).max(1)
    }

    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        if self.size.bytes() == 0 {
            let why = "is zero, and nothing would ever pass";
            problems.push(ParameterProblem::new("size", why, "write for example `64B`"));
        } else if self.variation >= self.size {
            problems.push(ParameterProblem::new(
                "variation",
                format!("{} is not less than `size` {}", self.variation, self.size),
                format!("use {} or less", ByteSize::from_bytes(self.size.bytes() - 1)),
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn slicer(size: u64, variation: u64) -> Slicer {
        let (size, variation) = (ByteSize::from_bytes(size), ByteSize::from_bytes(variation));
        Slicer { size, variation, delay: Period::ZERO, direction: Direction::Response }
    }

    #[test]
    fn sizes_stay_within_what_was_asked_and_spread_over_all_of_it() {
        for (size, variation, low, high) in [(64, 0, 64, 64), (10, 9, 1, 19), (1, 0, 1, 1), (0, 0, 1, 1)] {
            let mut draws = Seed(1).of_fault("r", "f").draws(0);
            let drawn: Vec<u64> = (0..2_000).map(|_| slicer(size, variation).draw(&mut draws)).collect();
            let (min, max) = (*drawn.iter().min().unwrap(), *drawn.iter().max().unwrap());
            assert_eq!((min, max), (low, high), "{size} ± {variation}");
        }
    }

    #[test]
    fn a_size_that_could_be_nothing_is_refused() {
        for (size, variation, key) in [
            (0, 0, Some("size")),
            (5, 5, Some("variation")),
            (5, 9, Some("variation")),
            (5, 4, None),
            (1, 0, None),
        ] {
            let problems = slicer(size, variation).check();
            assert_eq!(problems.first().map(|problem| problem.key.as_str()), key, "{size} ± {variation}");
        }
    }
}
