//! The options of `firedrill proxy` that say which routes there are.

use std::collections::BTreeSet;

use anyhow::{anyhow, bail};
use firedrill_proxy::engine::{self, Options};

use super::tls::TlsArgs;
use crate::fault::{EnvoyHeaders, Percent, Period, Protocol, ProxyProtocol, ProxyVersion, RouteSpec};

/// Which routes there are, and what holds for all of them.
#[derive(Debug, clap::Args)]
pub(super) struct RouteArgs {
    /// Where the route listens: address:port (port 0 lets the kernel choose), or unix:/path
    #[arg(long, value_name = "ADDR", requires = "destination")]
    listen: Option<String>,
    /// Where the route leads: host:port, or unix:/path; given several times, connections take turns
    #[arg(long = "upstream", value_name = "HOST:PORT", requires = "listen", group = "destination")]
    upstreams: Vec<String>,
    /// Leads each connection to where it was going before the kernel redirected it here
    #[arg(long, requires = "listen", group = "destination")]
    transparent: bool,
    /// The name of the route
    #[arg(long, value_name = "NAME", default_value = "main", requires = "listen")]
    name: String,
    /// Another route, without faults; may be given several times
    #[arg(long = "route", value_name = "NAME=LISTEN,UPSTREAM[,UPSTREAM…]", value_parser = route)]
    others: Vec<Other>,
    /// What the bytes of the routes are: tcp, http or auto (watch who speaks first)
    #[arg(long, value_name = "WORD", default_value = "auto", value_parser = protocol)]
    protocol: Protocol,

    /// Connections must begin with a PROXY header, v1 or v2; its client is the client
    #[arg(long, help_heading = "Connections")]
    proxy_protocol_accept: bool,
    /// Connections to upstreams begin with a PROXY header: v1 or v2
    #[arg(long, value_name = "VERSION", value_parser = version, help_heading = "Connections")]
    proxy_protocol_send: Option<ProxyVersion>,
    /// Requests of clients on this host may ask for faults by Envoy's headers, for at most this share of them
    #[arg(long, value_name = "SHARE", help_heading = "Connections")]
    envoy_headers: Option<Percent>,
    /// Requests and answers that faults met name them in the header x-firedrill-fault
    #[arg(long, help_heading = "Connections")]
    mark_faults: bool,
    /// Open connections of one route; more are reset [default: 20000]
    #[arg(long, value_name = "N", help_heading = "Connections")]
    connections_max: Option<u64>,
    /// Open connections of all routes together; more are reset
    #[arg(long, value_name = "N", default_value_t = Options::default().connections_total_max, help_heading = "Connections")]
    connections_total_max: u64,
    /// A connection on which nothing has moved for so long is closed
    #[arg(long, value_name = "TIME", help_heading = "Connections")]
    idle_timeout: Option<Period>,
    /// How long one attempt to reach an upstream may take [default: 10s]
    #[arg(long, value_name = "TIME", help_heading = "Connections")]
    dial_timeout: Option<Period>,
    #[command(flatten)]
    tls: TlsArgs,
}

/// A route as `--route` names it.
#[derive(Clone, Debug)]
struct Other {
    name: String,
    listen: String,
    upstreams: Vec<String>,
}

fn protocol(word: &str) -> Result<Protocol, String> {
    match word {
        "auto" => Ok(Protocol::Auto),
        "tcp" => Ok(Protocol::Tcp),
        "http" => Ok(Protocol::Http),
        _ => Err("use `tcp`, `http` or `auto`".to_owned()),
    }
}

fn version(word: &str) -> Result<ProxyVersion, String> {
    match word {
        "v1" => Ok(ProxyVersion::V1),
        "v2" => Ok(ProxyVersion::V2),
        _ => Err("use `v1` or `v2`".to_owned()),
    }
}

fn route(text: &str) -> Result<Other, String> {
    let parts = text.split_once('=').and_then(|(name, rest)| Some((name, rest.split_once(',')?)));
    let parts = parts.map(|(name, (listen, rest))| (name, listen, rest.split(',').collect::<Vec<_>>()));
    match parts {
        Some((name, listen, upstreams))
            if !name.is_empty() && !listen.is_empty() && !upstreams.contains(&"") =>
        {
            let upstreams = upstreams.into_iter().map(str::to_owned).collect();
            Ok(Other { name: name.to_owned(), listen: listen.to_owned(), upstreams })
        }
        _ => {
            Err("write NAME=LISTEN,UPSTREAM, for example `payments=127.0.0.1:9001,127.0.0.1:9000`".to_owned())
        }
    }
}

impl RouteArgs {
    /// The routes, the one that has the faults first.
    pub(super) fn wanted(&self) -> Vec<RouteSpec> {
        let first = self.listen.iter().map(|listen| {
            let mut spec = self.spec(&self.name, listen, &self.upstreams);
            spec.transparent = self.transparent;
            self.tls.apply(&mut spec);
            spec
        });
        let others = self.others.iter().map(|other| self.spec(&other.name, &other.listen, &other.upstreams));
        first.chain(others).collect()
    }

    fn spec(&self, name: &str, listen: &str, upstreams: &[String]) -> RouteSpec {
        let mut spec = RouteSpec::new(name, listen, "", self.protocol);
        match upstreams {
            [only] => spec.upstream.clone_from(only),
            several => spec.upstreams = several.to_vec(),
        }
        spec.proxy_protocol =
            ProxyProtocol { accept: self.proxy_protocol_accept, send: self.proxy_protocol_send };
        spec.connections_max = self.connections_max;
        spec.idle_timeout = self.idle_timeout;
        spec.dial_timeout = self.dial_timeout;
        spec.envoy_headers =
            self.envoy_headers.map(|max_percent| EnvoyHeaders { max_percent, clients: None });
        spec.mark_faults = self.mark_faults;
        spec
    }

    /// The name of the route that has the faults.
    pub(super) fn first(&self) -> &str {
        &self.name
    }

    pub(super) const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// How the engine is set up.
    pub(super) fn options(&self, workers: usize) -> Options {
        Options {
            workers,
            connections_total_max: self.connections_total_max,
            ca: Some(self.tls.ca_dir()),
            ..Options::default()
        }
    }
}

/// Binds every address at once and lets go again, so that one in use is found before any route takes traffic.
pub(super) fn try_addresses(routes: &[RouteSpec]) -> anyhow::Result<()> {
    let (mut names, mut held) = (BTreeSet::new(), Vec::new());
    for route in routes {
        if !names.insert(&route.name) {
            bail!("two routes have the name `{}`; give each its own", route.name);
        }
        let problems: Vec<String> = route.check().iter().map(ToString::to_string).collect();
        if !problems.is_empty() {
            bail!("route `{}`: {}", route.name, problems.join("; also "));
        }
        // What the kernel said stands in the message already.
        held.push(engine::reserve(route).map_err(|error| anyhow!("{error}"))?);
    }
    Ok(())
}
