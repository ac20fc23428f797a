//! The faults on HTTP requests and answers, as files write them.

use serde_json::{Value, json};

use super::expanded::round_trip;
use super::mistakes::{check, fault};
use super::planned;

/// A whole scenario with one fault.
pub(super) fn scenario(entry: &str) -> String {
    format!(
        "firedrill: v1\nkind: Scenario\nname: x\n\
         routes:\n  payments: {{listen: '127.0.0.1:9001', upstream: '127.0.0.1:9000', protocol: http}}\n\
         load: {{http: 'http://127.0.0.1:8080/', rate: 20/s}}\n\
         steady_state: [{{name: shop, http: 'http://127.0.0.1:8080/'}}]\n\
         faults:\n  - target: route/payments\n    max: 2m\n    {entry}\n"
    )
}

#[track_caller]
fn means(entry: &str, expected: Value) {
    let text = scenario(entry);
    let plan = planned("x.yaml", &text, None);
    assert_eq!(serde_json::to_value(&plan.faults[0].fault).unwrap(), expected, "{entry}");
    round_trip("x.yaml", &text, None);
}

#[test]
fn short_and_long_forms_are_read() {
    means("http_error: 503", json!({"http_error": {"status": 503}}));
    means(
        "http_error: {status: 503, body: no, headers: {x-a: 1.10}, retry_after: 30s, when: after}",
        json!({"http_error": {"status": 503, "body": "no", "headers": {"x-a": "1.10"}, "retry_after": "30s",
                              "when": "after"}}),
    );
    means("http_body: {truncate: 1KiB}", json!({"http_body": {"truncate": "1KiB", "direction": "response"}}));
    means(
        "http_body: {drip: {size: 64B, every: 100ms}, direction: request}",
        json!({"http_body": {"drip": {"size": "64B", "every": "100ms"}, "direction": "request"}}),
    );
    means(
        "http_body: {wrong_length: -10}",
        json!({"http_body": {"wrong_length": -10, "direction": "response"}}),
    );
    means(
        "http_body: {no_last_chunk: true}",
        json!({"http_body": {"no_last_chunk": true, "direction": "response"}}),
    );
    means(
        "http_headers: {set: {x-a: 1}, remove: [etag], huge: 64KiB, slow: {size: 1B, every: 1s}}",
        json!({"http_headers": {"set": {"x-a": "1"}, "remove": ["etag"], "huge": "64KiB",
                                "slow": {"size": "1B", "every": "1s"}, "direction": "response"}}),
    );
    means("grpc_error: unavailable", json!({"grpc_error": {"status": "UNAVAILABLE"}}));
    means("grpc_error: 14", json!({"grpc_error": {"status": "UNAVAILABLE"}}));
    means(
        "grpc_error: {status: 4, trailers: false, when: after}",
        json!({"grpc_error": {"status": "DEADLINE_EXCEEDED", "trailers": false, "when": "after"}}),
    );
    means("keep_alive_kill: {}", json!({"keep_alive_kill": {}}));
    means(
        "keep_alive_kill: {after_requests: 3, silent: true}",
        json!({"keep_alive_kill": {"after_requests": 3, "silent": true}}),
    );
    means("http_redirect_loop: {}", json!({"http_redirect_loop": {}}));
    means("http_redirect_loop: 307", json!({"http_redirect_loop": {"status": 307}}));
    means("http_redirect_loop: {location: /x}", json!({"http_redirect_loop": {"location": "/x"}}));
    means(
        "latency: {delay: 2s, before: body}",
        json!({"latency": {"delay": "2s", "before": "body", "direction": "response"}}),
    );
}

#[test]
fn what_a_request_waits_for_needs_no_direction() {
    let text = scenario("latency: {delay: 2s, before: request}");
    round_trip("x.yaml", &text, None);
    fault("    latency: {delay: 2s, before: request, direction: request}\n", "");
    fault("    latency: {delay: 2s, before: request, direction: response}\n", "4:54 bad-parameter");
    fault("    latency: {delay: 2s, before: body, direction: request}\n", "4:34 bad-parameter");
    fault("    latency: {delay: 2s, before: trailers}\n", "4:34 unknown-value");
}

#[test]
fn each_mistake_is_found_in_its_place() {
    fault("    http_error: {status: 503, retry_after: 1500ms}\n", "4:44 bad-parameter");
    fault("    http_error: {when: later}\n", "4:17 missing-key, 4:24 unknown-value");
    fault("    http_body: {}\n", "4:16 bad-parameter");
    fault("    http_body: {truncate: 1KiB, replace: x}\n", "4:42 bad-parameter");
    fault("    http_body: {truncate: 1KiB, direction: both}\n", "4:44 bad-parameter");
    fault("    http_body: {wrong_length: 0}\n", "4:31 bad-parameter");
    fault("    http_body: {drip: {size: 1B}}\n", "4:23 missing-key");
    fault("    http_body: {drip: {size: 0B, every: 1s}}\n", "4:23 bad-parameter");
    fault("    http_headers: {}\n", "4:19 bad-parameter");
    fault("    http_headers: {set: {Content-Length: 4}}\n", "4:25 bad-parameter");
    fault("    http_headers: {huge: 2MiB}\n", "4:26 bad-parameter");
    fault("    http_headers: {slow: {size: 1B, every: 1s}, direction: request}\n", "4:26 bad-parameter");
    fault("    grpc_error: 17\n", "4:17 bad-value");
    fault("    grpc_error: {status: OOPS}\n", "4:26 bad-value");
    fault("    grpc_error: {status: 1, trailers: false, message: x}\n", "4:55 bad-parameter");
    fault("    keep_alive_kill: {after_requests: 0}\n", "4:39 bad-parameter");
    fault("    http_redirect_loop: 200\n", "4:25 bad-parameter");
    fault("    http_redirect_loop: {location: ''}\n", "4:36 bad-parameter");
}

#[test]
fn a_route_of_plain_bytes_has_no_requests() {
    for entry in [
        "http_body: {truncate: 1KiB}",
        "http_headers: {huge: 1KiB}",
        "grpc_error: 14",
        "keep_alive_kill: {}",
        "http_redirect_loop: {}",
        "latency: {delay: 1s, before: headers}",
    ] {
        check(&format!("faults:\n  - target: route/raw\n    max: 2m\n    {entry}\n"), "4:5 needs-http");
    }
}
