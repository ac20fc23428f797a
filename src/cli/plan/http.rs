//! What the faults on HTTP requests and answers do, in words.

use super::words::flow;
use crate::fault::{
    GrpcError, HttpBody, HttpError, HttpHeaders, HttpRedirectLoop, KeepAliveKill, TrafficFault, When,
};

/// Whether it ends the connections (HTTP/2: the streams) that it hits.
pub(super) fn ends(fault: &TrafficFault) -> bool {
    match fault {
        TrafficFault::KeepAliveKill(_) => true,
        TrafficFault::HttpBody(body) => {
            body.truncate.is_some() || body.wrong_length.is_some() || body.no_last_chunk
        }
        _ => false,
    }
}

const fn upstream(when: When) -> &'static str {
    match when {
        When::Before => "the upstream never sees them",
        When::After => "the upstream has done its work, and its answers are thrown away",
    }
}

pub(super) fn answered(error: &HttpError) -> String {
    let again = error.retry_after.map(|after| format!(" and asked to wait {after}")).unwrap_or_default();
    format!("requests are answered with status {}{again}; {}", error.status, upstream(error.when))
}

pub(super) fn calls(error: &GrpcError) -> String {
    let end = if error.trailers {
        format!("are answered with the status {} ({})", error.status, error.status.code())
    } else {
        "end without any status".to_owned()
    };
    format!("gRPC calls {end}; {}", upstream(error.when))
}

pub(super) fn bodies(body: &HttpBody) -> String {
    let whose = flow(body.direction);
    if let Some(size) = body.truncate {
        return format!("bodies of {whose} are cut off after {size}");
    }
    if let Some(drip) = body.drip {
        return format!("bodies of {whose} leave in pieces of {} at most, {} apart", drip.size, drip.every);
    }
    if let Some(text) = &body.replace {
        return format!("bodies of {whose} are replaced by a text of {} bytes", text.len());
    }
    if let Some(share) = body.corrupt {
        return format!("{share} of the bits of the bodies of {whose} flip");
    }
    match body.wrong_length {
        Some(more @ 0..) => format!("{whose} announce {more} bytes more than they have"),
        Some(fewer) => format!("{whose} announce {} bytes fewer than they have", fewer.unsigned_abs()),
        None => format!("bodies of {whose} come in chunks and end without the last one"),
    }
}

pub(super) fn heads(headers: &HttpHeaders) -> String {
    let names = |names: Vec<&str>| format!("`{}`", names.join("`, `"));
    let set = (!headers.set.is_empty())
        .then(|| format!("get {}", names(headers.set.keys().map(String::as_str).collect())));
    let removed = (!headers.remove.is_empty())
        .then(|| format!("lose {}", names(headers.remove.iter().map(String::as_str).collect())));
    let huge = headers.huge.map(|size| format!("get a header of {size}"));
    let slow = headers
        .slow
        .map(|slow| format!("leave their head in pieces of {} at most, {} apart", slow.size, slow.every));
    let parts: Vec<String> = [removed, set, huge, slow].into_iter().flatten().collect();
    format!("{} {}", flow(headers.direction), parts.join(", "))
}

pub(super) fn closed(kill: KeepAliveKill) -> String {
    let from = match kill.after_requests {
        None | Some(0..=1) => String::new(),
        Some(n) => format!(" from its request {n} on"),
    };
    let said = if kill.silent { "without a word" } else { "as announced" };
    format!("a connection is closed{from} right after a complete answer, {said}")
}

pub(super) fn redirected(redirect: &HttpRedirectLoop) -> String {
    let place =
        redirect.location.as_ref().map_or("themselves".to_owned(), |location| format!("`{location}`"));
    format!(
        "requests are redirected to {place} with status {}; the upstream never sees them",
        redirect.status
    )
}

#[cfg(test)]
mod tests {
    use super::super::traffic::deed;
    use super::*;

    #[test]
    fn each_is_said_in_a_sentence_of_its_own() {
        for (json, ends_connections, words) in [
            (
                r#"{"http_error": {"status": 503, "retry_after": "30s", "when": "after"}}"#,
                false,
                "requests are answered with status 503 and asked to wait 30s; the upstream has done its work, and its \
                 answers are thrown away",
            ),
            (r#"{"http_body": {"truncate": "1KiB"}}"#, true, "bodies of responses are cut off after 1KiB"),
            (
                r#"{"http_body": {"drip": {"size": "64B", "every": "100ms"}, "direction": "request"}}"#,
                false,
                "bodies of requests leave in pieces of 64B at most, 100ms apart",
            ),
            (
                r#"{"http_body": {"replace": "{}"}}"#,
                false,
                "bodies of responses are replaced by a text of 2 bytes",
            ),
            (r#"{"http_body": {"corrupt": "1%"}}"#, false, "1% of the bits of the bodies of responses flip"),
            (
                r#"{"http_body": {"wrong_length": -5}}"#,
                true,
                "responses announce 5 bytes fewer than they have",
            ),
            (
                r#"{"http_body": {"no_last_chunk": true}}"#,
                true,
                "bodies of responses come in chunks and end without the last one",
            ),
            (
                r#"{"http_headers": {"set": {"x-a": "1"}, "remove": ["etag", "vary"], "huge": "64KiB"}}"#,
                false,
                "responses lose `etag`, `vary`, get `x-a`, get a header of 64KiB",
            ),
            (
                r#"{"http_headers": {"slow": {"size": "1B", "every": "1s"}}}"#,
                false,
                "responses leave their head in pieces of 1B at most, 1s apart",
            ),
            (
                r#"{"grpc_error": {"status": 14}}"#,
                false,
                "gRPC calls are answered with the status UNAVAILABLE (14); the upstream never sees them",
            ),
            (
                r#"{"grpc_error": {"status": 14, "trailers": false, "when": "after"}}"#,
                false,
                "gRPC calls end without any status; the upstream has done its work, and its answers are thrown away",
            ),
            (
                r#"{"keep_alive_kill": {"after_requests": 3, "silent": true}}"#,
                true,
                "a connection is closed from its request 3 on right after a complete answer, without a word",
            ),
            (
                r#"{"http_redirect_loop": {}}"#,
                false,
                "requests are redirected to themselves with status 302; the upstream never sees them",
            ),
        ] {
            let fault: TrafficFault = serde_json::from_str(json).unwrap();
            assert_eq!((deed(&fault).as_str(), ends(&fault)), (words, ends_connections), "{json}");
        }
    }
}
