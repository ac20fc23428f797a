//! The faults that act on HTTP requests and answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::{ByteSize, Direction, GrpcStatus, Percent, Period, When};
use crate::text::{Field, Pairs, Scalar};

/// Requests are answered by the proxy itself.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["status"]))]
pub struct HttpError {
    /// The status code.
    pub status: Field<u16>,
    /// The body; absent: empty.
    pub body: Field<String>,
    /// Response headers by name.
    pub headers: Field<Pairs<Scalar>>,
    /// How long clients are asked to wait before they try again, in whole seconds.
    pub retry_after: Field<Period>,
    /// `before` the upstream sees the request, or `after` it has answered; absent: `before`.
    pub when: Field<When>,
}

/// Something is done to bodies: exactly one thing.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpBody {
    /// So many bytes pass, and then the connection ends.
    pub truncate: Field<ByteSize>,
    /// The body leaves in pieces.
    pub drip: Field<Drip>,
    /// This text stands in the place of the body.
    pub replace: Field<String>,
    /// The share of bits that flip.
    pub corrupt: Field<Percent>,
    /// Added to the true `Content-Length`. Responses only.
    pub wrong_length: Field<i64>,
    /// The connection ends where the last chunk should come. Responses only.
    pub no_last_chunk: Field<bool>,
    /// `response` or `request`; absent: `response`.
    pub direction: Field<Direction>,
}

/// What comes in pieces.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["size", "every"]))]
pub struct Drip {
    /// The most bytes of one piece.
    pub size: Field<ByteSize>,
    /// How long after a piece the next one leaves.
    pub every: Field<Period>,
}

/// Something is done to heads: at least one thing.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpHeaders {
    /// Headers by name; those that are there are replaced.
    pub set: Field<Pairs<Scalar>>,
    /// Names of headers that are taken out.
    pub remove: Field<Vec<Field<String>>>,
    /// A header of so many bytes is added, at most `1MiB`.
    pub huge: Field<ByteSize>,
    /// The head leaves in pieces. Responses over HTTP/1 only.
    pub slow: Field<Drip>,
    /// `response` or `request`; absent: `response`.
    pub direction: Field<Direction>,
}

/// Calls over gRPC end with a status of the proxy's own.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["status"]))]
pub struct GrpcError {
    /// The status, by name or number.
    pub status: Field<GrpcStatus>,
    /// What it says.
    pub message: Field<String>,
    /// `false`: the answer ends without any status; absent: `true`.
    pub trailers: Field<bool>,
    /// `before` the upstream sees the call, or `after` it has answered; absent: `before`.
    pub when: Field<When>,
}

/// Connections are closed after an answer.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KeepAliveKill {
    /// From the how-manieth request of a connection on; absent: from the first.
    pub after_requests: Field<u64>,
    /// Nothing announces it; absent: `false`.
    pub silent: Field<bool>,
}

/// Requests are redirected to themselves.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpRedirectLoop {
    /// 301, 302, 303, 307 or 308; absent: 302.
    pub status: Field<u16>,
    /// Where the redirect leads; absent: to the very URL that was asked for.
    pub location: Field<String>,
}
