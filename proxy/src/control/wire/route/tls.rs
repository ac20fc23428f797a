//! TLS on a route: ended here, begun here, or read from outside without being decrypted.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Protocol, RouteSpec, unix_path};
use crate::fault::{Glob, ParameterProblem};

/// The most names that one generated certificate is for, and the most entries of `sni`.
pub const TLS_NAMES_MAX: usize = 64;
/// What a generated certificate is for, unless names are given.
pub const GENERATED_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// The longest name that DNS knows.
const NAME_MAX: usize = 253;

/// How a route encrypts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteTls {
    /// Clients speak TLS, which ends here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminate: Option<TlsTerminate>,
    /// The upstream is spoken to in TLS: `true`, or how.
    #[serde(deserialize_with = "switched", skip_serializing_if = "Option::is_none")]
    pub upstream: Option<TlsUpstream>,
}

/// With what a route answers clients that speak TLS. Either files, or `generated`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsTerminate {
    /// A file with the certificate and those that lead to its CA, as PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// A file with its private key, as PEM. Only its owner may read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// The certificate is made here, signed by the test CA that `firedrill ca` prints.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub generated: bool,
    /// Names and addresses that the generated certificate is for; absent: localhost, 127.0.0.1 and ::1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// A file with the CAs, as PEM, one of which must have signed the certificate that each client then has to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
}

/// How a route speaks TLS to its upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsUpstream {
    /// A file with the CAs, as PEM, that are trusted instead of those of this host.
    pub ca: Option<PathBuf>,
    /// The name that its certificate must be for; absent: the host of the upstream.
    pub server_name: Option<String>,
    /// A file with the certificate that is shown to it, as PEM.
    pub certificate: Option<PathBuf>,
    /// A file with the private key of that, as PEM. Only its owner may read it.
    pub key: Option<PathBuf>,
    /// Whether its certificate is checked.
    pub verify: bool,
}

impl Default for TlsUpstream {
    fn default() -> Self {
        Self { ca: None, server_name: None, certificate: None, key: None, verify: true }
    }
}

/// Where a connection leads whose client asks for a name that fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SniRule {
    /// The name in the client's hello, without regard to case: `shop.example`, `*.shop.example`, `*`.
    pub name: Glob,
    /// Where it leads: `host:port`, or `unix:/path`.
    pub upstream: String,
}

/// [`TlsUpstream`] as a block of keys.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct UpstreamKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verify: Option<bool>,
}

impl Serialize for TlsUpstream {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if *self == Self::default() {
            return to.serialize_bool(true);
        }
        let Self { ca, server_name, certificate, key, verify } = self.clone();
        let verify = if verify { None } else { Some(false) };
        UpstreamKeys { ca, server_name, certificate, key, verify }.serialize(to)
    }
}

/// `true`, `false` or a block of keys.
fn switched<'de, D: Deserializer<'de>>(from: D) -> Result<Option<TlsUpstream>, D::Error> {
    struct Visitor;
    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Option<TlsUpstream>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(
                "`true`, `false`, or a block with `ca`, `server_name`, `certificate`, `key`, `verify`",
            )
        }

        fn visit_bool<E>(self, on: bool) -> Result<Self::Value, E> {
            Ok(on.then(TlsUpstream::default))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            let keys = UpstreamKeys::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
            let UpstreamKeys { ca, server_name, certificate, key, verify } = keys;
            Ok(Some(TlsUpstream { ca, server_name, certificate, key, verify: verify.unwrap_or(true) }))
        }
    }
    from.deserialize_any(Visitor)
}

impl JsonSchema for TlsUpstream {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TlsUpstream".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let keys = generator.subschema_for::<UpstreamKeys>();
        schemars::json_schema!({"oneOf": [{"type": "boolean"}, keys]})
    }
}

impl RouteTls {
    /// What contradicts itself, by key. Files are not looked at.
    pub(super) fn check(&self, route: &RouteSpec) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        let mut add = |key: &str, why: &str, way_out: &str| {
            problems.push(ParameterProblem::new(key, why, way_out));
        };
        if self.terminate.is_none() && self.upstream.is_none() {
            add("tls", "says neither `terminate` nor `upstream`", "give one of them, or leave `tls` out");
        }
        if route.protocol == Protocol::Auto {
            add(
                "tls",
                "needs to know what is encrypted, and `protocol: auto` does not say it",
                "write `protocol: http` or `protocol: tcp`",
            );
        }
        if let Some(terminate) = &self.terminate {
            problems.extend(terminate.check());
        }
        if let Some(upstream) = &self.upstream {
            problems.extend(upstream.check(route));
        }
        problems
    }
}

/// What it does, in words: `TLS ends here (a certificate made for localhost); TLS to the upstream`.
impl fmt::Display for RouteTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(terminate) = &self.terminate {
            match (&terminate.certificate, terminate.names.is_empty()) {
                (Some(file), _) => write!(f, "TLS ends here ({})", file.display())?,
                (None, true) => {
                    write!(f, "TLS ends here (a certificate made for {})", GENERATED_NAMES.join(", "))?;
                }
                (None, false) => {
                    write!(f, "TLS ends here (a certificate made for {})", terminate.names.join(", "))?;
                }
            }
            if terminate.client_ca.is_some() {
                f.write_str(", clients show a certificate")?;
            }
        }
        let Some(upstream) = &self.upstream else { return Ok(()) };
        f.write_str(if self.terminate.is_some() { "; TLS to the upstream" } else { "TLS to the upstream" })?;
        if let Some(name) = &upstream.server_name {
            write!(f, " as {name}")?;
        }
        f.write_str(if upstream.verify { "" } else { ", its certificate is not checked" })
    }
}

impl TlsTerminate {
    fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        let mut add = |key: &str, why: String, way_out: &str| {
            problems.push(ParameterProblem::new(&format!("tls.terminate.{key}"), why, way_out));
        };
        let with_files = "give `certificate` and `key`, or `generated: true`";
        match (self.certificate.is_some(), self.key.is_some(), self.generated) {
            (true, true, false) | (false, false, true) => {}
            (_, _, true) => {
                add("generated", "contradicts `certificate` and `key`".to_owned(), "leave out one")
            }
            (false, true, false) => add("certificate", "is missing".to_owned(), with_files),
            (true, false, false) => add("key", "is missing".to_owned(), with_files),
            (false, false, false) => add("certificate", "is missing".to_owned(), with_files),
        }
        if !self.names.is_empty() && !self.generated {
            add(
                "names",
                "are those of a generated certificate".to_owned(),
                "leave them out, or write `generated: true`",
            );
        }
        if self.names.len() > TLS_NAMES_MAX {
            add(
                "names",
                format!("are more than {TLS_NAMES_MAX}"),
                "use a wildcard, for example `*.shop.example`",
            );
        }
        for name in self.names.iter().filter(|name| !is_certificate_name(name)) {
            let why = format!("hold `{}`, which is neither a name nor an address", name.escape_debug());
            add("names", why, "write for example `shop.example`, `*.shop.example` or `10.0.0.7`");
        }
        problems
    }
}

impl TlsUpstream {
    fn check(&self, route: &RouteSpec) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        let mut add = |key: &str, why: &str, way_out: &str| {
            problems.push(ParameterProblem::new(&format!("tls.upstream.{key}"), why, way_out));
        };
        if self.certificate.is_some() != self.key.is_some() {
            let (here, missing) =
                if self.key.is_some() { ("key", "certificate") } else { ("certificate", "key") };
            add(missing, &format!("is missing beside `{here}`"), "give both, or neither");
        }
        if !self.verify && self.ca.is_some() {
            add("verify", "is false, so `ca` would say nothing", "leave out one of the two");
        }
        if let Some(name) = &self.server_name {
            if !is_name(name) {
                add(
                    "server_name",
                    "is neither a name nor an address",
                    "write for example `payments.internal`",
                );
            }
        } else {
            let hosts: Vec<_> = route.all_upstreams().map(host_of).collect();
            if hosts.is_empty() || hosts.iter().any(Option::is_none) {
                add(
                    "server_name",
                    "is missing, and the upstream has no name",
                    "give the name of its certificate",
                );
            } else if hosts.windows(2).any(|pair| pair[0] != pair[1]) {
                add(
                    "server_name",
                    "is missing, and the upstreams have several names",
                    "give the name that the certificates of all of them are for",
                );
            }
        }
        problems
    }
}

/// What is wrong with the rules about names in hellos.
pub(super) fn check_sni(route: &RouteSpec) -> Vec<ParameterProblem> {
    let mut problems = Vec::new();
    let mut add = |key: &str, why: String, way_out: &str| {
        problems.push(ParameterProblem::new(key, why, way_out));
    };
    if route.protocol != Protocol::Tcp {
        add("sni", "is for encrypted bytes that pass unread".to_owned(), "write `protocol: tcp`");
    }
    if route.tls.is_some() {
        add("sni", "contradicts `tls`, which decrypts".to_owned(), "leave out one of the two");
    }
    if route.sni.len() > TLS_NAMES_MAX {
        add("sni", format!("has more than {TLS_NAMES_MAX} entries"), "use globs, or a second route");
    }
    for (n, rule) in route.sni.iter().enumerate() {
        if rule.name.0.is_empty() || rule.name.0.len() > NAME_MAX {
            add(&format!("sni[{n}].name"), "is no name".to_owned(), "write for example `*.shop.example`");
        }
        if route.sni[..n].iter().any(|before| before.name == rule.name) {
            let why = format!("is `{}` once more, and the first one wins", rule.name.0.escape_debug());
            add(&format!("sni[{n}].name"), why, "leave it out");
        }
    }
    problems
}

/// The host of `host:port`.
pub(crate) fn host_of(upstream: &str) -> Option<&str> {
    if unix_path(upstream).is_some() {
        return None;
    }
    let (host, _) = upstream.rsplit_once(':')?;
    Some(host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host))
}

fn is_name(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || rustls::pki_types::DnsName::try_from(text).is_ok()
}

fn is_certificate_name(text: &str) -> bool {
    is_name(text.strip_prefix("*.").unwrap_or(text))
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
    fn what_contradicts_itself_is_found_all_at_once() {
        let http = r#""upstream": "a:1", "protocol": "http", "tls""#;
        for good in [
            format!(
                r#"{http}: {{"terminate": {{"generated": true, "names": ["*.shop.example", "10.0.0.1", "::1"]}}}}"#
            ),
            format!(
                r#"{http}: {{"terminate": {{"certificate": "c", "key": "k", "client_ca": "a"}}, "upstream": true}}"#
            ),
            format!(r#"{http}: {{"upstream": {{"verify": false, "server_name": "10.0.0.1"}}}}"#),
            r#""upstreams": ["a:1", "a:2"], "protocol": "tcp", "tls": {"upstream": true}"#.to_owned(),
            r#""protocol": "tcp", "sni": [{"name": "*.a", "upstream": "a:1"}]"#.to_owned(),
        ] {
            assert_eq!(problems(&good), "", "{good}");
        }
        for (bad, says) in [
            (format!("{http}: {{}}"), vec!["neither `terminate` nor `upstream`"]),
            (r#""upstream": "a:1", "tls": {"upstream": true}"#.to_owned(), vec!["`protocol: auto` does not say"]),
            (format!(r#"{http}: {{"terminate": {{}}}}"#), vec!["`tls.terminate.certificate` is missing"]),
            (
                format!(r#"{http}: {{"terminate": {{"key": "k", "names": ["a b"]}}}}"#),
                vec!["`tls.terminate.certificate` is missing", "`tls.terminate.names` are those of", "hold `a b`"],
            ),
            (
                format!(r#"{http}: {{"terminate": {{"certificate": "c", "key": "k", "generated": true}}}}"#),
                vec!["`tls.terminate.generated` contradicts"],
            ),
            (
                format!(r#"{http}: {{"upstream": {{"certificate": "c", "ca": "a", "verify": false, "server_name": "a b"}}}}"#),
                vec!["`tls.upstream.key` is missing beside", "`ca` would say nothing", "`tls.upstream.server_name` is neither"],
            ),
            (
                r#""upstream": "unix:/a", "protocol": "http", "tls": {"upstream": true}"#.to_owned(),
                vec!["the upstream has no name"],
            ),
            (
                r#""upstreams": ["a:1", "b:1"], "protocol": "http", "tls": {"upstream": true}"#.to_owned(),
                vec!["several names"],
            ),
            (
                r#""upstream": "a:1", "sni": [{"name": "", "upstream": "a:1"}, {"name": "", "upstream": "a:1"}]"#.to_owned(),
                vec!["write `protocol: tcp`", "`sni[0].name` is no name", "`sni[1].name` is `` once more"],
            ),
        ] {
            let found = problems(&bad);
            assert!(says.iter().all(|says| found.contains(says)), "{bad}: {found}");
        }
    }

    #[test]
    fn the_upstream_is_a_switch_or_a_block() {
        let read = |json: &str| serde_json::from_str::<RouteTls>(json);
        let on = read(r#"{"upstream": true}"#).unwrap();
        assert_eq!(on.upstream, Some(TlsUpstream::default()));
        assert_eq!(serde_json::to_string(&on).unwrap(), r#"{"upstream":true}"#);
        assert_eq!(read(r#"{"upstream": false}"#).unwrap(), RouteTls::default());
        let json = r#"{"upstream":{"server_name":"b","verify":false}}"#;
        assert_eq!(serde_json::to_string(&read(json).unwrap()).unwrap(), json);
        for bad in [r#"{"upstream": "yes"}"#, r#"{"upstream": {"cert": "a"}}"#] {
            assert!(read(bad).unwrap_err().to_string().contains("server_name"), "{bad}");
        }
    }
}
