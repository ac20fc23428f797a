//! The words of the control API, version 1. In process and over HTTP they are the same.

mod ledger;
mod route;

pub use ledger::{LEDGER_MAX, LedgerEntry, Replay};
pub(crate) use route::host_of;
pub use route::{
    Bound, CONNECTIONS_MAX, DIAL_TIMEOUT, GENERATED_NAMES, ProxyProtocol, ProxyVersion, RouteSpec, RouteTls,
    SniRule, TLS_NAMES_MAX, TlsTerminate, TlsUpstream, UPSTREAMS_MAX, unix_path,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::{EnvoyHeaders, ParameterProblem, RequestMatch, Schedule, Scope, TrafficFault};
use crate::quantity::Period;
use crate::seed::Seed;

/// The owner of faults that a person set by hand; they live as long as their route.
pub const MANUAL: &str = "manual";

/// What a route's bytes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Dial at once and watch who speaks first: an HTTP request line makes it `http`, all else is `tcp`.
    #[default]
    Auto,
    /// Plain bytes.
    Tcp,
    /// HTTP/1.1.
    Http,
}

/// What is to be different about a route; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteChange {
    /// Where it listens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Where it leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// Whether it listens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// How it encrypts. The same once more reads its files anew, and no connection ends by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<RouteTls>,
    /// Where connections lead by the name in the client's TLS hello.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<Vec<SniRule>>,
}

/// What happens to connections and requests that a fault still holds when it is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnRemove {
    /// Held bytes go out at once and the connection goes on.
    #[default]
    Release,
    /// Held bytes go out when they were due; only new traffic is free.
    Drain,
    /// Held connections are reset.
    Reset,
}

/// One fault on one route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// Its name, unique on its route.
    pub id: String,
    /// Who set it: an opaque label (a drill's id), or [`MANUAL`].
    #[serde(default = "manual")]
    pub owner: String,
    /// What is done.
    pub fault: TrafficFault,
    /// To which requests.
    #[serde(default, rename = "match", skip_serializing_if = "RequestMatch::is_empty")]
    pub matching: RequestMatch,
    /// To which share of them.
    #[serde(default, skip_serializing_if = "Scope::is_all")]
    pub scope: Scope,
    /// When it acts; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Where its random decisions come from.
    #[serde(default = "no_seed")]
    pub seed: Seed,
    /// Removed by itself unless renewed within this time; absent only for [`MANUAL`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Period>,
    /// Removed by itself after this time, renewed or not; absent only for [`MANUAL`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Period>,
    /// What becomes of what it holds when it is removed.
    #[serde(default)]
    pub on_remove: OnRemove,
    /// The decisions of an earlier run are made again, in place of `percent`, `sticky`, `requests` and `bursts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
}

impl FaultSpec {
    /// What stands among the faults of a route that obeys Envoy's headers.
    pub(crate) fn of_headers(limits: &EnvoyHeaders) -> Self {
        Self {
            id: EnvoyHeaders::ID.to_owned(),
            owner: manual(),
            matching: RequestMatch { client: limits.clients.clone(), ..RequestMatch::default() },
            fault: TrafficFault::EnvoyHeaders(limits.clone()),
            scope: Scope::default(),
            schedule: None,
            seed: no_seed(),
            replay: None,
            lease: None,
            max: None,
            on_remove: OnRemove::default(),
        }
    }

    /// What is wrong with it, by key; empty when nothing is.
    pub fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = self.fault.check();
        problems.extend(self.schedule.iter().flat_map(Schedule::check));
        problems.extend(self.matching.check().into_iter().map(|problem| problem.within("match")));
        problems.extend(self.scope.check().into_iter().map(|problem| problem.within("scope")));
        problems.extend(self.fault.check_share(&self.matching, &self.scope, self.schedule.as_ref()));
        let replay = self.replay.as_ref();
        problems.extend(replay.and_then(|replay| replay.check(&self.fault, self.schedule.as_ref())));
        problems
    }
}

fn manual() -> String {
    MANUAL.to_owned()
}

fn no_seed() -> Seed {
    Seed(0)
}

/// A route as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RouteView {
    /// What was asked for.
    pub spec: RouteSpec,
    /// The address in fact bound; of a route that is switched off, where it will listen.
    pub bound: Bound,
    /// Counts since the route was made.
    pub traffic: TrafficCounts,
    /// Its faults, in the order in which they act.
    pub faults: Vec<FaultView>,
    /// What about it is dangerous, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What passed a route since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrafficCounts {
    /// Connections accepted.
    pub connections: u64,
    /// Connections open now.
    pub connections_open: u64,
    /// Connections reset because the route, or the proxy, had as many open as it may have.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refused: u64,
    /// Connections reset because they did not begin with the PROXY header that the route asks for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unintroduced: u64,
    /// Connections closed because nothing had moved on them for as long as the route allows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub idle_closed: u64,
    /// Connections whose TLS with the client did not come about, or whose hello leads nowhere.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tls_failures: u64,
    /// Connections whose upstream could not be reached.
    pub upstream_failures: u64,
    /// Faults that requests asked for by one of Envoy's headers, with a value that is none or without being allowed to.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub headers_ignored: u64,
    /// HTTP requests (0 on a TCP route).
    pub requests: u64,
    /// Bytes from clients to the upstream.
    pub bytes_request: u64,
    /// Bytes from the upstream to clients.
    pub bytes_response: u64,
}

const fn is_false(is: &bool) -> bool {
    !*is
}

const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A fault as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultView {
    /// What was asked for. Sent over HTTP it lacks `replay`, which can be very long, and shows no secret.
    #[serde(serialize_with = "as_shown")]
    pub spec: FaultSpec,
    /// How many decisions of an earlier run are made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replays: Option<usize>,
    /// What it has done.
    pub evidence: Evidence,
}

impl FaultView {
    /// A fault and what it has done.
    pub fn new(spec: FaultSpec, evidence: Evidence) -> Self {
        let replays = spec.replay.as_ref().map(Replay::decisions);
        Self { spec, replays, evidence }
    }
}

fn as_shown<S: serde::Serializer>(spec: &FaultSpec, to: S) -> Result<S::Ok, S::Error> {
    if spec.replay.is_none() && spec.matching.opt_in.is_none() {
        return spec.serialize(to);
    }
    FaultSpec { replay: None, matching: spec.matching.shown(), ..spec.clone() }.serialize(to)
}

/// What a fault has done, counted where it was done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Connections (TCP) or requests (HTTP) that fit its matcher.
    pub matched: u64,
    /// Of these, how many were hit: the deed was done and observed (bytes left late, the socket was reset, …).
    pub faulted: u64,
    /// Bytes delayed, throttled or swallowed.
    pub bytes: u64,
    /// Decisions that the ledger had no room for; it keeps the first 65,536.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ledger_dropped: u64,
    /// How far the deed went, as measured: milliseconds of delay for `latency`, bytes per second for `bandwidth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub achieved: Option<Spread>,
    /// How far it should have gone, drawn or configured, in the same unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<Spread>,
}

/// A few numbers that stand for many.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// How many were measured.
    pub count: u64,
    /// The smallest.
    pub min: f64,
    /// The median.
    pub p50: f64,
    /// Of a hundred, one is larger.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// Why a fault is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// Somebody removed it.
    Removed,
    /// Its route was removed.
    RouteRemoved,
    /// Its owner did not renew its lease in time.
    LeaseExpired,
    /// It stood as long as it was allowed to.
    MaxReached,
}

impl EndReason {
    /// The reason as the end of a sentence: "the fault is gone: …".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Removed => "it was removed",
            Self::RouteRemoved => "its route was removed",
            Self::LeaseExpired => "its lease ran out without a renewal",
            Self::MaxReached => "it reached its `max`",
        }
    }
}

/// A fault that is gone, as it last was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EndedFault {
    /// The route on which it was.
    pub route: String,
    /// Why it is gone.
    pub why: EndReason,
    /// What it was, and what it had done by then.
    pub fault: FaultView,
}

/// A fault that was asked for: it stands, or it is known to be gone.
#[derive(Clone, Debug, PartialEq)]
pub enum FaultState {
    /// It stands.
    Standing(FaultView),
    /// It is gone.
    Ended(EndedFault),
}

/// The answer for a fault that is gone: a problem with status 410 that also carries the fault's end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gone {
    /// The problem.
    #[serde(flatten)]
    pub problem: Problem,
    /// The end.
    pub ended: EndedFault,
}

/// What renews the leases of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    /// How long the faults may live from now on without another renewal.
    pub lease: Period,
}

/// What a renewal reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Renewed {
    /// How many faults live longer by it.
    pub faults: usize,
}

/// That the control plane answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// Always `ok`.
    pub status: String,
    /// The version of the program.
    pub version: String,
    /// How many routes there are.
    pub routes: usize,
    /// How many faults stand.
    pub faults: usize,
}

/// Why the control API did not do as asked (RFC 9457 `application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// A few words for the kind of problem.
    pub title: String,
    /// The thing, the value, the limit and the way out.
    pub detail: String,
}

impl Problem {
    /// A problem with its status, its kind and its sentence.
    pub fn new(status: u16, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { status, title: title.into(), detail: detail.into() }
    }
}
