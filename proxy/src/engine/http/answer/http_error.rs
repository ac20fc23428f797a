//! `http_error`: a status, and what goes with it.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use crate::fault::HttpError;

pub(super) fn answer(fault: &HttpError) -> Response<Bytes> {
    let mut response = Response::new(fault.body.clone().unwrap_or_default().into());
    // The parameters were checked when the fault was armed; what cannot be is left out.
    *response.status_mut() = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in &fault.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            headers.append(name, value);
        }
    }
    if let Some(seconds) = fault.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_was_asked_for_stands_in_it() {
        let json = r#"{"status": 429, "body": "slow down", "headers": {"x-a": "1"}, "retry_after": "2m"}"#;
        let answer = answer(&serde_json::from_str(json).unwrap());
        let header = |name| answer.headers().get(name).unwrap().to_str().unwrap();
        assert_eq!((answer.status().as_u16(), header("x-a"), header("retry-after")), (429, "1", "120"));
        assert_eq!(answer.body(), "slow down");
    }
}
