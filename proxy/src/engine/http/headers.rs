//! What of a message's head is for one connection only, and what differs between the versions of HTTP.

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, Version, header};
use hyper::body::Body;

use super::payload::Payload;
use crate::control::wire::RouteSpec;

/// The host of an upstream that has no name and no address: a Unix socket, or wherever a connection was going.
const NO_NAME: HeaderValue = HeaderValue::from_static("localhost");

/// Headers that are meant for one connection only, besides those that `connection` names.
static HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// Takes out what is meant for one connection only.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
            .filter(|name| *name != header::TE)
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    if headers.contains_key(header::TRANSFER_ENCODING) {
        // It says where the body ends, whatever the length beside it says (RFC 9112, section 6.3).
        headers.remove(header::CONTENT_LENGTH);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    // Trailers are carried; no other transfer coding is.
    let Some(value) = headers.remove(header::TE) else { return };
    let named = |part: &[u8]| part.trim_ascii().eq_ignore_ascii_case(b"trailers");
    if value.as_bytes().split(|byte| *byte == b',').any(named) {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

/// Fits the head of a request to HTTP/1.1. What HTTP/2 says in fields of its own comes to stand where HTTP/1.1 has it, and
/// what the other versions may leave out is said.
pub(super) fn to_http1(request: &mut Request<Payload>, route: &RouteSpec) {
    if request.version() != Version::HTTP_11 {
        let authority = request.uri().authority().map(|authority| HeaderValue::from_str(authority.as_str()));
        if let Some(Ok(authority)) = authority {
            // It takes precedence over a `host` that was sent beside it (RFC 9113, section 8.3.1).
            request.headers_mut().insert(header::HOST, authority);
        } else if !request.headers().contains_key(header::HOST) {
            request.headers_mut().insert(header::HOST, host_of(route));
        }
    }
    if request.version() == Version::HTTP_2 {
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        join_cookies(request.headers_mut());
    }
    *request.version_mut() = Version::HTTP_11;
    let (body, headers) = (request.body(), request.headers());
    let is_told = headers.contains_key(header::CONTENT_LENGTH) || body.size_hint().exact().is_some();
    if !body.is_end_stream() && !is_told {
        // Without it a GET, whatever its body, is sent as one that has none.
        request.headers_mut().insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// What a request names that leads to the route's upstream and names none.
fn host_of(route: &RouteSpec) -> HeaderValue {
    let first = route.all_upstreams().next().filter(|upstream| Authority::try_from(*upstream).is_ok());
    first.and_then(|first| HeaderValue::from_str(first).ok()).unwrap_or(NO_NAME)
}

/// HTTP/2 may send cookies one by one; HTTP/1.1 knows one header for all (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return;
    }
    let all: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

/// Fits the head of a request to HTTP/2 on a connection of this scheme; false when it names no host, without which there
/// is none.
pub(super) fn to_http2(request: &mut Request<Payload>, scheme: &Scheme) -> bool {
    *request.version_mut() = Version::HTTP_2;
    if request.uri().authority().is_some() && request.uri().scheme() == Some(scheme) {
        return true;
    }
    let host = request.headers().get(header::HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.authority = parts.authority.or(host);
    parts.scheme = Some(scheme.clone());
    let found = parts.authority.is_some();
    parts.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
    if found && let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
        return true;
    }
    false
}
