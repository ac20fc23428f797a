//! `blackhole`: bytes are accepted and lead nowhere; nothing is answered, and nothing is closed unless that is asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, ParameterProblem};
use crate::quantity::Period;

/// Swallows bytes; the peers see a connection that is open and silent.
///
/// When it is removed, held connections are closed (bytes are gone, so going on would corrupt the stream).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Blackhole {
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
    /// The connection is closed after so long without a byte arriving in that direction; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_after: Option<Period>,
}

impl Blackhole {
    /// When a connection is closed on which the last byte arrived, or the fault came, at `heard_ns`.
    pub(crate) fn closes_ns(&self, heard_ns: u64) -> Option<u64> {
        self.close_after.map(|after| heard_ns + after.nanos())
    }

    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        if self.close_after.is_some_and(|after| after.is_zero()) {
            return vec![ParameterProblem::new(
                "close_after",
                "is zero and would swallow nothing",
                "leave it out, or write for example `5s`; connections that are cut at once are `reset: {}`",
            )];
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_closes_after_silence_and_never_without_being_asked() {
        let mut hole = Blackhole::default();
        assert_eq!(hole.closes_ns(5), None);
        hole.close_after = Some(Period::from_millis(2));
        assert_eq!(hole.closes_ns(5), Some(2_000_005));
        assert!(hole.check().is_empty());
        hole.close_after = Some(Period::ZERO);
        assert_eq!(hole.check()[0].key, "close_after");
    }
}
