//! `http_error`: the proxy answers instead of the upstream.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ParameterProblem;

/// The request is answered with `status`; the upstream never sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
}

impl HttpError {
    /// The longest body that a file may carry.
    pub const BODY_MAX_BYTES: usize = 64 * 1024;

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
        for (name, value) in &self.headers {
            if http::HeaderName::from_bytes(name.as_bytes()).is_err()
                || http::HeaderValue::from_str(value).is_err()
            {
                problems.push(ParameterProblem::new(
                    "headers",
                    format!("holds `{}`, which is no HTTP header", name.escape_debug()),
                    "use letters, digits and `-` in names, visible characters in values",
                ));
            } else if ["content-length", "transfer-encoding", "connection"]
                .contains(&name.to_ascii_lowercase().as_str())
            {
                problems.push(ParameterProblem::new(
                    "headers",
                    format!("holds `{name}`, which the proxy sets itself"),
                    "leave it out",
                ));
            }
        }
        problems
    }
}
