use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Bandwidth, Blackhole, ConnectionLimit, Corrupt, GrpcError, HttpBody, HttpError, HttpHeaders,
    HttpRedirectLoop, KeepAliveKill, Latency, LimitData, LimitTime, ProcessKill, ProcessPause,
    ProcessRestart, Reset, Schedule, Slicer, SlowClose, Stall,
};
use crate::fault::{ByteRate, ByteSize, GrpcStatus, OnRemove, Percent, Period};
use crate::text::{Field, Form, Never, Pairs, Scalar};

/// One fault: where, when, and exactly one kind.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["target"]))]
pub struct FaultEntry {
    /// Its name; absent: `<kind>-<n>`.
    #[schemars(extend("pattern" = "^[a-z][a-z0-9-]*$"))]
    pub id: Field<String>,
    /// Where: `route/NAME`, `host/NAME`, `host[label=value]`; the host that runs the drill is `host/local`.
    pub target: Field<String>,
    /// Which requests (traffic faults). A word is their path.
    #[serde(rename = "match")]
    pub matching: Field<Form<String, Match>>,
    /// Which share of the traffic (traffic faults). A share is its `percent`.
    pub scope: Field<Form<Percent, Scope>>,
    /// When it acts while it stands (traffic faults): in turns, in bursts, or both.
    pub schedule: Field<Schedule>,
    /// Which of the hosts that the target names.
    pub hosts: Field<HostShare>,
    /// When it starts, counted from the first moment of the active phase, or after another fault.
    pub start: Field<Form<Period, StartAfter>>,
    /// `recovered`, or a length of time; absent: `recovered` if a playbook is named, else `max`.
    pub until: Field<String>,
    /// The hard end. Required, except for faults that happen in an instant.
    pub max: Field<Period>,
    /// What becomes of connections that it still holds when it is removed.
    pub on_remove: Field<OnRemove>,
    /// Bytes or responses come late. A length of time is its `delay`.
    pub latency: Field<Form<Period, Latency>>,
    /// Bytes flow no faster than a rate. A rate is its `rate`.
    pub bandwidth: Field<Form<ByteRate, Bandwidth>>,
    /// Connections are reset. Without parameters: `reset: {}`.
    pub reset: Field<Reset>,
    /// Bytes are accepted and lead nowhere. Without parameters: `blackhole: {}`.
    pub blackhole: Field<Blackhole>,
    /// Nothing flows any more, and nothing is lost. A length of time is its `for`; without parameters: `stall: {}`.
    pub stall: Field<Form<Period, Stall>>,
    /// The end of a stream is passed on late. A length of time is its `delay`.
    pub slow_close: Field<Form<Period, SlowClose>>,
    /// So many bytes pass, and then the connection is closed. An amount is its `bytes`.
    pub limit_data: Field<Form<ByteSize, LimitData>>,
    /// The connection is closed some time after it was accepted. A length of time is its `after`.
    pub limit_time: Field<Form<Period, LimitTime>>,
    /// Bytes leave in small pieces. An amount is their `size`.
    pub slicer: Field<Form<ByteSize, Slicer>>,
    /// Bits flip. A share is its `bits`.
    pub corrupt: Field<Form<Percent, Corrupt>>,
    /// New connections are refused. Without parameters: `refuse: {}`.
    pub refuse: Field<Empty>,
    /// New connections hang before they are made. Without parameters: `accept_stall: {}`.
    pub accept_stall: Field<Empty>,
    /// At most so many connections are served at a time. A number is its `max`.
    pub connection_limit: Field<Form<u64, ConnectionLimit>>,
    /// Requests are answered with an HTTP status. A number is its `status`.
    pub http_error: Field<Form<u16, HttpError>>,
    /// Something is done to the bodies of requests or answers: exactly one thing.
    pub http_body: Field<HttpBody>,
    /// Something is done to the heads of requests or answers.
    pub http_headers: Field<HttpHeaders>,
    /// Calls over gRPC end with a status of the proxy's own. A word or a number is its `status`.
    pub grpc_error: Field<Form<GrpcStatus, GrpcError>>,
    /// Connections are closed after an answer. Without parameters: `keep_alive_kill: {}`.
    pub keep_alive_kill: Field<KeepAliveKill>,
    /// Requests are redirected to themselves. A number is its `status`; without parameters: `http_redirect_loop: {}`.
    pub http_redirect_loop: Field<Form<u16, HttpRedirectLoop>>,
    /// Processes get a signal that ends them. A word is their `name`.
    pub process_kill: Field<Form<Scalar, ProcessKill>>,
    /// Processes stand still. A word is their `name`.
    pub process_pause: Field<Form<Scalar, ProcessPause>>,
    /// Processes are ended and started again as they were. A word is their `name`.
    pub process_restart: Field<Form<Scalar, ProcessRestart>>,
}

/// The requests meant: all that is given must fit. `*` stands for any characters, `?` for one;
/// a text that begins with `~` is a regular expression for the whole text.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// The method, for example `POST`.
    pub method: Field<String>,
    /// The path without its query, for example `/v1/*`.
    pub path: Field<String>,
    /// The `Host` header, without its port.
    pub host: Field<String>,
    /// Request headers by name; `"*"` asks only that the header is there.
    pub headers: Field<Pairs<Scalar>>,
    /// Query parameters by name.
    pub query: Field<Pairs<Scalar>>,
    /// The client's IP address, its network (`10.0.0.0/8`), or a glob of addresses.
    pub client: Field<String>,
    /// The gRPC method as `package.Service/Method`.
    pub grpc: Field<String>,
    /// The status that the upstream answered with: `500`, `5xx`, or a list. Only for what acts on responses.
    pub status: Field<Form<Scalar, Never, Vec<Field<Scalar>>>>,
    /// Only requests that carry a header signed for this fault, as `firedrill opt-in` prints it.
    pub opt_in: Field<OptIn>,
}

/// A signed header makes a request one that is meant.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["secret"]))]
pub struct OptIn {
    /// Its name; absent: `x-firedrill-opt-in`.
    pub header: Field<String>,
    /// What it is signed with, 16 to 256 bytes: `${secrets.NAME}`.
    pub secret: Field<String>,
}

/// Which share of the matching traffic.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// The share, or steps that grow.
    pub percent: Field<ScopePercent>,
    /// Decide by a key, so that a user is hit always or never.
    pub sticky: Field<StickyKey>,
    /// Requests that are never hit. A word is their path.
    pub exclude: Field<Form<String, Match>>,
    /// Only some of what matches, by its number.
    pub requests: Field<RequestCount>,
}

/// Which of the matching connections or requests, counted from 1 in the order in which they come: exactly one.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RequestCount {
    /// The first so many.
    pub first: Field<u64>,
    /// Each one whose number can be divided by this.
    pub every: Field<u64>,
    /// All after the first so many.
    pub after: Field<u64>,
}

/// A share, or steps that grow while every guardrail is good.
pub type ScopePercent = Form<Percent, ScopeSteps>;

/// Shares that grow while every guardrail is good.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["steps", "every"]))]
pub struct ScopeSteps {
    /// The shares, smallest first.
    pub steps: Field<Vec<Field<Percent>>>,
    /// How long each lasts.
    pub every: Field<Period>,
}

/// What must always get the same decision: exactly one.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StickyKey {
    /// All requests with the same value of this header.
    pub header: Field<String>,
    /// All requests with the same value of this cookie.
    pub cookie: Field<String>,
    /// All traffic of one client address: `client: {}`.
    pub client: Field<Empty>,
}

/// A block without keys.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Empty {}

/// How many of the hosts that a target names: exactly one.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HostShare {
    /// So many.
    pub count: Field<u32>,
    /// This share, rounded up.
    pub percent: Field<Percent>,
}

/// A start that waits for another fault.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StartAfter {
    /// The id of the other fault; counted from the moment it was applied.
    pub after: Field<String>,
    /// How long after.
    pub delay: Field<Period>,
}
