//! `grpc_error`: calls over gRPC end with a status of the proxy's own.

mod status;

pub use status::GrpcStatus;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ParameterProblem, When};

/// The call is answered with HTTP 200 and this gRPC status, and without any message. Only requests whose content type is
/// `application/grpc` (or begins so) are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrpcError {
    /// The status, by its number (0 to 16) or by its name.
    pub status: GrpcStatus,
    /// What it says; percent-encoded on its way, as gRPC asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `false`: the answer ends without any status, as when a server dies between the last message and its trailers.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub trailers: bool,
    /// `before` the upstream sees the call, or `after` it has answered; its answer is then thrown away.
    #[serde(default, skip_serializing_if = "When::is_before")]
    pub when: When,
}

/// Whether these are the headers of a gRPC call.
pub(super) fn is_call(headers: &http::HeaderMap) -> bool {
    let kind = headers.get(http::header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with(b"application/grpc"))
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_true(value: &bool) -> bool {
    *value
}

impl GrpcError {
    /// The longest message before it is encoded.
    pub const MESSAGE_MAX_BYTES: usize = 4 * 1024;

    /// This status before the upstream sees the call.
    pub const fn new(status: GrpcStatus) -> Self {
        Self { status, message: None, trailers: true, when: When::Before }
    }

    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        let Some(message) = &self.message else { return Vec::new() };
        let mut problems = Vec::new();
        if message.len() > Self::MESSAGE_MAX_BYTES {
            problems.push(ParameterProblem::new("message", "is longer than 4 KiB", "make it shorter"));
        }
        if !self.trailers {
            let why = "stands beside `trailers: false`, which says nothing";
            problems.push(ParameterProblem::new("message", why, "leave one of them out"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_given_by_number_or_by_name() {
        for (json, written) in [
            (r#"{"status": 14}"#, r#"{"status":"UNAVAILABLE"}"#),
            (r#"{"status": "unavailable", "when": "after"}"#, r#"{"status":"UNAVAILABLE","when":"after"}"#),
            (r#"{"status": "0", "trailers": false}"#, r#"{"status":"OK","trailers":false}"#),
        ] {
            let fault: GrpcError = serde_json::from_str(json).unwrap();
            assert_eq!(fault.check(), []);
            assert_eq!(serde_json::to_string(&fault).unwrap(), written);
            assert_eq!(serde_json::from_str::<GrpcError>(written).unwrap(), fault);
        }
    }

    #[test]
    fn a_message_needs_trailers_to_carry_it() {
        let fault: GrpcError =
            serde_json::from_str(r#"{"status": 5, "message": "x", "trailers": false}"#).unwrap();
        assert_eq!(fault.check()[0].key, "message");
        let long = GrpcError { message: Some("x".repeat(5_000)), ..GrpcError::new(fault.status) };
        assert_eq!(long.check().len(), 1);
    }
}
