//! Which clients: an address, a network or a glob.

use std::fmt;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Glob;

/// Clients by their IP address: one (`10.0.0.7`), a network (`10.0.0.0/8`), or a glob (`10.0.*`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Clients(pub String);

impl Clients {
    /// What is wrong with it and the way out; nothing when it can be used.
    pub fn check(&self) -> Option<(String, String)> {
        self.compile().err()
    }

    pub(crate) fn compile(&self) -> Result<ClientSet, (String, String)> {
        let text = self.0.as_str();
        let no = |why: String, way_out: String| Err((why, way_out));
        if let Some((address, bits)) = text.split_once('/') {
            let parsed = (address.parse::<IpAddr>().ok(), bits.parse::<u32>().ok());
            let (Some(address), Some(bits)) = parsed else {
                return no("is no network".to_owned(), "write for example `10.0.0.0/8`".to_owned());
            };
            let width = if address.is_ipv4() { 32 } else { 128 };
            if bits > width {
                return no(format!("has more than {width} bits of network"), format!("write 0 to {width}"));
            }
            let network = Network { address, bits };
            let first = network.first();
            if first != address {
                let why = format!("names a host of the network {first}/{bits}");
                return no(why, format!("write `{first}/{bits}`, or the address alone"));
            }
            return Ok(ClientSet::Network(network));
        }
        if text.is_empty() || text.len() > 64 || text.contains(|c| !is_of_an_address(c)) {
            let why = "is neither an IP address nor a network nor a glob of addresses".to_owned();
            return no(why, "write for example `10.0.0.7`, `10.0.0.0/8` or `10.0.*`".to_owned());
        }
        if text.contains(['*', '?']) {
            return Ok(ClientSet::Glob(Glob(text.to_owned())));
        }
        match text.parse::<IpAddr>() {
            Ok(address) => Ok(ClientSet::One(address.to_canonical())),
            Err(_) => {
                no("is no IP address".to_owned(), "write for example `10.0.0.7` or `10.0.*`".to_owned())
            }
        }
    }
}

fn is_of_an_address(c: char) -> bool {
    c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '*' | '?')
}

impl fmt::Display for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Clients, ready to be looked for.
#[derive(Clone, Debug)]
pub(crate) enum ClientSet {
    One(IpAddr),
    Network(Network),
    Glob(Glob),
}

impl ClientSet {
    pub(crate) fn has(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        match self {
            Self::One(address) => *address == client,
            Self::Network(network) => network.has(client),
            Self::Glob(glob) => glob.0 == "*" || glob.matches(&client.to_string()),
        }
    }
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn first(self) -> IpAddr {
        match self.address {
            IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & mask(self.bits, 32) as u32).into()),
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & mask(self.bits, 128)).into()),
        }
    }

    fn has(self, client: IpAddr) -> bool {
        self.address.is_ipv4() == client.is_ipv4()
            && Self { address: client, bits: self.bits }.first() == self.address
    }
}

/// The first `bits` of `width`.
fn mask(bits: u32, width: u32) -> u128 {
    let host = width - bits;
    u128::MAX.checked_shl(host).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_meant_by_address_network_or_glob() {
        for (clients, client, expected) in [
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "::ffff:10.0.0.7", true),
            ("10.0.0.7", "10.0.0.8", false),
            ("10.0.0.0/8", "10.255.1.2", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("10.0.0.7/32", "10.0.0.7", true),
            ("10.0.0.7/32", "10.0.0.6", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("10.0.0.*", "10.0.0.9", true),
            ("10.0.1.*", "10.0.0.9", false),
            ("*", "::1", true),
        ] {
            let set = Clients(clients.into()).compile().unwrap();
            assert_eq!(set.has(client.parse().unwrap()), expected, "{clients} and {client}");
        }
    }

    #[test]
    fn what_names_no_clients_is_told() {
        for (clients, says) in [
            ("", "neither an IP address"),
            ("localhost", "neither an IP address"),
            ("~10.*", "neither an IP address"),
            ("10.0.0", "is no IP address"),
            ("10.0.0.0/33", "more than 32 bits"),
            ("::/129", "more than 128 bits"),
            ("10.0.0.0/", "is no network"),
            ("10.0.0.0/-1", "is no network"),
            ("a/8", "is no network"),
            ("10.1.0.0/8", "a host of the network 10.0.0.0/8"),
        ] {
            let (why, way_out) = Clients(clients.into()).check().unwrap();
            assert!(why.contains(says) && !way_out.is_empty(), "{clients}: {why}");
        }
    }
}
