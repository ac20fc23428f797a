//! Which headers a fault may touch.

use http::{HeaderName, HeaderValue};

use super::ParameterProblem;

/// Headers that say how a message is framed, or are meant for one connection only: with them changed it would no longer
/// be known where a message ends.
const FRAMING: [&str; 9] = [
    "connection",
    "content-length",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What is wrong with a header's name, as a problem of the key it stands in.
pub(super) fn check_name(key: &str, name: &str) -> Option<ParameterProblem> {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Some(ParameterProblem::new(
            key,
            format!("holds `{}`, which is no HTTP header", name.escape_debug()),
            "use letters, digits and `-` in names, visible characters in values",
        ));
    }
    FRAMING.contains(&name.to_ascii_lowercase().as_str()).then(|| {
        ParameterProblem::new(key, format!("holds `{name}`, which the proxy sets itself"), "leave it out")
    })
}

/// What is wrong with a header.
pub(super) fn check(key: &str, name: &str, value: &str) -> Option<ParameterProblem> {
    check_name(key, name).or_else(|| {
        HeaderValue::from_str(value).is_err().then(|| {
            ParameterProblem::new(
                key,
                format!("holds `{name}` with a value that is no HTTP header's"),
                "use letters, digits and `-` in names, visible characters in values",
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_headers_that_leave_the_framing_alone_pass() {
        for (name, value, says) in [
            ("x-a", "b", None),
            ("Retry-After", "1", None),
            ("x a", "b", Some("no HTTP header")),
            ("", "b", Some("no HTTP header")),
            ("x-a", "b\r\nc: d", Some("no HTTP header")),
            ("Content-Length", "5", Some("sets itself")),
            ("TRANSFER-ENCODING", "chunked", Some("sets itself")),
            ("Upgrade", "x", Some("sets itself")),
        ] {
            let problem = check("headers", name, value).map(|problem| problem.to_string());
            match says {
                None => assert_eq!(problem, None, "{name}"),
                Some(says) => assert!(problem.as_ref().is_some_and(|p| p.contains(says)), "{problem:?}"),
            }
        }
    }
}
