//! What of a request is looked at.

use std::borrow::Cow;
use std::net::IpAddr;

use http::{HeaderMap, Method, Uri, header};

/// What of a request a matcher looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestParts<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) client: IpAddr,
    /// Seconds since 1970 by the wall clock, which what is signed expires by.
    pub(crate) unix_seconds: fn() -> u64,
}

impl<'a> RequestParts<'a> {
    /// The path without its query.
    pub(crate) fn path(&self) -> &'a str {
        self.uri.path()
    }

    /// The host without its port; empty where there is none.
    pub(crate) fn host(&self) -> &'a str {
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
    pub(super) fn query(&self, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
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
    pub(super) fn grpc(&self) -> Option<&'a str> {
        let kind = self.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        if kind.starts_with("application/grpc") { self.uri.path().strip_prefix('/') } else { None }
    }
}

/// A part of a query with `+` and `%41` taken back; what is no escape stays as it is.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
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
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}
