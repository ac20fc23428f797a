//! `slow_close`: the end of a stream is passed on late.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, ParameterProblem};
use crate::quantity::Period;

/// Bytes pass as they come; that there are no more is said `delay` later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowClose {
    /// How late the end is.
    pub delay: Period,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
}

impl SlowClose {
    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        if self.delay.is_zero() {
            let (why, way_out) = ("is zero and would do nothing", "write for example `5s`");
            return vec![ParameterProblem::new("delay", why, way_out)];
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_is_not_late_is_refused() {
        for (delay, problems) in [("0s", 1), ("1us", 0)] {
            let fault = SlowClose { delay: delay.parse().unwrap(), direction: Direction::Both };
            assert_eq!(fault.check().len(), problems, "{delay}");
        }
    }
}
