//! What the API refuses, as raw bytes see it.

use crate::raw;
use crate::running::{Running, echo};

#[test]
fn bad_input_is_a_problem_that_names_the_value_and_the_way_out() {
    let running = Running::start();
    running.route("payments", echo());
    let fault = "/v1/routes/payments/faults/slow";
    for (method, path, body, status, says) in [
        ("POST", "/v1/routes", r#"{"name": "a", "listen": "x"}"#, 422, "`upstream` is missing"),
        (
            "POST",
            "/v1/routes",
            r#"{"name": "a", "listen": "127.0.0.1:0", "upstream": "h:1", "colour": 1}"#,
            422,
            "`colour`",
        ),
        (
            "POST",
            "/v1/routes",
            r#"{"name": "a b", "listen": "127.0.0.1:0", "upstream": "h:1"}"#,
            422,
            "`a b`",
        ),
        (
            "POST",
            "/v1/routes",
            r#"{"name": "a", "listen": "127.0.0.1:0", "upstream": "h"}"#,
            422,
            "`host:port`",
        ),
        (
            "POST",
            "/v1/routes",
            r#"{"name": "payments", "listen": "127.0.0.1:0", "upstream": "h:1"}"#,
            409,
            "`payments`",
        ),
        ("POST", "/v1/routes", "{", 422, "EOF"),
        ("PUT", fault, r#"{"fault": {"latency": {"delay": "1s", "dealy": "2s"}}}"#, 422, "`dealy`"),
        ("PUT", fault, r#"{"fault": {"latency": {"delay": "1"}}}"#, 422, "has no unit"),
        (
            "PUT",
            fault,
            r#"{"fault": {"latency": {"delay": "1s", "jitter": "2s"}}}"#,
            422,
            "larger than `delay`",
        ),
        ("PUT", fault, r#"{"fault": {"http_error": {"status": 503}}}"#, 422, "`protocol: tcp`"),
        ("PUT", fault, r#"{"fault": {"no_such": {}}}"#, 422, "`no_such`"),
        ("PUT", fault, r#"{"id": "fast", "fault": {"reset": {}}}"#, 422, "the path names fault `slow`"),
        ("PUT", fault, r#"{"lease": "15s", "fault": {"reset": {}}}"#, 422, "leave both out"),
        ("PUT", "/v1/routes/payments/faults/..%2Fx", r#"{"fault": {"reset": {}}}"#, 422, "letters, digits"),
        ("PATCH", fault, r#"{"delay": "1s"}"#, 404, "`slow`"),
        ("POST", "/v1/owners/d/renew", r#"{"lease": "0s"}"#, 422, "not between"),
        ("POST", "/v1/owners/d/renew", r#"{"leese": "1s"}"#, 422, "`leese`"),
        ("GET", "/v1/rutes", "", 404, "/v1/rutes"),
        ("PUT", "/v1/routes", "{}", 405, "PUT"),
    ] {
        let detail = raw::json(running.address, method, path, body).problem(status);
        assert!(detail.contains(says), "{method} {path} {body}: {detail}");
    }
    assert!(running.control.route("payments").unwrap().faults.is_empty(), "nothing of it was done");
    assert_eq!(running.control.routes().len(), 1);
}

#[test]
fn a_page_in_a_browser_cannot_reach_it() {
    let running = Running::start();
    let at = running.address;
    // By a name that was re-bound to loopback.
    let bound = raw::send(at, "GET /v1/routes HTTP/1.1\r\nHost: evil.example:8474\r\n", "");
    assert!(bound.problem(421).contains("`evil.example:8474`"));
    // By a form, whose content type needs no leave from us.
    let head = format!("POST /v1/routes HTTP/1.1\r\nHost: {at}\r\nContent-Type: text/plain\r\n");
    let form = raw::send(at, &head, r#"{"name": "a", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}"#);
    assert!(form.problem(415).contains("`text/plain`"));
    assert!(running.control.routes().is_empty());
    assert_eq!(raw::send(at, "GET /v1/routes HTTP/1.1\r\nHost: localhost\r\n", "").status, 200);
}

#[test]
fn a_body_has_a_limit() {
    let running = Running::start();
    let body = format!("{{\"name\": \"{}\"}}", "x".repeat(1024 * 1024));
    let head = format!(
        "POST /v1/routes HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n",
        running.address
    );
    assert!(raw::send(running.address, &head, &body).problem(413).contains("1048576"));
}
