//! `grpc_error`: an answer that is all trailers, which gRPC sends as headers.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, header};

use crate::fault::GrpcError;

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
static GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The content type is that of the call, as servers answer.
pub(super) fn answer(fault: &GrpcError, content_type: Option<&HeaderValue>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("application/grpc");
    headers.insert(header::CONTENT_TYPE, content_type.cloned().unwrap_or(plain));
    if !fault.trailers {
        return response;
    }
    headers.insert(GRPC_STATUS.clone(), HeaderValue::from(u16::from(fault.status.code())));
    let message = fault.message.as_ref().map(|message| HeaderValue::from_str(&encoded(message)));
    if let Some(Ok(message)) = message {
        headers.insert(GRPC_MESSAGE.clone(), message);
    }
    response
}

/// Visible characters and spaces as they are, everything else and `%` itself as `%` and two digits for each byte.
fn encoded(message: &str) -> String {
    message.bytes().fold(String::with_capacity(message.len()), |mut out, byte| {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(json: &str) -> http::HeaderMap {
        let kind = HeaderValue::from_static("application/grpc+proto");
        let answer = answer(&serde_json::from_str(json).unwrap(), Some(&kind));
        assert_eq!(answer.status(), 200);
        assert!(answer.body().is_empty());
        answer.headers().clone()
    }

    #[test]
    fn the_status_and_its_message_stand_in_the_only_headers() {
        let found = headers(r#"{"status": "UNAVAILABLE", "message": "gone: 100% übel\n"}"#);
        assert_eq!(found["content-type"], "application/grpc+proto");
        assert_eq!(found["grpc-status"], "14");
        assert_eq!(found["grpc-message"], "gone: 100%25 %C3%BCbel%0A");
    }

    #[test]
    fn without_trailers_nothing_says_how_the_call_ended() {
        let found = headers(r#"{"status": 14, "trailers": false}"#);
        assert!(!found.contains_key("grpc-status") && found.contains_key("content-type"));
    }
}
