//! Which share of a route's traffic a fault is for, in words.

use crate::fault::{Percent, RequestMatch, Requests, Scope, Sticky};

pub(super) fn of(matching: &RequestMatch, scope: &Scope) -> String {
    let what = if matching.is_empty() { "all traffic of the route".to_owned() } else { requests(matching) };
    let what = match scope.requests {
        None => what,
        Some(Requests::First(n)) => format!("the first {n} of {what}"),
        Some(Requests::Every(n)) => format!("one in {n}, by number, of {what}"),
        Some(Requests::After(n)) => format!("all but the first {n} of {what}"),
    };
    let part = if scope.percent == Percent::ALL { what } else { format!("{} of {what}", scope.percent) };
    let sticky = match &scope.sticky {
        None => String::new(),
        Some(Sticky::Header(name)) => format!(", always the same by header `{name}`"),
        Some(Sticky::Cookie(name)) => format!(", always the same by cookie `{name}`"),
        Some(Sticky::Client {}) => ", always the same by client address".to_owned(),
    };
    let but = scope.exclude.as_ref().map(|but| format!(", never {}", requests(but))).unwrap_or_default();
    format!("{part}{sticky}{but}")
}

fn requests(matching: &RequestMatch) -> String {
    let client = matching.client.as_ref().map(|clients| format!("client `{clients}`"));
    let mut parts: Vec<String> = [
        ("method", &matching.method),
        ("path", &matching.path),
        ("host", &matching.host),
        ("grpc", &matching.grpc),
    ]
    .into_iter()
    .filter_map(|(key, pattern)| pattern.as_ref().map(|pattern| format!("{key} `{pattern}`")))
    .chain(client)
    .collect();
    parts.extend(matching.headers.iter().map(|(name, pattern)| format!("header {name} `{pattern}`")));
    parts.extend(matching.query.iter().map(|(name, pattern)| format!("query {name} `{pattern}`")));
    parts.extend(matching.status.as_ref().map(|statuses| format!("the upstream's status {statuses}")));
    let signed = matching.opt_in.as_ref().map(|opt_in| format!("a header `{}` signed for it", opt_in.header));
    parts.extend(signed);
    format!("requests with {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_narrows_a_fault_down_is_said_and_no_secret() {
        for (matching, scope, words) in [
            ("{}", r#"{"percent": "5%"}"#, "5% of all traffic of the route"),
            (
                r#"{"path": "~/v1/.+", "client": "10.0.0.0/8", "status": ["429", "5xx"]}"#,
                r#"{"requests": {"first": 10}}"#,
                "the first 10 of requests with path `~/v1/.+`, client `10.0.0.0/8`, the upstream's status 429, 5xx",
            ),
            ("{}", r#"{"requests": {"every": 3}}"#, "one in 3, by number, of all traffic of the route"),
            (
                r#"{"opt_in": {"secret": "0123456789abcdef"}}"#,
                r#"{"percent": "50%", "requests": {"after": 3}}"#,
                "50% of all but the first 3 of requests with a header `x-firedrill-opt-in` signed for it",
            ),
        ] {
            let (matching, scope) =
                (serde_json::from_str(matching).unwrap(), serde_json::from_str(scope).unwrap());
            assert_eq!(of(&matching, &scope), words);
        }
    }
}
