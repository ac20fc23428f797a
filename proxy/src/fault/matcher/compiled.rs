//! A matcher made ready: patterns compiled once, when the fault is armed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use http::HeaderName;

use super::client::ClientSet;
use super::opt_in::Signed;
use super::pattern::{Pattern, Text};
use super::{RequestMatch, RequestParts};
use crate::fault::ParameterProblem;

/// The requests meant, ready to be looked for. The status of the answer is not looked at here.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    method: Option<Text>,
    path: Option<Text>,
    host: Option<Text>,
    headers: Vec<(HeaderName, Text)>,
    query: Vec<(String, Text)>,
    client: Option<ClientSet>,
    grpc: Option<Text>,
    opt_in: Option<Signed>,
    needs_http: bool,
}

impl Matcher {
    /// Made ready for one fault of one route, whose names what opts in is signed with.
    pub(crate) fn new(
        wanted: &RequestMatch,
        route: &str,
        fault: &str,
    ) -> Result<Self, Vec<ParameterProblem>> {
        let RequestMatch { method, path, host, headers, query, client, grpc, status: _, opt_in } = wanted;
        let mut problems = Vec::new();
        let matcher = Self {
            method: text(&mut problems, "method", method.as_ref(), false),
            path: text(&mut problems, "path", path.as_ref(), false),
            host: text(&mut problems, "host", host.as_ref(), true),
            headers: header_texts(&mut problems, headers),
            query: pairs(&mut problems, "query", query),
            client: client.as_ref().and_then(|clients| match clients.compile() {
                Ok(set) => Some(set),
                Err(refusal) => {
                    problems.push(problem("client", &clients.0, refusal));
                    None
                }
            }),
            grpc: text(&mut problems, "grpc", grpc.as_ref(), false),
            opt_in: opt_in.as_ref().and_then(|opt_in| opt_in.compile(route, fault)),
            needs_http: wanted.needs_http(),
        };
        problems.extend(opt_in.iter().flat_map(super::OptIn::check));
        if problems.is_empty() { Ok(matcher) } else { Err(problems) }
    }

    /// Whether a connection of plain bytes fits: only its client can be asked for.
    pub(crate) fn fits_connection(&self, client: IpAddr) -> bool {
        !self.needs_http && self.fits_client(client)
    }

    /// Whether all that is given fits the request.
    pub(crate) fn fits(&self, request: &RequestParts<'_>) -> bool {
        let Self { method, path, host, headers, query, client: _, grpc, opt_in, needs_http: _ } = self;
        let fits = |wanted: &Option<Text>, text: &str| wanted.as_ref().is_none_or(|wanted| wanted.fits(text));
        fits(method, request.method.as_str())
            && fits(path, request.path())
            && host.as_ref().is_none_or(|wanted| wanted.fits(request.host()))
            && headers.iter().all(|(name, wanted)| {
                let mut values = request.headers.get_all(name).iter();
                values
                    .any(|value| wanted.is_anything() || value.to_str().is_ok_and(|value| wanted.fits(value)))
            })
            && query.iter().all(|(name, wanted)| request.query(name).any(|value| wanted.fits(&value)))
            && grpc.as_ref().is_none_or(|wanted| request.grpc().is_some_and(|method| wanted.fits(method)))
            && self.fits_client(request.client)
            && opt_in.as_ref().is_none_or(|signed| signed.fits(request.headers, request.unix_seconds))
    }

    /// The header by which requests opt in.
    pub(crate) fn opt_in_header(&self) -> Option<&HeaderName> {
        self.opt_in.as_ref().map(Signed::header)
    }

    fn fits_client(&self, client: IpAddr) -> bool {
        self.client.as_ref().is_none_or(|set| set.has(client))
    }
}

fn problem(key: &str, value: &str, (why, way_out): (String, String)) -> ParameterProblem {
    const SHOWN: usize = 60;
    let shown: String = value.chars().take(SHOWN).collect();
    let more = if shown.len() < value.len() { "…" } else { "" };
    ParameterProblem::new(key, format!("`{}{more}` {why}", shown.escape_debug()), way_out)
}

fn text(
    problems: &mut Vec<ParameterProblem>,
    key: &str,
    pattern: Option<&Pattern>,
    ignoring_case: bool,
) -> Option<Text> {
    let pattern = pattern?;
    match pattern.compile(ignoring_case) {
        Ok(text) => Some(text),
        Err(refusal) => {
            problems.push(problem(key, &pattern.0, refusal));
            None
        }
    }
}

/// More of one kind are refused.
const PAIRS_MAX: usize = 32;

fn pairs(
    problems: &mut Vec<ParameterProblem>,
    key: &str,
    given: &BTreeMap<String, Pattern>,
) -> Vec<(String, Text)> {
    if given.len() > PAIRS_MAX {
        let why = format!("names {} of them, at most {PAIRS_MAX} can be", given.len());
        problems.push(ParameterProblem::new(key, why, "name those that tell requests apart"));
        return Vec::new();
    }
    let ready = given.iter().map(|(name, pattern)| {
        let place = format!("{key}.{}", name.escape_debug());
        Some((name.clone(), text(problems, &place, Some(pattern), false)?))
    });
    ready.collect::<Vec<_>>().into_iter().flatten().collect()
}

fn header_texts(
    problems: &mut Vec<ParameterProblem>,
    given: &BTreeMap<String, Pattern>,
) -> Vec<(HeaderName, Text)> {
    let mut ready = Vec::new();
    for (name, wanted) in pairs(problems, "headers", given) {
        match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => ready.push((name, wanted)),
            Err(_) => problems.push(problem(
                "headers",
                &name,
                ("is no name of an HTTP header".to_owned(), "use letters, digits and `-`".to_owned()),
            )),
        }
    }
    ready
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(json: &str) -> Result<Matcher, String> {
        let wanted: RequestMatch = serde_json::from_str(json).unwrap();
        Matcher::new(&wanted, "shop", "slow")
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn a_request_fits_when_all_that_is_given_fits() {
        let request = http::Request::post("/shop.Cart/Add?user=a%20b&n=1&n=2")
            .header("host", "Shop.test:8080")
            .header("x-tier", "gold")
            .header("x-raw", &b"\xff"[..])
            .header("content-type", "application/grpc+proto")
            .header("cookie", "a=1; session=77")
            .body(())
            .unwrap();
        let parts = RequestParts {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            client: "::ffff:10.0.0.7".parse().unwrap(),
            unix_seconds: || 0,
        };
        for (json, fits) in [
            (r#"{}"#, true),
            (r#"{"method": "POST", "path": "/shop.*", "host": "shop.test"}"#, true),
            (r#"{"method": "~POST|PUT", "path": "~/shop\\.(Cart|Stock)/.*", "host": "~SHOP\\.test"}"#, true),
            (r#"{"method": "~PUT|PATCH"}"#, false),
            (r#"{"method": "POST", "path": "/other"}"#, false),
            (r#"{"path": "~/shop"}"#, false),
            (r#"{"headers": {"X-Tier": "gold"}}"#, true),
            (r#"{"headers": {"X-Tier": "~g.l[a-d]"}}"#, true),
            (r#"{"headers": {"x-tier": "silver"}}"#, false),
            (r#"{"headers": {"x-none": "*"}}"#, false),
            (r#"{"headers": {"x-raw": "*"}}"#, true),
            (r#"{"headers": {"x-raw": "~.*"}}"#, false),
            (r#"{"query": {"user": "a b", "n": "2"}}"#, true),
            (r#"{"query": {"user": "~a\\sb", "n": "~[12]"}}"#, true),
            (r#"{"query": {"n": "3"}}"#, false),
            (r#"{"client": "10.0.0.*"}"#, true),
            (r#"{"client": "10.0.0.0/24"}"#, true),
            (r#"{"client": "10.0.1.*"}"#, false),
            (r#"{"grpc": "shop.Cart/*"}"#, true),
            (r#"{"grpc": "~shop\\..*/(Add|Remove)"}"#, true),
            (r#"{"grpc": "shop.Stock/*"}"#, false),
            (r#"{"opt_in": {"secret": "0123456789abcdef"}}"#, false),
        ] {
            assert_eq!(ready(json).unwrap().fits(&parts), fits, "{json}");
        }
        assert_eq!(parts.cookie("session"), Some("77"));
    }

    #[test]
    fn what_cannot_be_looked_for_is_told_with_its_key() {
        let many: Vec<String> = (0..33).map(|n| format!("\"h{n}\": \"*\"")).collect();
        let many = format!(r#"{{"headers": {{{}}}}}"#, many.join(","));
        for (json, says) in [
            (
                r#"{"path": "~/v1/(a"}"#,
                "`path` `~/v1/(a` is no regular expression: unclosed group at character 5",
            ),
            (r#"{"headers": {"x-a": "~["}}"#, "`headers.x-a` `~[` is no regular expression"),
            (r#"{"headers": {"x a": "1"}}"#, "`headers` `x a` is no name of an HTTP header"),
            (r#"{"query": {"q": ""}}"#, "`query.q` `` is empty"),
            (r#"{"client": "10.0.0.1/8"}"#, "`client` `10.0.0.1/8` names a host"),
            (r#"{"opt_in": {"secret": "x"}}"#, "`opt_in.secret` has 1 bytes"),
            (&many, "`headers` names 33 of them"),
        ] {
            let said = ready(json).unwrap_err();
            assert!(said.contains(says), "{json}: {said}");
        }
        assert!(ready(r#"{"path": "~(", "method": ""}"#).unwrap_err().contains("; "), "all of it at once");
    }
}
