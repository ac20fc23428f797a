//! A share of few: never a bare percent, always with how little it says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// So many of so many, with the 95 % interval of Wilson (1927), which stays honest for small numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// How many count.
    pub numerator: u64,
    /// Of how many.
    pub denominator: u64,
    /// Their ratio; absent of none.
    pub share: Option<f64>,
    /// The lower end of the interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Share {
    /// `numerator` of `denominator`, which is at least as large.
    pub fn of(numerator: u64, denominator: u64) -> Self {
        /// The two-sided 95 % quantile of the normal distribution.
        const Z: f64 = 1.959_963_984_540_054;
        let numerator = numerator.min(denominator);
        if denominator == 0 {
            return Self { numerator, denominator, share: None, low: 0.0, high: 1.0 };
        }
        let (n, z2) = (denominator as f64, Z * Z);
        let p = numerator as f64 / n;
        let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt() / (1.0 + z2 / n);
        let (low, high) = ((centre - half).clamp(0.0, 1.0), (centre + half).clamp(0.0, 1.0));
        Self { numerator, denominator, share: Some(round(p)), low: round(low), high: round(high) }
    }
}

/// To four digits: more would claim a precision that no drill has.
pub(super) fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_interval_is_as_published() {
        for (k, n, low, high) in [
            (1, 1, 0.21, 1.0),
            (3, 3, 0.44, 1.0),
            (5, 5, 0.57, 1.0),
            (10, 10, 0.72, 1.0),
            (20, 20, 0.84, 1.0),
            (18, 20, 0.70, 0.97),
            (3, 4, 0.30, 0.95),
            (0, 1, 0.0, 0.79),
            (0, 0, 0.0, 1.0),
        ] {
            let share = Share::of(k, n);
            assert!((share.low - low).abs() < 0.005, "{share:?}");
            assert!((share.high - high).abs() < 0.005, "{share:?}");
        }
    }

    proptest! {
        #[test]
        fn a_share_stays_between_nothing_and_all(k in 0u64..500, more in 0u64..500) {
            let share = Share::of(k, k + more);
            prop_assert!(0.0 <= share.low && share.low <= share.high && share.high <= 1.0, "{share:?}");
            if let Some(p) = share.share {
                prop_assert!(share.low <= p && p <= share.high, "{share:?}");
            }
        }
    }
}
