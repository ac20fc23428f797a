//! `reset`: the connection is torn down by a true TCP RST, on both sides.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, ParameterProblem};
use crate::quantity::{ByteSize, Period};

/// From when the time of a `reset` counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResetFrom {
    /// From the moment the connection was accepted (on HTTP: the request came).
    #[default]
    Accept,
    /// From the first bytes in its direction, or their end; these are held back.
    FirstBytes,
}

impl ResetFrom {
    /// Whether it is the default.
    pub const fn is_accept(&self) -> bool {
        matches!(self, Self::Accept)
    }
}

/// Resets the connection: at once, `after` a time, or once `after_bytes` have passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// How long the connection (or, on HTTP, the request) may live first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Period>,
    /// How many bytes may pass first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_bytes: Option<ByteSize>,
    /// From when the time counts.
    #[serde(default, skip_serializing_if = "ResetFrom::is_accept")]
    pub from: ResetFrom,
    /// Which way the bytes flow that are counted or waited for; absent: `response`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
}

impl Reset {
    /// Which way the bytes flow that are counted or waited for.
    pub fn direction(&self) -> Direction {
        self.direction.unwrap_or_default()
    }

    /// Whether it waits for nothing.
    pub const fn is_at_once(&self) -> bool {
        self.after.is_none() && self.after_bytes.is_none() && self.from.is_accept()
    }

    /// When a connection is reset that began at `began_ns`, and whose first bytes were held back at `first_ns`; 0 for
    /// at once, nothing for never or by its bytes alone.
    pub(crate) fn due_ns(&self, began_ns: u64, first_ns: Option<u64>) -> Option<u64> {
        let after_ns = self.after.map(Period::nanos);
        match self.from {
            ResetFrom::FirstBytes => first_ns.map(|first| first + after_ns.unwrap_or(0)),
            ResetFrom::Accept if self.is_at_once() => Some(0),
            ResetFrom::Accept => after_ns.map(|after| began_ns + after),
        }
    }

    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        if !self.from.is_accept() && self.after_bytes.is_some() {
            problems.push(ParameterProblem::new(
                "after_bytes",
                "never pass, because `from: first-bytes` holds them back",
                "leave one of the two out",
            ));
        }
        if self.from.is_accept() && self.after_bytes.is_none() && self.direction.is_some() {
            problems.push(ParameterProblem::new(
                "direction",
                "says nothing here, because both sides are reset",
                "leave it out, or add `after_bytes` or `from: first-bytes`",
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reset(json: &str) -> Reset {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn when_it_is_due_depends_on_what_it_waits_for() {
        for (json, first_ns, due_ns) in [
            ("{}", None, Some(0)),
            (r#"{"after": "1ms"}"#, None, Some(1_000_007)),
            (r#"{"after_bytes": "1B"}"#, Some(9), None),
            (r#"{"after": "1ms", "after_bytes": "1B"}"#, None, Some(1_000_007)),
            (r#"{"from": "first-bytes"}"#, None, None),
            (r#"{"from": "first-bytes"}"#, Some(9), Some(9)),
            (r#"{"from": "first-bytes", "after": "1ms"}"#, Some(9), Some(1_000_009)),
        ] {
            assert_eq!(reset(json).due_ns(7, first_ns), due_ns, "{json}");
        }
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for (json, key) in [
            (r#"{"from": "first-bytes", "after_bytes": "1B"}"#, Some("after_bytes")),
            (r#"{"direction": "request"}"#, Some("direction")),
            (r#"{"after": "1s", "direction": "request"}"#, Some("direction")),
            (r#"{"after_bytes": "1B", "direction": "both"}"#, None),
            (r#"{"from": "first-bytes", "direction": "request"}"#, None),
        ] {
            assert_eq!(reset(json).check().first().map(|problem| problem.key.as_str()), key, "{json}");
        }
    }
}
