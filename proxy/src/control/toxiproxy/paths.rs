//! The paths, and what is at each. They are told apart after decoding, so a name may hold anything but a slash.

use axum::http::{Method, Uri};

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Version,
    Metrics,
    Reset,
    Populate,
    Proxies,
    CreateProxy,
    Proxy(String),
    UpdateProxy(String),
    DeleteProxy(String),
    Toxics(String),
    CreateToxic(String),
    Toxic(String, String),
    UpdateToxic(String, String),
    DeleteToxic(String, String),
}

/// What was found at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Here(Endpoint),
    WrongMethod,
    NoSuchPath,
    /// The same path, tidied.
    Moved(String),
    /// No path of this API.
    Foreign,
}

/// Whether a path belongs to this API.
pub(in crate::control) fn belongs(path: &str) -> bool {
    let tidied = tidied(&decoded(path).unwrap_or_else(|| path.to_owned()));
    matches!(tidied.split('/').nth(1), Some("proxies" | "populate" | "reset" | "version" | "metrics"))
}

pub(super) fn find(method: &Method, uri: &Uri) -> Found {
    if !belongs(uri.path()) {
        return Found::Foreign;
    }
    let Some(path) = decoded(uri.path()) else { return Found::NoSuchPath };
    let tidy = tidied(&path);
    if tidy != path {
        return Found::Moved(
            encoded(&tidy) + &uri.query().map(|query| format!("?{query}")).unwrap_or_default(),
        );
    }
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Found::NoSuchPath;
    }
    let name = |at: usize| parts[at].to_owned();
    let endpoint = match (&parts[..], method.as_str()) {
        (["version"], "GET") => Endpoint::Version,
        (["metrics"], _) => Endpoint::Metrics,
        (["reset"], "POST") => Endpoint::Reset,
        (["populate"], "POST") => Endpoint::Populate,
        (["proxies"], "GET") => Endpoint::Proxies,
        (["proxies"], "POST") => Endpoint::CreateProxy,
        (["proxies", _], "GET") => Endpoint::Proxy(name(1)),
        (["proxies", _], "POST" | "PATCH") => Endpoint::UpdateProxy(name(1)),
        (["proxies", _], "DELETE") => Endpoint::DeleteProxy(name(1)),
        (["proxies", _, "toxics"], "GET") => Endpoint::Toxics(name(1)),
        (["proxies", _, "toxics"], "POST") => Endpoint::CreateToxic(name(1)),
        (["proxies", _, "toxics", _], "GET") => Endpoint::Toxic(name(1), name(3)),
        (["proxies", _, "toxics", _], "POST" | "PATCH") => Endpoint::UpdateToxic(name(1), name(3)),
        (["proxies", _, "toxics", _], "DELETE") => Endpoint::DeleteToxic(name(1), name(3)),
        (
            ["version" | "reset" | "populate" | "proxies"]
            | ["proxies", _]
            | ["proxies", _, "toxics"]
            | ["proxies", _, "toxics", _],
            _,
        ) => return Found::WrongMethod,
        _ => return Found::NoSuchPath,
    };
    Found::Here(endpoint)
}

/// The path without doubled slashes, `.` and `..`; a slash at its end stays.
fn tidied(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let end = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    format!("/{}{end}", parts.join("/"))
}

/// The path with `%41` as `A`; nothing when an escape is none or the bytes are no text.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = rest else { return None };
        let digit = |c: &u8| char::from(*c).to_digit(16);
        bytes.push((digit(high)? * 16 + digit(low)?) as u8);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

fn encoded(path: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.~$&+:=@".contains(byte);
    let mut out = String::new();
    for byte in path.bytes() {
        if plain(&byte) { out.push(char::from(byte)) } else { out += &format!("%{byte:02X}") }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(request: &str) -> Found {
        let (method, uri) = request.split_once(' ').unwrap();
        find(&method.parse().unwrap(), &uri.parse().unwrap())
    }

    #[test]
    fn names_are_whatever_stands_between_two_slashes_after_decoding() {
        assert_eq!(at("GET /proxies/sp%20ace%3A%C3%A9@x"), Found::Here(Endpoint::Proxy("sp ace:é@x".into())));
        assert_eq!(
            at("PATCH /proxies/a/toxics/b%25"),
            Found::Here(Endpoint::UpdateToxic("a".into(), "b%".into()))
        );
        for gone in [
            "GET /proxies/a%2Fb",
            "GET /proxies/",
            "GET /proxies/a/toxics/b/c",
            "GET /proxies/a%2",
            "GET /reset/x",
        ] {
            assert_eq!(at(gone), Found::NoSuchPath, "{gone}");
        }
    }

    #[test]
    fn a_known_path_with_another_method_is_told_from_an_unknown_one() {
        for request in [
            "HEAD /version",
            "OPTIONS /proxies",
            "PATCH /proxies",
            "GET /reset",
            "PUT /proxies/a",
            "DELETE /proxies/a/toxics",
            "PUT /proxies/a/toxics/b",
            "GET /populate",
        ] {
            assert_eq!(at(request), Found::WrongMethod, "{request}");
        }
        for request in ["GET /v1/routes", "GET /", "GET /proxiesx"] {
            assert_eq!(at(request), Found::Foreign, "{request}");
        }
    }

    #[test]
    fn an_untidy_path_leads_to_the_tidy_one() {
        assert_eq!(at("GET //proxies?a=b"), Found::Moved("/proxies?a=b".into()));
        assert_eq!(at("GET /x/../proxies/a%20b/"), Found::Moved("/proxies/a%20b/".into()));
    }
}
