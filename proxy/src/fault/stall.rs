//! `stall`: in the middle of a stream nothing more flows, for a time or until the fault is removed; nothing is lost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, ParameterProblem};
use crate::quantity::{ByteSize, Period};

/// Bytes, and the end of them, wait at the proxy from a place in the stream on; then they go on as they came.
///
/// On TCP the place is counted from the beginning of the connection, on HTTP from the beginning of each body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    /// How many bytes pass first; absent: none, and on HTTP the head waits too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_bytes: Option<ByteSize>,
    /// How long nothing flows; absent: until the fault is removed.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Period>,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
}

impl Stall {
    /// How many bytes pass before nothing does.
    pub(crate) fn passes_first(&self) -> u64 {
        self.after_bytes.map_or(0, |size| size.bytes())
    }

    /// When a stall that began at `since_ns` is over; 0 when only the fault's removal ends it.
    pub(crate) fn over_ns(&self, since_ns: u64) -> u64 {
        self.lasts.map_or(0, |lasts| since_ns.saturating_add(lasts.duration().as_nanos() as u64))
    }

    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        if self.lasts.is_some_and(|lasts| lasts.is_zero()) {
            return vec![ParameterProblem::new(
                "for",
                "is zero and would do nothing",
                "write for example `5s`, or leave it out: it then lasts until the fault is removed",
            )];
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stall(json: &str) -> Stall {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn it_ends_when_its_time_is_over_and_without_one_never_by_itself() {
        let timed = stall(r#"{"after_bytes": "4KiB", "for": "5s"}"#);
        assert_eq!((timed.passes_first(), timed.over_ns(7)), (4096, 5_000_000_007));
        let endless = stall("{}");
        assert_eq!((endless.passes_first(), endless.over_ns(7)), (0, 0));
    }

    #[test]
    fn no_time_at_all_is_refused_with_the_way_out() {
        let problems = stall(r#"{"for": "0s"}"#).check();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].to_string().contains("until the fault is removed"), "{}", problems[0]);
        assert!(stall(r#"{"for": "1ms"}"#).check().is_empty());
    }
}
