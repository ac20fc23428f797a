use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{Field, Form};

/// How a route encrypts: with its clients, with its upstream, or both. Needs `protocol: http` or `protocol: tcp`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteTls {
    /// Clients speak TLS, which ends here.
    pub terminate: Field<TlsTerminate>,
    /// Whether it speaks TLS to the upstream, or how.
    pub upstream: Field<Form<bool, TlsUpstream>>,
}

/// With what a route answers clients that speak TLS. Either `certificate` and `key`, or `generated`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsTerminate {
    /// A file with the certificate and those that lead to its CA, as PEM.
    pub certificate: Field<String>,
    /// A file with its private key, as PEM. Not everybody on the host may read it.
    pub key: Field<String>,
    /// The certificate is made by the route, signed by the test CA that `firedrill ca` prints.
    pub generated: Field<bool>,
    /// Names and addresses that the generated certificate is for; absent: localhost, 127.0.0.1 and ::1.
    pub names: Field<Vec<Field<String>>>,
    /// A file with CAs, as PEM; each client must show a certificate that one of them has signed.
    pub client_ca: Field<String>,
}

/// How a route speaks TLS to its upstream.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsUpstream {
    /// A file with the CAs, as PEM, that are trusted; absent: those of the host.
    pub ca: Field<String>,
    /// The name that its certificate must be for; absent: the host of the upstream.
    pub server_name: Field<String>,
    /// A file with the certificate that is shown to it, as PEM.
    pub certificate: Field<String>,
    /// A file with the private key of that, as PEM. Not everybody on the host may read it.
    pub key: Field<String>,
    /// Whether its certificate is checked; absent: true.
    pub verify: Field<bool>,
}

/// Where connections lead whose TLS hello asks for a name.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name", "upstream"]))]
pub struct SniRule {
    /// The name, in which `*` stands for any characters: `*.shop.example`.
    pub name: Field<String>,
    /// Where they lead: `host:port`, or `unix:/path`.
    pub upstream: Field<String>,
}
