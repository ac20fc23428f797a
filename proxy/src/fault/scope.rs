//! Which share of the matching traffic a fault hits.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ParameterProblem, RequestMatch, RequestParts};
use crate::quantity::Percent;

/// What must always get the same decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sticky {
    /// All requests with the same value of this header (without it: decided per request).
    Header(String),
    /// All requests with the same value of this cookie.
    Cookie(String),
    /// All traffic of one client IP address.
    Client {},
}

/// Which of the matching connections or requests, counted from 1 in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", try_from = "Given")]
pub enum Requests {
    /// The first so many.
    First(u64),
    /// Each one whose number can be divided by this.
    Every(u64),
    /// All after the first so many.
    After(u64),
}

/// What can be given of which exactly one has to be.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Given {
    first: Option<u64>,
    every: Option<u64>,
    after: Option<u64>,
}

impl TryFrom<Given> for Requests {
    type Error = &'static str;

    fn try_from(given: Given) -> Result<Self, Self::Error> {
        match (given.first, given.every, given.after) {
            (Some(n), None, None) => Ok(Self::First(n)),
            (None, Some(n), None) => Ok(Self::Every(n)),
            (None, None, Some(n)) => Ok(Self::After(n)),
            _ => Err("`requests` takes exactly one of `first`, `every` and `after`"),
        }
    }
}

impl Requests {
    /// The largest number that can be asked for.
    pub const MAX: u64 = 1_000_000_000_000;

    /// Whether the `nth` is one of them.
    pub(crate) const fn hold(self, nth: u64) -> bool {
        match self {
            Self::First(first) => nth <= first,
            Self::Every(every) => every != 0 && nth.is_multiple_of(every),
            Self::After(after) => nth > after,
        }
    }

    fn check(self) -> Option<ParameterProblem> {
        let (key, n) = match self {
            Self::First(n) => ("first", n),
            Self::Every(n) => ("every", n),
            Self::After(n) => ("after", n),
        };
        (n == 0 || n > Self::MAX).then(|| {
            let why = format!("{n} is not within 1 to {}", Self::MAX);
            ParameterProblem::new(&format!("requests.{key}"), why, "leave `requests` out for all of them")
        })
    }
}

/// The share of the matching connections (TCP) or requests (HTTP). The default is all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// The share.
    pub percent: Percent,
    /// Decide by a key instead of one by one, so that a user is hit always or never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// Requests that are never hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude: Option<RequestMatch>,
    /// Only these, by their number among what matches; the share is one of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Requests>,
}

impl Default for Scope {
    fn default() -> Self {
        Self { percent: Percent::ALL, sticky: None, exclude: None, requests: None }
    }
}

impl Scope {
    /// Whether it means all matching traffic.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks for something that only an HTTP request has.
    pub fn needs_http(&self) -> bool {
        matches!(self.sticky, Some(Sticky::Header(_) | Sticky::Cookie(_)))
            || self.exclude.as_ref().is_some_and(RequestMatch::needs_http)
    }

    /// What is wrong with it, by key; empty when nothing is.
    pub fn check(&self) -> Vec<ParameterProblem> {
        let mut problems: Vec<_> = self.requests.and_then(Requests::check).into_iter().collect();
        let Some(exclude) = &self.exclude else { return problems };
        for (given, key) in
            [(exclude.status.is_some(), "exclude.status"), (exclude.opt_in.is_some(), "exclude.opt_in")]
        {
            if given {
                let why = "cannot be excluded: it is only known of what is meant";
                problems.push(ParameterProblem::new(key, why, "say in `match` what is meant instead"));
            }
        }
        let within = exclude.check().into_iter();
        problems.extend(within.map(|problem| problem.within("exclude")));
        problems
    }

    /// What decides for a connection instead of its ordinal.
    pub(crate) fn client_key(&self, client: IpAddr) -> Option<Vec<u8>> {
        matches!(self.sticky, Some(Sticky::Client {})).then(|| client.to_string().into_bytes())
    }

    /// What decides for a request instead of its ordinal; nothing where the request lacks it.
    pub(crate) fn key(&self, request: &RequestParts<'_>) -> Option<Vec<u8>> {
        match self.sticky.as_ref()? {
            Sticky::Header(name) => request.headers.get(name).map(|value| value.as_bytes().to_vec()),
            Sticky::Cookie(name) => request.cookie(name).map(|value| value.as_bytes().to_vec()),
            Sticky::Client {} => self.client_key(request.client),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_from_one() {
        let held = |requests: Requests| (1..=10).filter(|nth| requests.hold(*nth)).collect::<Vec<u64>>();
        assert_eq!(held(Requests::First(3)), [1, 2, 3]);
        assert_eq!(held(Requests::Every(4)), [4, 8]);
        assert_eq!(held(Requests::After(8)), [9, 10]);
        assert_eq!(held(Requests::Every(1)).len(), 10);
    }

    #[test]
    fn a_scope_that_cannot_be_is_told() {
        for (json, says) in [
            (r#"{"requests": {"first": 0}}"#, "`requests.first` 0 is not within 1"),
            (r#"{"requests": {"every": 0}}"#, "`requests.every` 0"),
            (r#"{"requests": {"after": 1000000000001}}"#, "`requests.after` 1000000000001"),
            (r#"{"exclude": {"status": 500}}"#, "`exclude.status` cannot be excluded"),
            (r#"{"exclude": {"opt_in": {"secret": "0123456789abcdef"}}}"#, "`exclude.opt_in` cannot be"),
            (r#"{"exclude": {"path": "~("}}"#, "`exclude.path` `~(` is no regular expression"),
            (r#"{"requests": {"first": 2}, "exclude": {"path": "/health"}}"#, ""),
        ] {
            let scope: Scope = serde_json::from_str(json).unwrap();
            let said = scope.check().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            assert!(said.contains(says) && said.is_empty() == says.is_empty(), "{json}: {said}");
        }
        for bad in [r#"{"requests": {"first": 2, "every": 3}}"#, r#"{"requests": {}}"#] {
            let error = serde_json::from_str::<Scope>(bad).unwrap_err().to_string();
            assert!(error.contains("exactly one of `first`, `every` and `after`"), "{bad}: {error}");
        }
        let scope: Scope = serde_json::from_str(r#"{"requests": {"every": 3}}"#).unwrap();
        assert_eq!(serde_json::to_string(&scope).unwrap(), r#"{"percent":"100%","requests":{"every":3}}"#);
    }
}
