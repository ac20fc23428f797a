//! `http_headers`: what is done to the head of a request or of an answer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, Drip, ParameterProblem, header_names};
use crate::quantity::ByteSize;

/// Headers are removed, then set, then one is made huge; and the head may leave slowly. At least one of these stands
/// here.
///
/// Headers that frame a message or belong to one connection (`Content-Length`, `Transfer-Encoding`, `Connection`, …)
/// cannot be touched: for that there is `http_body`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpHeaders {
    /// Headers by name; those that are there already are replaced.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
    /// Names of headers that are taken out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// A header `x-firedrill-huge` with a value of so many bytes is added, 1MiB at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub huge: Option<ByteSize>,
    /// The bytes of the head leave in pieces of at most `size`, one `every` so long. Only on responses, and only over
    /// HTTP/1: over HTTP/2 heads have no bytes of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Drip>,
    /// `response` or `request`.
    #[serde(default)]
    pub direction: Direction,
}

impl HttpHeaders {
    /// The longest value of the huge header.
    pub const HUGE_MAX_BYTES: u64 = 1 << 20;
    /// Headers that one fault may name.
    pub const NAMES_MAX: usize = 64;

    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        let set = self.set.iter().filter_map(|(name, value)| header_names::check("set", name, value));
        problems.extend(set);
        problems.extend(self.remove.iter().filter_map(|name| header_names::check_name("remove", name)));
        let mut no = |key: &str, why: String, way_out: &str| {
            problems.push(ParameterProblem::new(key, why, way_out));
        };
        if self.set.is_empty() && self.remove.is_empty() && self.huge.is_none() && self.slow.is_none() {
            let way_out = "write at least one of `set`, `remove`, `huge`, `slow`";
            no("set", "and everything else is missing".into(), way_out);
        }
        for (key, names) in [("set", self.set.len()), ("remove", self.remove.len())] {
            if names > Self::NAMES_MAX {
                let most = format!("give {} or fewer", Self::NAMES_MAX);
                no(key, format!("names {names} headers"), &most);
            }
        }
        match self.huge.map(ByteSize::bytes) {
            Some(0) => no("huge", "is zero and would do nothing".into(), "write for example `64KiB`"),
            Some(bytes) if bytes > Self::HUGE_MAX_BYTES => {
                let most = ByteSize::from_bytes(Self::HUGE_MAX_BYTES);
                no(
                    "huge",
                    format!("{} is more than {most}", ByteSize::from_bytes(bytes)),
                    &format!("use {most} or less"),
                );
            }
            _ => {}
        }
        match self.direction {
            Direction::Response => {}
            Direction::Both => {
                no("direction", "is both".into(), "use `response` or `request`, or make a fault of each");
            }
            Direction::Request if self.slow.is_some() => {
                no(
                    "slow",
                    "stands beside `direction: request`".into(),
                    "leave it out; only heads of answers can be slow",
                );
            }
            Direction::Request => {}
        }
        problems.extend(self.slow.and_then(|slow| slow.check("slow")));
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        for (json, key, says) in [
            (r#"{"set": {"x-a": "1"}, "remove": ["Server"], "huge": "1MiB"}"#, None, ""),
            (r#"{"slow": {"size": "1B", "every": "1s"}}"#, None, ""),
            (r#"{"huge": "8KiB", "direction": "request"}"#, None, ""),
            (r#"{}"#, Some("set"), "at least one"),
            (r#"{"set": {"Content-Length": "1"}}"#, Some("set"), "sets itself"),
            (r#"{"remove": ["Transfer-Encoding"]}"#, Some("remove"), "sets itself"),
            (r#"{"remove": ["a b"]}"#, Some("remove"), "no HTTP header"),
            (r#"{"huge": "0B"}"#, Some("huge"), "do nothing"),
            (r#"{"huge": "1048577B"}"#, Some("huge"), "use 1MiB or less"),
            (r#"{"slow": {"size": "0B", "every": "1s"}}"#, Some("slow"), "ever pass"),
            (r#"{"slow": {"size": "1B", "every": "1s"}, "direction": "request"}"#, Some("slow"), "answers"),
            (r#"{"huge": "8KiB", "direction": "both"}"#, Some("direction"), "fault of each"),
        ] {
            let fault: HttpHeaders = serde_json::from_str(json).unwrap();
            let problems = fault.check();
            assert_eq!(problems.first().map(|problem| problem.key.as_str()), key, "{json}: {problems:?}");
            assert!(
                problems.first().is_none_or(|problem| problem.to_string().contains(says)),
                "{problems:?}"
            );
            let again: HttpHeaders = serde_json::from_value(serde_json::to_value(&fault).unwrap()).unwrap();
            assert_eq!(again, fault);
        }
    }
}
