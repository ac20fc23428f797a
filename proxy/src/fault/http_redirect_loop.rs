//! `http_redirect_loop`: requests are sent back to where they came to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ParameterProblem;

/// The request is answered with a redirect to its own URL; the upstream never sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRedirectLoop {
    /// 301, 302, 303, 307 or 308.
    #[serde(default = "found", skip_serializing_if = "is_found")]
    pub status: u16,
    /// Where the redirect leads; absent: to the very URL that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

const fn found() -> u16 {
    302
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_found(status: &u16) -> bool {
    *status == found()
}

impl Default for HttpRedirectLoop {
    fn default() -> Self {
        Self { status: found(), location: None }
    }
}

impl HttpRedirectLoop {
    /// The status codes that redirect.
    pub const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];
    /// The longest location.
    pub const LOCATION_MAX_BYTES: usize = 8 * 1024;

    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        if !Self::STATUSES.contains(&self.status) {
            let why = format!("{} does not redirect", self.status);
            problems.push(ParameterProblem::new("status", why, "use 301, 302, 303, 307 or 308"));
        }
        let Some(location) = &self.location else { return problems };
        if location.is_empty() || http::HeaderValue::from_str(location).is_err() {
            let why = "is no URL that a header can carry";
            let way_out = "write for example `/login`, or leave it out";
            problems.push(ParameterProblem::new("location", why, way_out));
        } else if location.len() > Self::LOCATION_MAX_BYTES {
            problems.push(ParameterProblem::new("location", "is longer than 8 KiB", "make it shorter"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_redirects_is_taken() {
        for (json, key) in [
            ("{}", None),
            (r#"{"status": 308, "location": "/login"}"#, None),
            (r#"{"status": 300}"#, Some("status")),
            (r#"{"location": ""}"#, Some("location")),
            (r#"{"location": "/a\r\nx: y"}"#, Some("location")),
        ] {
            let fault: HttpRedirectLoop = serde_json::from_str(json).unwrap();
            let problems = fault.check();
            assert_eq!(problems.first().map(|problem| problem.key.as_str()), key, "{json}: {problems:?}");
            let again: HttpRedirectLoop =
                serde_json::from_value(serde_json::to_value(&fault).unwrap()).unwrap();
            assert_eq!(again, fault);
        }
        assert_eq!(serde_json::to_string(&HttpRedirectLoop::default()).unwrap(), "{}");
    }
}
