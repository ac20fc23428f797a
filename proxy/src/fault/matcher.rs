//! Which requests a fault is for: one matcher, used wherever requests are matched.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use http::{HeaderMap, Method, Uri, header};
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

    /// Whether a connection of plain bytes fits: only its client can be asked for.
    pub(crate) fn fits_connection(&self, client: IpAddr) -> bool {
        !self.needs_http() && self.fits_client(client)
    }

    /// Whether all that is given fits the request.
    pub(crate) fn fits(&self, request: &RequestParts<'_>) -> bool {
        let Self { method, path, host, headers, query, client: _, grpc } = self;
        method.as_ref().is_none_or(|glob| glob.matches(request.method.as_str()))
            && path.as_ref().is_none_or(|glob| glob.matches(request.uri.path()))
            && host.as_ref().is_none_or(|glob| glob.matches_ignoring_case(request.host()))
            && headers.iter().all(|(name, glob)| {
                let mut values = request.headers.get_all(name).iter();
                values.any(|value| value.to_str().is_ok_and(|value| glob.matches(value)) || glob.0 == "*")
            })
            && query.iter().all(|(name, glob)| request.query(name).any(|value| glob.matches(&value)))
            && grpc.as_ref().is_none_or(|glob| request.grpc().is_some_and(|method| glob.matches(method)))
            && self.fits_client(request.client)
    }

    fn fits_client(&self, client: IpAddr) -> bool {
        self.client.as_ref().is_none_or(|glob| glob.matches(&client.to_canonical().to_string()))
    }
}

/// What of a request a matcher looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestParts<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) client: IpAddr,
}

impl<'a> RequestParts<'a> {
    /// The host without its port; empty where there is none.
    fn host(&self) -> &'a str {
        if let Some(host) = self.uri.host() {
            return host;
        }
        let host = self.headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("");
        match host.rsplit_once(':') {
            // A colon inside brackets belongs to an IPv6 address.
            Some((name, port)) if port.bytes().all(|c| c.is_ascii_digit()) => name,
            _ => host,
        }
    }

    /// The values of a query parameter, decoded.
    fn query(&self, name: &str) -> impl Iterator<Item = String> {
        let pairs = self.uri.query().unwrap_or("").split('&');
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .filter(move |(key, _)| decoded(key) == name)
            .map(|(_, value)| decoded(value))
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&'a str> {
        let lines = self.headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(';')).find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name).then_some(value)
        })
    }

    /// The method of a gRPC call as `package.Service/Method`.
    fn grpc(&self) -> Option<&'a str> {
        let kind = self.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        if kind.starts_with("application/grpc") { self.uri.path().strip_prefix('/') } else { None }
    }
}

/// A part of a query with `+` and `%41` taken back; what is no escape stays as it is.
fn decoded(text: &str) -> String {
    let hex = |c: Option<&u8>| c.and_then(|c| char::from(*c).to_digit(16));
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        match (byte, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (b'+', ..) => {
                out.push(b' ');
                at += 1;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
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
    fn a_request_fits_when_all_that_is_given_fits() {
        let request = http::Request::post("/shop.Cart/Add?user=a%20b&n=1&n=2")
            .header("host", "Shop.test:8080")
            .header("x-tier", "gold")
            .header("content-type", "application/grpc+proto")
            .header("cookie", "a=1; session=77")
            .body(())
            .unwrap();
        let parts = RequestParts {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            client: "::ffff:10.0.0.7".parse().unwrap(),
        };
        for (json, fits) in [
            (r#"{}"#, true),
            (r#"{"method": "POST", "path": "/shop.*", "host": "shop.test"}"#, true),
            (r#"{"method": "POST", "path": "/other"}"#, false),
            (r#"{"headers": {"X-Tier": "gold"}}"#, true),
            (r#"{"headers": {"x-tier": "silver"}}"#, false),
            (r#"{"headers": {"x-none": "*"}}"#, false),
            (r#"{"query": {"user": "a b", "n": "2"}}"#, true),
            (r#"{"query": {"n": "3"}}"#, false),
            (r#"{"client": "10.0.0.*"}"#, true),
            (r#"{"client": "10.0.1.*"}"#, false),
            (r#"{"grpc": "shop.Cart/*"}"#, true),
            (r#"{"grpc": "shop.Stock/*"}"#, false),
        ] {
            let wanted: RequestMatch = serde_json::from_str(json).unwrap();
            assert_eq!(wanted.fits(&parts), fits, "{json}");
        }
        assert_eq!(parts.cookie("session"), Some("77"));
    }

    #[test]
    fn a_hostile_pattern_ends_soon() {
        let pattern = Glob("*a".repeat(50) + "b");
        assert!(!pattern.matches(&"a".repeat(5_000)));
    }
}
