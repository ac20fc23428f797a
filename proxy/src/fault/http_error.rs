//! `http_error`: the proxy answers instead of the upstream.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ParameterProblem, When, header_names};
use crate::quantity::Period;

/// The request is answered with `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpError {
    /// The status code, 200 to 599.
    pub status: u16,
    /// The body; absent: empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Response headers by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How long clients are asked to wait before they try again, in whole seconds: the header `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Period>,
    /// `before` the upstream sees the request, or `after` it has answered; its answer is then thrown away.
    #[serde(default, skip_serializing_if = "When::is_before")]
    pub when: When,
}

impl HttpError {
    /// The longest body that a file may carry.
    pub const BODY_MAX_BYTES: usize = 64 * 1024;

    /// The value of the header `Retry-After`.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|period| period.duration().as_secs())
    }

    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        if !(200..=599).contains(&self.status) {
            problems.push(ParameterProblem::new(
                "status",
                format!("{} is no final HTTP status", self.status),
                "use 200 to 599, for example 503",
            ));
        }
        if self.body.as_ref().is_some_and(|body| body.len() > Self::BODY_MAX_BYTES) {
            problems.push(ParameterProblem::new("body", "is longer than 64 KiB", "make it shorter"));
        }
        let headers = self.headers.iter();
        problems.extend(headers.filter_map(|(name, value)| header_names::check("headers", name, value)));
        if let Some(period) = self.retry_after {
            if period.duration().subsec_nanos() != 0 {
                let why = format!("{period} is no whole number of seconds, which is all that HTTP can say");
                problems.push(ParameterProblem::new("retry_after", why, "write for example `30s`"));
            }
            if self.headers.keys().any(|name| name.eq_ignore_ascii_case("retry-after")) {
                let why = "stands beside a `Retry-After` in `headers`";
                problems.push(ParameterProblem::new("retry_after", why, "leave one of them out"));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        for (json, key) in [
            (r#"{"status": 503}"#, None),
            (r#"{"status": 503, "retry_after": "2m", "when": "after"}"#, None),
            (r#"{"status": 199}"#, Some("status")),
            (r#"{"status": 503, "headers": {"connection": "close"}}"#, Some("headers")),
            (r#"{"status": 503, "retry_after": "1500ms"}"#, Some("retry_after")),
            (r#"{"status": 503, "retry_after": "1s", "headers": {"Retry-After": "2"}}"#, Some("retry_after")),
        ] {
            let fault: HttpError = serde_json::from_str(json).unwrap();
            let problems = fault.check();
            assert_eq!(problems.first().map(|problem| problem.key.as_str()), key, "{json}: {problems:?}");
            let again: HttpError = serde_json::from_value(serde_json::to_value(&fault).unwrap()).unwrap();
            assert_eq!(again, fault);
        }
    }
}
