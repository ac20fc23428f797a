//! Which requests a fault is for: one matcher, used wherever requests are matched.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A pattern in which `*` stands for any characters and `?` for one; everything else is itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Glob(pub String);

impl Glob {
    /// Whether the whole text fits. Linear in practice, `O(pattern * text)` at worst: only the last `*` is retried.
    pub fn matches(&self, text: &str) -> bool {
        Self::fits(self.0.as_bytes(), text.as_bytes(), |a, b| a == b)
    }

    /// The same without regard to ASCII case, for host and header names.
    pub fn matches_ignoring_case(&self, text: &str) -> bool {
        Self::fits(self.0.as_bytes(), text.as_bytes(), |a, b| a.eq_ignore_ascii_case(&b))
    }

    fn fits(pattern: &[u8], text: &[u8], same: impl Fn(u8, u8) -> bool) -> bool {
        let (mut p, mut t) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            if p < pattern.len() && pattern[p] == b'*' {
                star = Some((p, t));
                p += 1;
            } else if p < pattern.len() && (pattern[p] == b'?' || same(pattern[p], text[t])) {
                (p, t) = (p + 1, t + 1);
            } else if let Some((star_p, star_t)) = star {
                star = Some((star_p, star_t + 1));
                (p, t) = (star_p + 1, star_t + 1);
            } else {
                return false;
            }
        }
        pattern[p..].iter().all(|c| *c == b'*')
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The requests meant: all that is given must fit. On a plain TCP route only `client` can be given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RequestMatch {
    /// The method, for example `POST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Glob>,
    /// The path without its query, for example `/v1/*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Glob>,
    /// The `Host` header or authority, without its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<Glob>,
    /// Request headers by name; `"*"` asks only that the header is there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Glob>,
    /// Query parameters by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, Glob>,
    /// The client's IP address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Glob>,
    /// The gRPC method as `package.Service/Method`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc: Option<Glob>,
}

impl RequestMatch {
    /// Whether every request fits because nothing is asked.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks for something that only an HTTP request has.
    pub fn needs_http(&self) -> bool {
        let Self { method, path, host, headers, query, client: _, grpc } = self;
        method.is_some()
            || path.is_some()
            || host.is_some()
            || grpc.is_some()
            || !headers.is_empty()
            || !query.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_fit_whole_texts() {
        for (pattern, text, fits) in [
            ("/v1/*", "/v1/charge", true),
            ("/v1/*", "/v2/charge", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b", false),
            ("GET", "GE", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("**x", "yx", true),
        ] {
            assert_eq!(Glob(pattern.into()).matches(text), fits, "{pattern} on {text}");
        }
        assert!(Glob("Example.*".into()).matches_ignoring_case("eXAMPLE.org"));
    }

    #[test]
    fn a_hostile_pattern_ends_soon() {
        let pattern = Glob("*a".repeat(50) + "b");
        assert!(!pattern.matches(&"a".repeat(5_000)));
    }
}
