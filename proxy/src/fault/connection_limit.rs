//! `connection_limit`: at most so many connections are served at a time, as if a pool were exhausted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ParameterProblem;

/// What becomes of connections beyond the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Excess {
    /// They are accepted and wait unread for their turn, 1,024 of them at most; what is beyond that is reset.
    #[default]
    Queue,
    /// They are reset.
    Refuse,
}

/// Serves at most `max` connections of the route at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionLimit {
    /// The most that are served; those that were open before count, and stay.
    pub max: u64,
    /// What becomes of the others.
    #[serde(default)]
    pub excess: Excess,
}

impl ConnectionLimit {
    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        if self.max == 0 {
            let why = "is 0, so nobody would be served";
            return vec![ParameterProblem::new("max", why, "write 1 or more; `refuse: {}` serves nobody")];
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_nobody_is_refused_and_excess_waits_unless_told() {
        let limit: ConnectionLimit = serde_json::from_str(r#"{"max": 0}"#).unwrap();
        assert_eq!(limit.excess, Excess::Queue);
        assert!(limit.check()[0].to_string().contains("`refuse: {}`"));
        let limit: ConnectionLimit = serde_json::from_str(r#"{"max": 1, "excess": "refuse"}"#).unwrap();
        assert_eq!((limit.excess, limit.check().len()), (Excess::Refuse, 0));
    }
}
