//! `firedrill proxy`: run a fault-injecting proxy by hand.

mod connections;
mod http;
mod matching;
mod routes;
mod tls;

use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::net::SocketAddr;

use anyhow::{Context, bail};
use firedrill_proxy::control::Control;
use firedrill_proxy::control::server::{self, Server, ServerOptions, ToxiproxyOptions};
use firedrill_proxy::control::wire::{MANUAL, RouteView};
use serde_json::json;

use http::HttpArgs;
use matching::MatchArgs;
use routes::RouteArgs;

use super::log::LogArgs;
use crate::fault::{
    Bandwidth, Blackhole, ByteRate, ByteSize, Direction, FaultSpec, Latency, Percent, Period, Protocol,
    Reset, RouteSpec, Schedule, Scope, Seed, Stall, TrafficFault,
};

/// Run a fault-injecting proxy by hand
///
/// One route with its faults: `firedrill proxy --listen 127.0.0.1:9001 --upstream 127.0.0.1:9000 --latency 200ms`.
/// Several routes, or none, whose faults are set through the control API: `--route` and `--control`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    routes: RouteArgs,

    /// Responses come late by this time
    #[arg(long, value_name = "TIME", requires = "listen", help_heading = "Faults")]
    latency: Option<Period>,
    /// The delay is spread evenly by this much to both sides
    #[arg(long, value_name = "TIME", requires = "latency", help_heading = "Faults")]
    jitter: Option<Period>,
    /// Responses flow no faster than this on each connection, for example 100KB/s
    #[arg(long, value_name = "RATE", requires = "listen", help_heading = "Faults")]
    bandwidth: Option<ByteRate>,
    /// Connections are reset (TCP RST)
    #[arg(long, requires = "listen", help_heading = "Faults")]
    reset: bool,
    /// Responses are swallowed, and connections stay open
    #[arg(long, requires = "listen", help_heading = "Faults")]
    blackhole: bool,
    /// Nothing of the responses flows, for this time or until the fault is removed; nothing is lost
    #[arg(long, value_name = "TIME", num_args = 0..=1, requires = "listen", help_heading = "Faults")]
    stall: Option<Option<Period>>,
    /// The end of a response is passed on late by this time
    #[arg(long, value_name = "TIME", requires = "listen", help_heading = "Faults")]
    slow_close: Option<Period>,
    /// Connections are closed once so many bytes of response have passed, for example 64KiB
    #[arg(long, value_name = "SIZE", requires = "listen", help_heading = "Faults")]
    limit_data: Option<ByteSize>,
    /// Connections are closed this long after they were accepted
    #[arg(long, value_name = "TIME", requires = "listen", help_heading = "Faults")]
    limit_time: Option<Period>,
    /// Responses leave in pieces of this size, for example 64B
    #[arg(long, value_name = "SIZE", requires = "listen", help_heading = "Faults")]
    slicer: Option<ByteSize>,
    /// This share of the bits of responses flips, for example 0.01%
    #[arg(long, value_name = "SHARE", requires = "listen", help_heading = "Faults")]
    corrupt: Option<Percent>,
    /// New connections are refused
    #[arg(long, requires = "listen", help_heading = "Faults")]
    refuse: bool,
    /// New connections hang before they are made
    #[arg(long, requires = "listen", help_heading = "Faults")]
    accept_stall: bool,
    /// At most so many connections are served at a time; others wait
    #[arg(long, value_name = "N", requires = "listen", help_heading = "Faults")]
    connection_limit: Option<u64>,
    #[command(flatten)]
    http: HttpArgs,
    /// The share of connections or requests that the faults hit
    #[arg(long, value_name = "SHARE", default_value = "100%", requires = "listen", help_heading = "Faults")]
    percent: Percent,
    #[command(flatten)]
    which: MatchArgs,
    /// The faults act in turns of this length, beginning now; needs --for
    #[arg(long, value_name = "TIME", requires_all = ["listen", "turn"], help_heading = "Faults")]
    every: Option<Period>,
    /// For how long of each turn the faults act
    #[arg(id = "turn", long = "for", value_name = "TIME", requires = "every", help_heading = "Faults")]
    lasts: Option<Period>,
    /// The seed of every random decision; absent: a new one, which is printed
    #[arg(long, value_name = "N", help_heading = "Faults")]
    seed: Option<u64>,

    /// Where the control API listens, or `none`
    #[arg(long, value_name = "ADDR", default_value = server::DEFAULT_ADDRESS)]
    control: String,
    /// Let the control API listen off loopback, without TLS and without a token
    #[arg(long)]
    insecure_plain_http: bool,
    /// Data threads
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: u16,
    /// Print JSON lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    log: LogArgs,
}

pub(super) fn exec(args: Args) -> anyhow::Result<super::Exit> {
    let _log = args.log.install()?;
    // 32 bits, as for a drill: people can read and type them.
    let seed = args.seed.unwrap_or_else(|| RandomState::new().hash_one(std::process::id()) & 0xffff_ffff);
    let (routes, faults) = (args.routes.wanted(), args.faults(Seed(seed))?);
    for fault in &faults {
        if let Some(problem) = fault.check().into_iter().next() {
            bail!("--{}: {problem}", fault.id);
        }
        let plain = args.routes.protocol() == Protocol::Tcp;
        if plain && fault.fault.needs_http() {
            bail!("--{} acts on HTTP requests, and the protocol is tcp; use `--protocol http`", fault.id);
        }
        if fault.matching.needs_http() && (plain || fault.fault.is_of_connections()) {
            let why = if plain { "the protocol is tcp" } else { "it acts on whole connections" };
            bail!(
                "--{} cannot be for some requests alone: {why}; of `--match-…` only `--match-client` fits",
                fault.id
            );
        }
    }
    if routes.is_empty() && args.control == "none" {
        bail!(
            "there would be nothing to do; give `--listen` and `--upstream`, `--route`, or `--control ADDR`"
        );
    }
    // Everything that can be in use is tried before anything starts.
    let options = ServerOptions {
        insecure_plain_http: args.insecure_plain_http,
        toxiproxy: ToxiproxyOptions { seed: Seed(seed), ..ToxiproxyOptions::default() },
    };
    let listener = match args.control.as_str() {
        "none" => None,
        address => Some(server::listen(address, options)?),
    };
    routes::try_addresses(&routes)?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // From here on a signal ends the program in order.
    let mut ended = runtime.block_on(async { Signals::new() }).context("cannot wait for signals")?;
    let control = Control::start(args.routes.options(usize::from(args.workers)))?;
    let mut out = Out { json: args.json };
    let result = start(&args, &control, routes, faults).and_then(|views| {
        let server = match listener {
            Some(listener) => Some(Server::start(listener, control.clone(), options)?),
            None => None,
        };
        out.started(&views, server.as_ref().map(Server::address), seed);
        runtime.block_on(ended.wait());
        Ok(server)
    });
    let last = control.routes();
    control.stop();
    drop(result?);
    out.summary(&last);
    Ok(super::Exit::Passed)
}

/// Makes the routes and sets the faults on the first; says how they stand.
fn start(
    args: &Args,
    control: &Control,
    routes: Vec<RouteSpec>,
    faults: Vec<FaultSpec>,
) -> anyhow::Result<Vec<RouteView>> {
    for route in routes {
        control.add_route(route)?;
    }
    for fault in faults {
        control.put_fault(args.routes.first(), fault)?;
    }
    Ok(control.routes())
}

impl Args {
    fn schedule(&self) -> Option<Schedule> {
        self.every.map(|every| Schedule { every: Some(every), lasts: self.lasts, ..Schedule::default() })
    }

    /// The faults of the flags, in the order in which they act.
    fn faults(&self, seed: Seed) -> anyhow::Result<Vec<FaultSpec>> {
        let matching = self.which.matching()?;
        let latency = self.latency.map(|delay| {
            TrafficFault::Latency(Latency {
                delay,
                jitter: self.jitter.unwrap_or(Period::ZERO),
                ..Latency::default()
            })
        });
        let bandwidth = self
            .bandwidth
            .map(|rate| TrafficFault::Bandwidth(Bandwidth { rate, direction: Direction::Response }));
        let reset = self.reset.then(|| TrafficFault::Reset(Reset::default()));
        let blackhole = self.blackhole.then(|| TrafficFault::Blackhole(Blackhole::default()));
        let stall = self.stall.map(|lasts| TrafficFault::Stall(Stall { lasts, ..Stall::default() }));
        let given = [latency, bandwidth, reset, blackhole, stall].into_iter();
        let given = given
            .chain(self.door_faults())
            .chain(self.connection_faults())
            .chain(self.http.faults())
            .flatten()
            .map(|fault| FaultSpec {
                id: fault.kind().replace('_', "-"),
                owner: MANUAL.to_owned(),
                fault,
                matching: matching.clone(),
                scope: Scope { percent: self.percent, requests: self.which.requests, ..Scope::default() },
                schedule: self.schedule(),
                seed,
                lease: None,
                max: None,
                on_remove: crate::fault::OnRemove::default(),
                replay: None,
            });
        Ok(given.collect())
    }
}

/// What ends the program in order.
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    pub(super) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What is printed. A reader that has gone away ends nothing.
struct Out {
    json: bool,
}

impl Out {
    fn line(&self, json: &serde_json::Value, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = if self.json { writeln!(out, "{json}") } else { writeln!(out, "{text}") };
        let _ = out.flush();
    }

    fn started(&mut self, routes: &[RouteView], control: Option<SocketAddr>, seed: u64) {
        for route in routes {
            let (name, bound, upstream) = (&route.spec.name, &route.bound, route.spec.leads_to());
            self.line(
                &json!({"kind": "route.listening", "route": name, "listen": bound, "upstream": upstream,
                        "protocol": route.spec.protocol, "tls": route.spec.tls, "warnings": route.warnings}),
                &format!("route {name}: {bound} -> {upstream}{}", in_tls(route)),
            );
            for fault in &route.faults {
                let (id, what, percent) = (&fault.spec.id, in_words(&fault.spec), fault.spec.scope.percent);
                self.line(
                    &json!({"kind": "fault.set", "route": name, "id": id, "fault": fault.spec.fault,
                            "percent": percent, "seed": seed}),
                    &format!("fault {id} on {name}: {what}, for {percent}, seed {seed}"),
                );
            }
        }
        if let Some(address) = control {
            self.line(
                &json!({"kind": "control.listening", "address": address}),
                &format!("control: http://{address}/v1/routes"),
            );
        }
    }

    fn summary(&mut self, routes: &[RouteView]) {
        let sum = |count: fn(&RouteView) -> u64| routes.iter().map(count).sum::<u64>();
        let connections = sum(|route| route.traffic.connections);
        let requests = sum(|route| route.traffic.requests);
        let failures = sum(|route| route.traffic.upstream_failures);
        let faults: Vec<_> = routes.iter().flat_map(|route| &route.faults).collect();
        let faulted: u64 = faults.iter().map(|fault| fault.evidence.faulted).sum();
        let each: Vec<String> = faults
            .iter()
            .map(|fault| {
                format!("{} {} of {}", fault.spec.id, fault.evidence.faulted, fault.evidence.matched)
            })
            .collect();
        self.line(
            &json!({"kind": "proxy.traffic", "connections": connections, "requests": requests,
                    "upstream_failures": failures}),
            &format!("connections {connections}, requests {requests}, upstream not reached {failures}"),
        );
        let list = if each.is_empty() { String::new() } else { format!(": {}", each.join(", ")) };
        let evidence: serde_json::Map<String, serde_json::Value> =
            faults.iter().map(|fault| (fault.spec.id.clone(), json!(fault.evidence))).collect();
        self.line(
            &json!({"kind": "proxy.faulted", "faulted": faulted, "faults": evidence}),
            &format!("faulted {faulted}{list}"),
        );
    }
}

/// How a route encrypts, and what about that is dangerous.
fn in_tls(route: &RouteView) -> String {
    let tls = route.spec.tls.as_ref().map(|tls| format!("; {tls}")).unwrap_or_default();
    let warnings: String = route.warnings.iter().map(|warning| format!("\nwarning: {warning}")).collect();
    tls + &warnings
}

/// A fault and its parameters on one line.
fn in_words(spec: &FaultSpec) -> String {
    let value = json!(spec.fault);
    let parameters = value[spec.fault.kind()].as_object().into_iter().flatten();
    let parameters: Vec<String> = parameters
        .map(|(key, value)| {
            format!("{key} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        })
        .collect();
    format!("{} {}", spec.fault.kind(), parameters.join(" ")).trim_end().to_owned()
}
