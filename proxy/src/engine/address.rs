//! Where one upstream is, checked once.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::EngineError;
use crate::control::wire::{RouteSpec, unix_path};

/// The longest name that can be looked up.
const NAME_MAX: usize = 253;

/// An address, a name to look up when it is dialled, or the path of a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Upstream {
    Address(SocketAddr),
    Name { host: String, port: u16 },
    Unix(PathBuf),
}

impl Upstream {
    /// Every upstream of a route, in the order in which they are written.
    pub(super) fn all(spec: &RouteSpec) -> Result<Vec<Self>, EngineError> {
        spec.all_upstreams().map(|text| Self::one(spec, text)).collect()
    }

    /// One upstream of a route.
    pub(super) fn one(spec: &RouteSpec, text: &str) -> Result<Self, EngineError> {
        Self::read(text)
            .ok_or_else(|| EngineError::BadUpstream { route: spec.name.clone(), value: text.to_owned() })
    }

    fn read(text: &str) -> Option<Self> {
        if let Some(path) = unix_path(text) {
            return path.ok().map(|path| Self::Unix(path.to_owned()));
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return (address.port() != 0).then_some(Self::Address(address));
        }
        let (host, port) = text.rsplit_once(':')?;
        let port: u16 = port.parse().ok()?;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let named = !host.is_empty() && host.len() <= NAME_MAX && host.chars().all(fits);
        (port != 0 && named).then(|| Self::Name { host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::wire::Protocol;

    #[test]
    fn upstreams_are_hosts_with_ports_or_paths() {
        let read =
            |upstream: &str| Upstream::all(&RouteSpec::new("r", "127.0.0.1:0", upstream, Protocol::Tcp));
        for good in ["127.0.0.1:80", "[::1]:80", "payments.internal:443", "unix:/run/shop.sock"] {
            assert_eq!(read(good).unwrap().len(), 1);
        }
        for bad in [
            "80",
            "host",
            "host:",
            ":80",
            "host:0",
            "127.0.0.1:0",
            "http://host:80",
            "a b:1",
            "unix:shop",
            "unix:/",
        ] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains("host:port") && error.contains("unix:/path"), "{bad}: {error}");
        }
    }
}
