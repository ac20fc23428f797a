use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::ParameterProblem;
use crate::quantity::Percent;
use crate::seed::{Draws, FaultSeed};

/// Ordinals that draw from one stream.
const BLOCK: u64 = 256;
/// How many streams are looked back over. Two chains that begin differently have met by then.
const BLOCKS_MAX: u64 = 64;
/// A burst that hardly ever ends is no burst; and it could not be looked back over.
const LEAVE_MIN: Percent = Percent::from_parts_per_million(10_000);

/// Bursts by a chain of two states, good and bad (Gilbert and Elliott): the fault acts in the bad one.
///
/// Each connection or request is one step. In the long run it acts on `enter / (enter + leave)` of them, in bursts of
/// `1 / leave` on average.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bursts {
    /// The chance that a burst begins with the next one.
    pub enter: Percent,
    /// The chance that a burst is over with the next one.
    pub leave: Percent,
}

impl Bursts {
    /// Whether `ordinal` lies in a burst. A function of the ordinal, so the order of arrival does not matter.
    pub(crate) fn hold(&self, seed: FaultSeed, ordinal: u64) -> bool {
        let last = ordinal / BLOCK;
        // Where each state at the beginning of the block leads to; most steps lead to the same from both.
        let mut leads = self.walk(seed.draws(last), ordinal % BLOCK + 1);
        let mut block = last;
        while leads.0 != leads.1 && block > 0 && last - block < BLOCKS_MAX {
            block -= 1;
            let (from_good, from_bad) = self.walk(seed.draws(block), BLOCK);
            let at = |bad: bool| if bad { leads.1 } else { leads.0 };
            leads = (at(from_good), at(from_bad));
        }
        // The first of all comes from the good state.
        leads.0
    }

    /// Where so many steps lead to, from the good and from the bad state: true for bad.
    fn walk(&self, mut draws: Draws, steps: u64) -> (bool, bool) {
        let (enter, stay) = (
            u64::from(self.enter.parts_per_million()),
            1_000_000 - u64::from(self.leave.parts_per_million()),
        );
        let (mut from_good, mut from_bad) = (false, true);
        for _ in 0..steps {
            let drawn = draws.below(1_000_000);
            let next = |bad: bool| drawn < if bad { stay } else { enter };
            (from_good, from_bad) = (next(from_good), next(from_bad));
        }
        (from_good, from_bad)
    }

    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        if self.enter == Percent::ZERO {
            let why = "has an `enter` of 0%, so no burst would ever begin";
            problems.push(ParameterProblem::new("bursts", why, "write for example `enter: 1%`"));
        }
        if self.leave < LEAVE_MIN {
            let why = format!("has a `leave` of {}, less than {LEAVE_MIN}", self.leave);
            let way_out = "use `1%` (bursts of 100 on average) or more";
            problems.push(ParameterProblem::new("bursts", why, way_out));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn bursts(enter: &str, leave: &str) -> Bursts {
        Bursts { enter: enter.parse().unwrap(), leave: leave.parse().unwrap() }
    }

    #[test]
    fn an_ordinal_lies_in_a_burst_whoever_asks_first_as_if_the_chain_were_walked_from_its_beginning() {
        let seed = Seed(7).of_fault("r", "f");
        for bursts in [bursts("5%", "20%"), bursts("1%", "1%"), bursts("90%", "60%"), bursts("100%", "100%")]
        {
            let (mut bad, mut draws) = (false, seed.draws(0));
            for ordinal in 0..3_000 {
                if ordinal % BLOCK == 0 {
                    draws = seed.draws(ordinal / BLOCK);
                }
                let limit = if bad {
                    1_000_000 - bursts.leave.parts_per_million()
                } else {
                    bursts.enter.parts_per_million()
                };
                bad = draws.below(1_000_000) < u64::from(limit);
                assert_eq!(bursts.hold(seed, ordinal), bad, "{bursts:?} at {ordinal}");
            }
        }
    }

    #[test]
    fn bursts_come_as_often_and_last_as_long_as_they_should() {
        let (seed, bursts) = (Seed(3).of_fault("r", "f"), bursts("2%", "10%"));
        let states: Vec<bool> = (0..60_000).map(|ordinal| bursts.hold(seed, ordinal)).collect();
        let bad = states.iter().filter(|bad| **bad).count() as f64;
        let begun = states.windows(2).filter(|two| !two[0] && two[1]).count() as f64;
        let (share, length) = (bad / 60_000.0, bad / begun);
        assert!((share / (2.0 / 12.0) - 1.0).abs() < 0.1, "{share} of all");
        assert!((length / 10.0 - 1.0).abs() < 0.1, "{length} in a row");
    }
}
