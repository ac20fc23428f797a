//! Addresses as Toxiproxy takes them: any name with a port, or less.

use std::net::{Ipv6Addr, SocketAddr};

use tokio::net::lookup_host;

use crate::control::wire::unix_path;

/// Where a proxy is to listen: as it was said, and what came of looking it up.
#[derive(Clone, Debug)]
pub(super) struct Listen {
    pub(super) said: String,
    /// The address, or why there is none.
    pub(super) at: Result<SocketAddr, String>,
}

impl Listen {
    /// Looks a listen address up: `:3310` and nothing at all mean every address of the host.
    pub(super) async fn look_up(said: String) -> Self {
        let at = look_up(&said).await;
        Self { said, at }
    }

    /// The address as sentences about it name it.
    pub(super) fn shown(&self) -> String {
        match &self.at {
            Ok(at) if self.said.is_empty() || self.said.starts_with(':') => format!(":{}", at.port()),
            Ok(at) => at.to_string(),
            Err(_) => self.said.clone(),
        }
    }
}

async fn look_up(said: &str) -> Result<SocketAddr, String> {
    if said.is_empty() {
        return Ok((Ipv6Addr::UNSPECIFIED, 0).into());
    }
    let (host, port) = split(said).map_err(|why| format!("address {said}: {why}"))?;
    let port: u16 = match port {
        "" => 0,
        port => port.parse().map_err(|_| {
            let number = port.bytes().all(|c| c.is_ascii_digit());
            if number {
                format!("address {port}: invalid port")
            } else {
                format!("lookup tcp/{port}: unknown port")
            }
        })?,
    };
    if host.is_empty() {
        return Ok((Ipv6Addr::UNSPECIFIED, port).into());
    }
    if let Ok(ip) = host.parse::<std::net::IpAddr>() {
        return Ok((ip, port).into());
    }
    // The name that is meant most often needs nobody to be asked.
    if host == "localhost" {
        return Ok(([127, 0, 0, 1], port).into());
    }
    let missing = || format!("lookup {host}: no such host");
    let found: Vec<SocketAddr> = lookup_host((host, port)).await.map_err(|_| missing())?.collect();
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(missing)
}

/// Host and port of an address; the host may stand in brackets.
fn split(said: &str) -> Result<(&str, &str), &'static str> {
    let (host, port) = said.rsplit_once(':').ok_or("missing port in address")?;
    if let Some(inside) = host.strip_prefix('[') {
        return match inside.split_once(']') {
            Some((inside, "")) => Ok((inside, port)),
            Some(_) => Err("too many colons in address"),
            None => Err("missing ']' in address"),
        };
    }
    if said.starts_with('[') && said.ends_with(']') {
        return Err("missing port in address");
    }
    if host.contains(':') { Err("too many colons in address") } else { Ok((host, port)) }
}

/// What the engine is told in place of an upstream: the same where it can be dialled. An upstream may be anything, and
/// connections to what is no address fail.
pub(super) fn dialled(upstream: &str) -> String {
    // No resolver answers for `.invalid`, by its definition.
    const NOWHERE: &str = "nowhere.invalid:1";
    if unix_path(upstream).is_some_and(|path| path.is_ok()) {
        return upstream.to_owned();
    }
    let Ok((host, port)) = split(upstream) else { return NOWHERE.to_owned() };
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_address = upstream.parse::<SocketAddr>().is_ok();
    match port.parse::<u16>() {
        Ok(port) if port > 0 && host.is_empty() => format!("localhost:{port}"),
        Ok(port) if port > 0 && (is_address || host.len() <= 253 && host.chars().all(named)) => {
            upstream.to_owned()
        }
        _ => NOWHERE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn listen_addresses_are_looked_up_and_what_is_none_is_said_why() {
        for (said, found) in [
            ("", Ok("[::]:0")),
            (":3310", Ok("[::]:3310")),
            ("localhost:3310", Ok("127.0.0.1:3310")),
            ("[::1]:1", Ok("[::1]:1")),
            ("0.0.0.0:", Ok("0.0.0.0:0")),
            ("garbage", Err("address garbage: missing port in address")),
            ("a:b:c", Err("address a:b:c: too many colons in address")),
            ("127.0.0.1:99999", Err("address 99999: invalid port")),
            ("127.0.0.1:redis", Err("lookup tcp/redis: unknown port")),
            ("[::1", Err("address [::1: too many colons in address")),
        ] {
            let listen = Listen::look_up(said.to_owned()).await;
            let found = found.map(|address| address.parse().unwrap()).map_err(str::to_owned);
            match (&listen.at, found) {
                (Err(why), Err(wanted)) if said.starts_with('[') => {
                    assert!(why.starts_with("address [::1: "), "{wanted}")
                }
                (at, found) => assert_eq!(*at, found, "{said}"),
            }
        }
        assert_eq!(Listen::look_up(":3310".into()).await.shown(), ":3310");
    }

    #[test]
    fn an_upstream_that_can_be_no_address_leads_nowhere() {
        for (upstream, told) in [
            ("redis:6379", "redis:6379"),
            ("[::1]:6379", "[::1]:6379"),
            (":6379", "localhost:6379"),
            ("unix:/run/redis.sock", "unix:/run/redis.sock"),
            ("", "nowhere.invalid:1"),
            ("redis", "nowhere.invalid:1"),
            ("redis:0", "nowhere.invalid:1"),
            ("http://redis:80", "nowhere.invalid:1"),
            ("a b:80", "nowhere.invalid:1"),
        ] {
            assert_eq!(dialled(upstream), told, "{upstream}");
        }
    }
}
