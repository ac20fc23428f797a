//! What can be done to traffic. One file per fault: its parameters, their check, its decision, its tests.
//!
//! The enum is closed on purpose: add a variant, then follow the compiler (`docs/adding-a-fault.md`).

mod accept_stall;
mod bandwidth;
mod blackhole;
mod connection_limit;
mod corrupt;
mod envoy_headers;
mod grpc_error;
mod header_names;
mod http_body;
mod http_error;
mod http_headers;
mod http_redirect_loop;
mod keep_alive_kill;
mod latency;
mod limit_data;
mod limit_time;
mod matcher;
mod refuse;
mod reset;
mod schedule;
mod scope;
mod slicer;
mod slow_close;
mod stall;
mod when;

pub use accept_stall::AcceptStall;
pub use bandwidth::Bandwidth;
pub use blackhole::Blackhole;
pub use connection_limit::{ConnectionLimit, Excess};
pub use corrupt::Corrupt;
pub use envoy_headers::EnvoyHeaders;
pub use grpc_error::{GrpcError, GrpcStatus};
pub(crate) use http_body::BodyAction;
pub use http_body::{Drip, HttpBody};
pub use http_error::HttpError;
pub use http_headers::HttpHeaders;
pub use http_redirect_loop::HttpRedirectLoop;
pub use keep_alive_kill::KeepAliveKill;
pub use latency::{Before, Distribution, Latency, Wave, WaveShape};
pub use limit_data::LimitData;
pub use limit_time::LimitTime;
pub use matcher::{
    Clients, Glob, OPT_IN_HEADER, OPT_IN_MAX, OptIn, PATTERN_MAX_BYTES, Pattern, RequestMatch, Secret,
    Status, Statuses,
};
pub(crate) use matcher::{Matcher, Meaning, RequestParts, beginning, is_opt_in, whole};
pub use refuse::Refuse;
pub use reset::{Reset, ResetFrom};
pub use schedule::{Bursts, Schedule};
pub use scope::{Requests, Scope, Sticky};
pub use slicer::Slicer;
pub use slow_close::SlowClose;
pub use stall::Stall;
pub use when::When;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const STATUS_WAY_OUT: &str = "use it with `latency`, `bandwidth`, `stall`, `http_body` or `http_headers` of responses, `http_error` or `grpc_error` \
     with `when: after`, or `keep_alive_kill`";

/// Which way the bytes flow that a fault acts on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the upstream to the client.
    #[default]
    Response,
    /// From the client to the upstream.
    Request,
    /// Both ways.
    Both,
}

impl Direction {
    /// Whether bytes from the client to the upstream are meant.
    pub const fn acts_on_request(self) -> bool {
        matches!(self, Self::Request | Self::Both)
    }

    /// Whether bytes from the upstream to the client are meant.
    pub const fn acts_on_response(self) -> bool {
        matches!(self, Self::Response | Self::Both)
    }
}

/// One thing done to the traffic of a route. In JSON: `{"latency": {"delay": "2s"}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TrafficFault {
    /// Bytes or responses come late.
    Latency(Latency),
    /// Bytes flow no faster than a rate.
    Bandwidth(Bandwidth),
    /// The connection is reset (a true TCP RST).
    Reset(Reset),
    /// Bytes are accepted and lead nowhere.
    Blackhole(Blackhole),
    /// Nothing flows any more from a place in the stream on, for a time; nothing is lost.
    Stall(Stall),
    /// The end of a stream is passed on late.
    SlowClose(SlowClose),
    /// So many bytes pass, and then the connection is closed.
    LimitData(LimitData),
    /// The connection is closed some time after it was accepted.
    LimitTime(LimitTime),
    /// Bytes leave in small pieces.
    Slicer(Slicer),
    /// Bits flip.
    Corrupt(Corrupt),
    /// New connections are refused, as if nothing listened.
    Refuse(Refuse),
    /// New connections hang before they are made.
    AcceptStall(AcceptStall),
    /// At most so many connections are served at a time.
    ConnectionLimit(ConnectionLimit),
    /// Requests are answered with an HTTP status by the proxy itself.
    HttpError(HttpError),
    /// Something is done to the bodies of requests or answers.
    HttpBody(HttpBody),
    /// Something is done to the heads of requests or answers.
    HttpHeaders(HttpHeaders),
    /// Calls over gRPC end with a status of the proxy's own.
    GrpcError(GrpcError),
    /// Connections are closed after an answer.
    KeepAliveKill(KeepAliveKill),
    /// Requests are redirected to themselves.
    HttpRedirectLoop(HttpRedirectLoop),
    /// Clients ask for faults themselves; only a route sets it, by its key of this name.
    EnvoyHeaders(EnvoyHeaders),
}

impl TrafficFault {
    /// Every kind that can be set, by the word that files and the control API use.
    pub const KINDS: [&str; 19] = [
        "latency",
        "bandwidth",
        "reset",
        "blackhole",
        "stall",
        "slow_close",
        "limit_data",
        "limit_time",
        "slicer",
        "corrupt",
        "refuse",
        "accept_stall",
        "connection_limit",
        "http_error",
        "http_body",
        "http_headers",
        "grpc_error",
        "keep_alive_kill",
        "http_redirect_loop",
    ];

    /// The word for this fault in files and in the control API.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::Bandwidth(_) => "bandwidth",
            Self::Reset(_) => "reset",
            Self::Blackhole(_) => "blackhole",
            Self::Stall(_) => "stall",
            Self::SlowClose(_) => "slow_close",
            Self::LimitData(_) => "limit_data",
            Self::LimitTime(_) => "limit_time",
            Self::Slicer(_) => "slicer",
            Self::Corrupt(_) => "corrupt",
            Self::Refuse(_) => "refuse",
            Self::AcceptStall(_) => "accept_stall",
            Self::ConnectionLimit(_) => "connection_limit",
            Self::HttpError(_) => "http_error",
            Self::HttpBody(_) => "http_body",
            Self::HttpHeaders(_) => "http_headers",
            Self::GrpcError(_) => "grpc_error",
            Self::KeepAliveKill(_) => "keep_alive_kill",
            Self::HttpRedirectLoop(_) => "http_redirect_loop",
            Self::EnvoyHeaders(_) => "envoy_headers",
        }
    }

    /// Whether it can only act on HTTP requests, and so needs a route that speaks HTTP.
    pub const fn needs_http(&self) -> bool {
        match self {
            Self::HttpError(_)
            | Self::EnvoyHeaders(_)
            | Self::HttpBody(_)
            | Self::HttpHeaders(_)
            | Self::GrpcError(_)
            | Self::KeepAliveKill(_)
            | Self::HttpRedirectLoop(_) => true,
            Self::Latency(fault) => fault.before.is_some(),
            _ => false,
        }
    }

    /// Whether it acts on the bytes of whole connections, also of those that carry HTTP requests. Everything else acts on
    /// the requests there.
    pub const fn is_of_connections(&self) -> bool {
        match self {
            Self::SlowClose(_)
            | Self::LimitData(_)
            | Self::LimitTime(_)
            | Self::Slicer(_)
            | Self::Corrupt(_)
            | Self::Refuse(_)
            | Self::AcceptStall(_)
            | Self::ConnectionLimit(_) => true,
            Self::Latency(_)
            | Self::Bandwidth(_)
            | Self::Reset(_)
            | Self::Blackhole(_)
            | Self::Stall(_)
            | Self::HttpError(_)
            | Self::HttpBody(_)
            | Self::HttpHeaders(_)
            | Self::GrpcError(_)
            | Self::KeepAliveKill(_)
            | Self::HttpRedirectLoop(_)
            | Self::EnvoyHeaders(_) => false,
        }
    }

    /// Whether it can be done to this request at all.
    pub(crate) fn is_for(&self, request: &RequestParts<'_>) -> bool {
        !matches!(self, Self::GrpcError(_)) || grpc_error::is_call(request.headers)
    }

    /// Whether it ends everything the moment it is met, so that no fault behind it in file order can act.
    pub(crate) fn ends_at_once(&self) -> bool {
        match self {
            Self::Reset(reset) => reset.is_at_once(),
            Self::Blackhole(_)
            | Self::Refuse(_)
            | Self::AcceptStall(_)
            | Self::HttpError(_)
            | Self::GrpcError(_)
            | Self::HttpRedirectLoop(_) => true,
            Self::Latency(_)
            | Self::Bandwidth(_)
            | Self::Stall(_)
            | Self::SlowClose(_)
            | Self::LimitData(_)
            | Self::LimitTime(_)
            | Self::Slicer(_)
            | Self::Corrupt(_)
            | Self::ConnectionLimit(_)
            | Self::HttpBody(_)
            | Self::HttpHeaders(_)
            | Self::KeepAliveKill(_)
            | Self::EnvoyHeaders(_) => false,
        }
    }

    /// Whether it acts on new connections before anybody serves them.
    pub const fn acts_at_the_door(&self) -> bool {
        matches!(self, Self::Refuse(_) | Self::AcceptStall(_) | Self::ConnectionLimit(_))
    }

    /// Whether it does nothing before the response has begun, so that it can be limited to some statuses.
    pub fn acts_on_responses_only(&self) -> bool {
        match self {
            Self::Latency(fault) => matches!(fault.direction(), Direction::Response),
            Self::Bandwidth(fault) => matches!(fault.direction, Direction::Response),
            Self::Stall(fault) => matches!(fault.direction, Direction::Response),
            Self::HttpBody(fault) => matches!(fault.direction, Direction::Response),
            Self::HttpHeaders(fault) => matches!(fault.direction, Direction::Response),
            Self::HttpError(fault) => matches!(fault.when, When::After),
            Self::GrpcError(fault) => matches!(fault.when, When::After),
            Self::KeepAliveKill(_) => true,
            Self::Reset(_)
            | Self::Blackhole(_)
            | Self::SlowClose(_)
            | Self::LimitData(_)
            | Self::LimitTime(_)
            | Self::Slicer(_)
            | Self::Corrupt(_)
            | Self::Refuse(_)
            | Self::AcceptStall(_)
            | Self::ConnectionLimit(_)
            | Self::HttpRedirectLoop(_)
            | Self::EnvoyHeaders(_) => false,
        }
    }

    /// What of the traffic this fault cannot be limited to; nothing when it can be.
    pub fn check_share(
        &self,
        matching: &RequestMatch,
        scope: &Scope,
        schedule: Option<&Schedule>,
    ) -> Option<ParameterProblem> {
        if matching.status.is_some() && !self.acts_on_responses_only() {
            let why = format!("is known too late for this `{}`", self.kind());
            return Some(ParameterProblem::new("match.status", why, STATUS_WAY_OUT));
        }
        let Self::AcceptStall(_) = self else { return None };
        let bursts = schedule.is_some_and(|schedule| schedule.bursts.is_some());
        let (key, part) = match (matching.is_empty(), scope.is_all(), bursts) {
            (false, ..) => ("match", "some clients"),
            (_, false, _) => ("scope", "a share"),
            (_, _, true) => ("schedule", "bursts"),
            (true, true, false) => return None,
        };
        let why = format!("limits it to {part}, and `accept_stall` acts on the backlog of the whole route");
        Some(ParameterProblem::new(key, why, "leave it out, or use `refuse`, which can be for a share"))
    }

    /// What is wrong with the parameters, by key; empty when nothing is.
    pub fn check(&self) -> Vec<ParameterProblem> {
        match self {
            Self::Latency(fault) => fault.check(),
            Self::Stall(fault) => fault.check(),
            Self::ConnectionLimit(fault) => fault.check(),
            Self::HttpError(fault) => fault.check(),
            Self::HttpBody(fault) => fault.check(),
            Self::HttpHeaders(fault) => fault.check(),
            Self::GrpcError(fault) => fault.check(),
            Self::KeepAliveKill(fault) => fault.check(),
            Self::HttpRedirectLoop(fault) => fault.check(),
            Self::EnvoyHeaders(_) => vec![ParameterProblem::new(
                "envoy_headers",
                "is no fault that can be set",
                "give the route the key `envoy_headers`",
            )],
            Self::Reset(fault) => fault.check(),
            Self::Blackhole(fault) => fault.check(),
            Self::SlowClose(fault) => fault.check(),
            Self::Slicer(fault) => fault.check(),
            Self::Corrupt(fault) => fault.check(),
            Self::Bandwidth(_)
            | Self::LimitData(_)
            | Self::LimitTime(_)
            | Self::Refuse(_)
            | Self::AcceptStall(_) => Vec::new(),
        }
    }
}

/// A parameter whose value cannot be: which key, why, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("`{key}` {why}; {way_out}")]
pub struct ParameterProblem {
    /// The key in the fault's block.
    pub key: String,
    /// A fragment that follows the key: `is larger than …`.
    pub why: String,
    /// What to write instead.
    pub way_out: String,
}

impl ParameterProblem {
    pub(crate) fn new(key: &str, why: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self { key: key.to_owned(), why: why.into(), way_out: way_out.into() }
    }

    /// The same with the key that its key stands under.
    pub(crate) fn within(self, key: &str) -> Self {
        Self { key: format!("{key}.{}", self.key), ..self }
    }
}
