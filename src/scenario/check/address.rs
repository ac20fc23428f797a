//! `host:port` and URLs.

use std::net::SocketAddr;

use super::Checker;
use crate::text::{Span, quote};

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// To listen on: port 0 lets the kernel choose.
    Listen,
    /// To connect to.
    Connect,
}

/// Why a text is no `host:port`, if so.
pub(crate) fn defect(address: &str, used: Use) -> Option<String> {
    if address.contains("://") {
        return Some("is a URL".to_owned());
    }
    let Some((host, port)) = address.rsplit_once(':') else {
        return Some("has no port".to_owned());
    };
    let Ok(port) = port.parse::<u16>() else {
        return Some(format!("has the port {}, which is no number from 1 to 65535", quote(port)));
    };
    if port == 0 && used == Use::Connect {
        return Some("has the port 0, where nothing can answer".to_owned());
    }
    if address.parse::<SocketAddr>().is_ok() {
        return None;
    }
    let named = !host.is_empty()
        && host.len() <= 253
        && !host.starts_with(['-', '.'])
        && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    // All digits and points, yet no IP address: a name would not be looked up for it.
    let numeric = host.chars().all(|c| c.is_ascii_digit() || c == '.');
    (!named || numeric).then(|| format!("has the host {}, which is no name and no IP address", quote(host)))
}

/// Whether two listening addresses are the same place.
pub(crate) fn same_place(one: &str, other: &str) -> bool {
    let normal = |text: &str| text.replace("localhost:", "127.0.0.1:").parse::<SocketAddr>();
    match (normal(one), normal(other)) {
        (Ok(a), Ok(b)) => {
            a.port() != 0
                && a.port() == b.port()
                && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
        }
        _ => one == other && !one.ends_with(":0"),
    }
}

/// Why a text is no URL that can be asked, if so.
fn url_defect(url: &str) -> Option<String> {
    if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some("holds a space or a control character".to_owned());
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some("does not begin with `http://` or `https://`".to_owned());
    };
    if scheme != "http" && scheme != "https" {
        return Some(format!("begins with {}", quote(&format!("{scheme}://"))));
    }
    let Ok(uri) = url.parse::<http::Uri>() else {
        return Some("is not well formed".to_owned());
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("holds a user or a password".to_owned());
    }
    let (Some(host), port) = (uri.host().filter(|host| !host.is_empty()), uri.port()) else {
        return Some("names no host".to_owned());
    };
    let colon = authority.rsplit(']').next().unwrap_or_default().split_once(':');
    match (colon, port) {
        (Some(_), None) => Some("has an empty port or one that is no number".to_owned()),
        (_, Some(port)) if port.as_str().parse::<u16>().map_or(true, |port| port == 0) => {
            Some(format!("has the port {}, which is no number from 1 to 65535", quote(port.as_str())))
        }
        _ if host.starts_with('[') => None,
        _ => defect(&format!("{host}:1"), Use::Connect),
    }
}

/// The text with a stand-in for each `${steps.…}` and `${impact.at}`, which are known only while a playbook runs.
fn later(text: &str, stand_in: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(start) = rest.find("${") {
        let (inside, end) = match rest[start..].find('}') {
            Some(length) => (&rest[start + 2..start + length], start + length + 1),
            None => break,
        };
        out.push_str(&rest[..start]);
        let known_later = inside.starts_with("steps.") || inside == "impact.at";
        out.push_str(if known_later { stand_in } else { &rest[start..end] });
        rest = &rest[end..];
    }
    out + rest
}

impl Checker<'_> {
    /// The address, when it is one.
    pub(crate) fn address(&mut self, text: String, span: Span, used: Use) -> Option<String> {
        let Some(why) = defect(&text, used) else { return Some(text) };
        // Of a URL the part that is an address, when it is one.
        let inside = text.split_once("://").and_then(|(_, rest)| rest.split('/').next());
        let usual = match used {
            Use::Listen => "127.0.0.1:9001",
            Use::Connect => "payments.internal:443",
        };
        let example = inside.filter(|inside| defect(inside, used).is_none()).unwrap_or(usual);
        self.problems
            .error("bad-address", span, format!("the address {} {why}", quote(&text)))
            .help(format!("write `host:port`, for example `{example}`"));
        None
    }

    /// The URL, when it is one. What is put in later is taken for a word, or for a number.
    pub(crate) fn url(&mut self, text: String, span: Span) -> Option<String> {
        let shown = self
            .secrets
            .keys()
            .fold(text.clone(), |text, name| text.replace(&format!("${{secrets.{name}}}"), "secret"));
        let Some(why) = url_defect(&later(&shown, "value")) else { return Some(text) };
        let later = self.playbook.is_some().then(|| later(&shown, "1"));
        if later.is_some_and(|shown| url_defect(&shown).is_none()) {
            return Some(text);
        }
        self.problems
            .error("bad-url", span, format!("the URL {} {why}", quote(&shown)))
            .help("write for example `http://127.0.0.1:8080/health`; credentials belong into a header, from `secrets`");
        None
    }
}
