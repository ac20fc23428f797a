use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::Protocol;
use crate::text::Field;

/// One listen→upstream pair that the drill serves itself; it dies with the drill.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["listen", "upstream"]))]
pub struct Route {
    /// Where it listens: `address:port`.
    pub listen: Field<String>,
    /// Where it leads: `host:port`.
    pub upstream: Field<String>,
    /// What its bytes are; absent: `auto`, which watches who speaks first.
    pub protocol: Field<Protocol>,
}

/// One listen→upstream pair that a `firedrill proxy` of the environment serves; it outlives a drill.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["control", "listen", "upstream"]))]
pub struct EnvironmentRoute {
    /// The control address of the proxy that serves it: `address:port`.
    pub control: Field<String>,
    /// Where it listens: `address:port`.
    pub listen: Field<String>,
    /// Where it leads: `host:port`.
    pub upstream: Field<String>,
    /// What its bytes are; absent: `auto`, which watches who speaks first.
    pub protocol: Field<Protocol>,
    /// How its proxy encrypts.
    pub tls: Field<RouteTls>,
}

/// How a route's proxy encrypts.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteTls {
    /// Whether it speaks TLS to the upstream.
    pub upstream: Field<bool>,
}
