use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RouteTls, SniRule};
use crate::fault::{Percent, Period, Protocol, ProxyVersion};
use crate::text::Field;

/// One listen→upstream pair that the drill serves itself; it dies with the drill.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["listen"]))]
pub struct Route {
    /// Where it listens: `address:port`, or `unix:/path`.
    pub listen: Field<String>,
    /// Where it leads: `host:port`, or `unix:/path`. Either this, `upstreams` or `transparent`.
    pub upstream: Field<String>,
    /// Where it leads in turn: at most 16 of the same. One that cannot be reached is left out for a while.
    pub upstreams: Field<Vec<Field<String>>>,
    /// What its bytes are; absent: `auto`, which watches who speaks first.
    pub protocol: Field<Protocol>,
    /// The PROXY protocol: clients' addresses come, or are sent on, before anything else.
    pub proxy_protocol: Field<ProxyProtocol>,
    /// Leads each connection to where it was going before the kernel redirected it here.
    pub transparent: Field<bool>,
    /// Open connections that it may have; more are reset. Absent: 20000.
    pub connections_max: Field<u64>,
    /// A connection on which nothing has moved for so long is closed; absent: never.
    pub idle_timeout: Field<Period>,
    /// How long one attempt to reach an upstream may take, at most 5m; absent: `10s`.
    pub dial_timeout: Field<Period>,
    /// Requests may ask for faults by Envoy's headers (`x-envoy-fault-*`); absent: they may not.
    pub envoy_headers: Field<EnvoyHeaders>,
    /// Requests and answers that faults met name them in the header `x-firedrill-fault`; absent: `false`.
    pub mark_faults: Field<bool>,
    /// Whether it speaks TLS with clients, or with the upstream.
    pub tls: Field<RouteTls>,
    /// Where connections lead by the name in the client's TLS hello, which passes undecrypted; the first that fits.
    pub sni: Field<Vec<Field<SniRule>>>,
}

/// One listen→upstream pair that a `firedrill proxy` of the environment serves; it outlives a drill.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["control", "listen"]))]
pub struct EnvironmentRoute {
    /// The control address of the proxy that serves it: `address:port`.
    pub control: Field<String>,
    /// Where it listens: `address:port`, or `unix:/path`.
    pub listen: Field<String>,
    /// Where it leads: `host:port`, or `unix:/path`. Either this, `upstreams` or `transparent`.
    pub upstream: Field<String>,
    /// Where it leads in turn: at most 16 of the same. One that cannot be reached is left out for a while.
    pub upstreams: Field<Vec<Field<String>>>,
    /// What its bytes are; absent: `auto`, which watches who speaks first.
    pub protocol: Field<Protocol>,
    /// The PROXY protocol: clients' addresses come, or are sent on, before anything else.
    pub proxy_protocol: Field<ProxyProtocol>,
    /// Leads each connection to where it was going before the kernel redirected it here.
    pub transparent: Field<bool>,
    /// Open connections that it may have; more are reset. Absent: 20000.
    pub connections_max: Field<u64>,
    /// A connection on which nothing has moved for so long is closed; absent: never.
    pub idle_timeout: Field<Period>,
    /// How long one attempt to reach an upstream may take, at most 5m; absent: `10s`.
    pub dial_timeout: Field<Period>,
    /// Requests may ask for faults by Envoy's headers (`x-envoy-fault-*`); absent: they may not.
    pub envoy_headers: Field<EnvoyHeaders>,
    /// Requests and answers that faults met name them in the header `x-firedrill-fault`; absent: `false`.
    pub mark_faults: Field<bool>,
    /// Whether its proxy speaks TLS with clients, or with the upstream.
    pub tls: Field<RouteTls>,
    /// Where its proxy leads connections by the name in the client's TLS hello.
    pub sni: Field<Vec<Field<SniRule>>>,
}

/// The PROXY protocol on a route, by which one proxy tells the next who its client is.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProxyProtocol {
    /// Every connection must begin with such a header, of version 1 or 2; faults match the client that it names.
    pub accept: Field<bool>,
    /// Every connection to the upstream begins with a header of this version.
    pub send: Field<ProxyVersion>,
}

/// Whose headers `x-envoy-fault-*` are obeyed, and how far.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["max_percent"]))]
pub struct EnvoyHeaders {
    /// No header asks for a larger share than this.
    pub max_percent: Field<Percent>,
    /// Whose headers are obeyed: an address, a network or a glob of addresses; absent: clients on the loopback interface.
    pub clients: Field<String>,
}

/// What a file says about a route, whoever serves it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouteKeys<'r> {
    pub(crate) listen: &'r Field<String>,
    pub(crate) upstream: &'r Field<String>,
    pub(crate) upstreams: &'r Field<Vec<Field<String>>>,
    pub(crate) protocol: &'r Field<Protocol>,
    pub(crate) proxy_protocol: &'r Field<ProxyProtocol>,
    pub(crate) transparent: &'r Field<bool>,
    pub(crate) connections_max: &'r Field<u64>,
    pub(crate) idle_timeout: &'r Field<Period>,
    pub(crate) dial_timeout: &'r Field<Period>,
    pub(crate) envoy_headers: &'r Field<EnvoyHeaders>,
    pub(crate) mark_faults: &'r Field<bool>,
    pub(crate) tls: &'r Field<RouteTls>,
    pub(crate) sni: &'r Field<Vec<Field<SniRule>>>,
}

macro_rules! route_keys {
    ($written:ty) => {
        impl $written {
            /// The keys that every route has.
            pub(crate) const fn keys(&self) -> RouteKeys<'_> {
                RouteKeys {
                    listen: &self.listen,
                    upstream: &self.upstream,
                    upstreams: &self.upstreams,
                    protocol: &self.protocol,
                    proxy_protocol: &self.proxy_protocol,
                    transparent: &self.transparent,
                    connections_max: &self.connections_max,
                    idle_timeout: &self.idle_timeout,
                    dial_timeout: &self.dial_timeout,
                    envoy_headers: &self.envoy_headers,
                    mark_faults: &self.mark_faults,
                    tls: &self.tls,
                    sni: &self.sni,
                }
            }
        }
    };
}

route_keys!(Route);
route_keys!(EnvironmentRoute);
