//! A route as it is asked for: where connections come from and where they go to, and every rule about it.

mod tls;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use tls::host_of;
pub use tls::{GENERATED_NAMES, RouteTls, SniRule, TLS_NAMES_MAX, TlsTerminate, TlsUpstream};

use super::Protocol;
use crate::fault::{EnvoyHeaders, ParameterProblem};
use crate::quantity::Period;

/// The most upstreams that one route has.
pub const UPSTREAMS_MAX: usize = 16;
/// The most connections that one route can be allowed.
pub const CONNECTIONS_MAX: u64 = 1_000_000;
/// How long one attempt to reach an upstream takes at most, unless the route says otherwise.
pub const DIAL_TIMEOUT: Period = Period::from_secs(10);
const DIAL_TIMEOUT_MAX: Period = Period::from_secs(300);
const IDLE_TIMEOUT_MIN: Period = Period::from_millis(10);
/// What precedes the path of a Unix socket.
const UNIX: &str = "unix:";
/// What the kernel has room for, its closing zero byte not counted.
const UNIX_PATH_MAX: usize = 107;

/// One listen→upstream pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteSpec {
    /// Its name, unique in this proxy.
    pub name: String,
    /// Where it listens: `address:port` (port 0 lets the kernel choose), or `unix:/path`.
    pub listen: String,
    /// Where it leads: `host:port`, or `unix:/path`. Either this, `upstreams` or `transparent`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub upstream: String,
    /// Where it leads, one after the other in turn; one that cannot be reached is left out for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<String>,
    /// What its bytes are.
    #[serde(default)]
    pub protocol: Protocol,
    /// Whether addresses of clients come, or are sent on, in the header that HAProxy made up.
    #[serde(default, skip_serializing_if = "ProxyProtocol::is_default")]
    pub proxy_protocol: ProxyProtocol,
    /// Leads each connection to where it was going before the kernel redirected it here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transparent: bool,
    /// A transparent route that must be able to take connections by TPROXY, and not only redirected ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tproxy: bool,
    /// HTTP requests and their answers carry an `x-firedrill-fault` header that names the faults that hit them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mark_faults: bool,
    /// Open connections that it may have; more are reset, and counted as refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections_max: Option<u64>,
    /// A connection on which nothing has moved for so long is closed; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Period>,
    /// How long one attempt to reach an upstream may take; absent: 10s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dial_timeout: Option<Period>,
    /// Whether requests may ask for faults by Envoy's headers; absent: no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envoy_headers: Option<EnvoyHeaders>,
    /// Whether it speaks TLS with clients, or with the upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<RouteTls>,
    /// Where connections lead by the name in the client's TLS hello, which passes undecrypted; the first that fits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sni: Vec<SniRule>,
    /// Whether it listens. Switched off, it keeps its faults and its counts.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub enabled: bool,
}

const fn yes() -> bool {
    true
}

const fn is_yes(flag: &bool) -> bool {
    *flag
}

/// The PROXY protocol on a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProxyProtocol {
    /// Every connection must begin with such a header, of version 1 or 2; its client is the client.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub accept: bool,
    /// Every connection to the upstream begins with a header of this version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<ProxyVersion>,
}

impl ProxyProtocol {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A version of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

impl RouteSpec {
    /// A route that listens; everything else is as it is by default.
    pub fn new(
        name: impl Into<String>,
        listen: impl Into<String>,
        upstream: impl Into<String>,
        protocol: Protocol,
    ) -> Self {
        Self {
            name: name.into(),
            listen: listen.into(),
            upstream: upstream.into(),
            upstreams: Vec::new(),
            protocol,
            proxy_protocol: ProxyProtocol::default(),
            transparent: false,
            tproxy: false,
            mark_faults: false,
            connections_max: None,
            idle_timeout: None,
            dial_timeout: None,
            envoy_headers: None,
            tls: None,
            sni: Vec::new(),
            enabled: true,
        }
    }

    /// Every upstream that is written, in order; none on a transparent route.
    pub fn all_upstreams(&self) -> impl Iterator<Item = &str> {
        let one = (!self.upstream.is_empty()).then_some(self.upstream.as_str());
        one.into_iter().chain(self.upstreams.iter().map(String::as_str))
    }

    /// Where it leads, in words.
    pub fn leads_to(&self) -> String {
        if self.transparent {
            return "where each connection was going".to_owned();
        }
        let by_name = self.sni.iter().map(|rule| format!("{} for {}", rule.upstream, rule.name));
        by_name.chain(self.all_upstreams().map(str::to_owned)).collect::<Vec<_>>().join(", ")
    }

    /// What contradicts itself or is out of bounds, by key. The addresses themselves are not looked at.
    pub fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = self.destination().into_iter().collect::<Vec<_>>();
        let mut add = |key: &str, why: &str, way_out: &str| {
            problems.push(ParameterProblem::new(key, why, way_out));
        };
        let on_unix = self.listen.starts_with(UNIX);
        if self.transparent && on_unix {
            add(
                "transparent",
                "needs an address to which connections are redirected",
                "listen on `address:port`",
            );
        }
        if self.transparent && self.proxy_protocol.accept {
            add(
                "proxy_protocol",
                "`accept` contradicts `transparent`: a redirected client sends no header",
                "leave out one of the two",
            );
        }
        if self.tproxy && !self.transparent {
            add("tproxy", "stands without `transparent: true`", "add it, or leave `tproxy` out");
        }
        if self.mark_faults && self.protocol == Protocol::Tcp {
            add(
                "mark_faults",
                "needs HTTP, and this route is `protocol: tcp`",
                "leave it out, or say `protocol: http` or `auto`",
            );
        }
        if self.connections_max.is_some_and(|max| !(1..=CONNECTIONS_MAX).contains(&max)) {
            add("connections_max", "is not within 1 to 1000000", "leave it out for the proxy's own limit");
        }
        if self.idle_timeout.is_some_and(|timeout| timeout < IDLE_TIMEOUT_MIN) {
            add("idle_timeout", "is shorter than 10ms", "leave it out to keep idle connections");
        }
        if self.dial_timeout.is_some_and(|timeout| timeout.is_zero() || timeout > DIAL_TIMEOUT_MAX) {
            add("dial_timeout", "is not more than nothing and at most 5m", "leave it out for 10s");
        }
        if self.envoy_headers.is_some() && self.protocol == Protocol::Tcp {
            add("envoy_headers", "needs HTTP requests, and the route is `tcp`", "make it `http` or `auto`");
        }
        let within = self.envoy_headers.iter().flat_map(EnvoyHeaders::check);
        problems.extend(within.map(|problem| problem.within("envoy_headers")));
        problems.extend(self.tls.iter().flat_map(|tls| tls.check(self)));
        if !self.sni.is_empty() {
            problems.extend(tls::check_sni(self));
        }
        problems
    }

    /// What is wrong with where it leads.
    fn destination(&self) -> Option<ParameterProblem> {
        let given = [!self.upstream.is_empty(), !self.upstreams.is_empty(), self.transparent];
        let no = |key: &str, why: &str, way_out: &str| Some(ParameterProblem::new(key, why, way_out));
        match given.into_iter().filter(|given| *given).count() {
            0 if !self.sni.is_empty() => None,
            0 => no("upstream", "is missing", "write `host:port`, or give `upstreams` or `transparent`"),
            1 if self.upstreams.len() > UPSTREAMS_MAX => {
                no("upstreams", "names more than 16", "put what balances load before them")
            }
            1 => {
                let twice = |n: usize| self.upstreams[..n].contains(&self.upstreams[n]);
                let twice = (0..self.upstreams.len()).find(|n| twice(*n))?;
                let why = format!("names `{}` twice", self.upstreams[twice].escape_debug());
                Some(ParameterProblem::new("upstreams", why, "name each one once"))
            }
            _ if self.transparent => {
                no("transparent", "contradicts an upstream: each connection brings its own", "leave out one")
            }
            _ => no("upstreams", "contradicts `upstream`", "write all of them into `upstreams`"),
        }
    }
}

/// The path in `unix:/path`: nothing when the text begins otherwise, or why it can be none.
pub fn unix_path(text: &str) -> Option<Result<&Path, &'static str>> {
    let path = text.strip_prefix(UNIX)?;
    Some(if !path.starts_with('/') {
        Err("is no absolute path after `unix:`")
    } else if path.len() > UNIX_PATH_MAX {
        Err("is longer than 107 bytes, which the kernel has no room for")
    } else if path.ends_with('/') || path.contains('\0') {
        Err("names no file after `unix:`")
    } else {
        Ok(Path::new(path))
    })
}

/// The address that a route has in fact bound. As text: `127.0.0.1:9001` or `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bound {
    /// An address and a port.
    Tcp(SocketAddr),
    /// The path of a socket.
    Unix(PathBuf),
}

impl Bound {
    /// The address and port, when it has them.
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match unix_path(text) {
            Some(Ok(path)) => Ok(Self::Unix(path.to_owned())),
            Some(Err(why)) => Err(format!("`{}` {why}", text.escape_debug())),
            None => text
                .parse()
                .map(Self::Tcp)
                .map_err(|_| format!("`{}` is neither `address:port` nor `unix:/path`", text.escape_debug())),
        }
    }
}

impl Serialize for Bound {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Bound {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bound".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "The address in fact bound: `address:port` or `unix:/path`."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(keys: &str) -> String {
        let json = format!(r#"{{"name": "r", "listen": "127.0.0.1:0", {keys}}}"#);
        let spec: RouteSpec = serde_json::from_str(&json).unwrap();
        spec.check().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_route_leads_to_exactly_one_kind_of_place() {
        for good in [
            r#""upstream": "a:1""#,
            r#""upstreams": ["a:1", "b:1"]"#,
            r#""transparent": true"#,
            r#""transparent": true, "tproxy": true"#,
            r#""upstream": "a:1", "mark_faults": true"#,
            r#""upstream": "a:1", "connections_max": 1, "idle_timeout": "1s", "dial_timeout": "300s""#,
            r#""upstream": "a:1", "proxy_protocol": {"accept": true, "send": "v2"}"#,
        ] {
            assert_eq!(problems(good), "", "{good}");
        }
        for (bad, says) in [
            (r#""protocol": "tcp""#, "`upstream` is missing"),
            (r#""upstreams": []"#, "`upstream` is missing"),
            (r#""upstream": "a:1", "upstreams": ["b:1"]"#, "`upstreams` contradicts `upstream`"),
            (r#""upstream": "a:1", "transparent": true"#, "`transparent` contradicts an upstream"),
            (r#""upstreams": ["a:1", "b:1", "a:1"]"#, "names `a:1` twice"),
            (r#""transparent": true, "proxy_protocol": {"accept": true}"#, "sends no header"),
            (r#""upstream": "a:1", "tproxy": true"#, "stands without `transparent: true`"),
            (r#""upstream": "a:1", "protocol": "tcp", "mark_faults": true"#, "needs HTTP"),
            (r#""upstream": "a:1", "connections_max": 0"#, "1 to 1000000"),
            (r#""upstream": "a:1", "idle_timeout": "1ms""#, "shorter than 10ms"),
            (r#""upstream": "a:1", "dial_timeout": "0s""#, "at most 5m"),
            (r#""upstream": "a:1", "dial_timeout": "301s""#, "at most 5m"),
        ] {
            assert!(problems(bad).contains(says), "{bad}: {}", problems(bad));
        }
        let many: Vec<String> = (1..=17).map(|n| format!("\"a:{n}\"")).collect();
        assert!(problems(&format!("\"upstreams\": [{}]", many.join(","))).contains("more than 16"));
    }

    #[test]
    fn bound_addresses_travel_as_text() {
        for text in ["127.0.0.1:9001", "[::1]:80", "unix:/run/shop.sock"] {
            let bound: Bound = text.parse().unwrap();
            assert_eq!(bound.to_string(), text);
            let json = serde_json::to_string(&bound).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Bound>(&json).unwrap(), bound);
        }
        for bad in ["9001", "localhost:1", "unix:run/shop.sock", "unix:/run/", "unix:"] {
            assert!(bad.parse::<Bound>().unwrap_err().contains(bad), "{bad}");
        }
        assert!(format!("unix:/{}", "a".repeat(107)).parse::<Bound>().is_err());
    }
}
