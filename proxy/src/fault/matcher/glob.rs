//! Patterns with `*` and `?`.

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
        fits(&self.0, text, |a, b| a == b)
    }

    /// The same without regard to ASCII case, for host and header names.
    pub fn matches_ignoring_case(&self, text: &str) -> bool {
        fits(&self.0, text, |a, b| a.eq_ignore_ascii_case(&b))
    }
}

/// What stands before the first `*` or `?`.
pub(crate) fn beginning(pattern: &str) -> &str {
    pattern.split(['*', '?']).next().unwrap_or("")
}

fn fits(pattern: &str, text: &str, same: impl Fn(u8, u8) -> bool) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
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

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
