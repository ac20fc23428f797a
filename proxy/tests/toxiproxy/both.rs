//! The two APIs over one engine: what is made here is seen there.

use serde_json::json;

use crate::raw;
use crate::running::{Running, owned, slow};

fn native(running: &Running, method: &str, path: &str, body: &str) -> serde_json::Value {
    let answer = raw::json(running.address, method, &format!("/v1/routes/p{path}"), body);
    assert!(answer.status < 300, "{answer:?}");
    answer.json()
}

#[test]
fn a_toxic_is_a_fault_set_by_hand() {
    let running = Running::start();
    running.proxy();
    for (toxic, fault) in [
        (
            r#"{"type": "latency", "attributes": {"latency": 100, "jitter": 20}}"#,
            json!({"latency": {"delay": "100ms", "jitter": "20ms", "direction": "response"}}),
        ),
        (
            r#"{"type": "bandwidth", "stream": "upstream", "attributes": {"rate": 64}}"#,
            json!({"bandwidth": {"rate": "64KB/s", "direction": "request"}}),
        ),
        (
            r#"{"type": "bandwidth", "stream": "both", "attributes": {}}"#,
            json!({"stall": {"direction": "both"}}),
        ),
        (
            r#"{"type": "slicer", "attributes": {"average_size": 64, "size_variation": 99, "delay": 10}}"#,
            json!({"slicer": {"size": "64B", "variation": "63B", "delay": "10us", "direction": "response"}}),
        ),
        (
            r#"{"type": "reset_peer", "stream": "upstream", "attributes": {"timeout": 50}}"#,
            json!({"reset": {"after": "50ms", "from": "first-bytes", "direction": "request"}}),
        ),
        (
            r#"{"type": "slow_close", "attributes": {"delay": 50}}"#,
            json!({"slow_close": {"delay": "50ms", "direction": "response"}}),
        ),
        (r#"{"type": "limit_data"}"#, json!({"limit_data": {"bytes": "0B", "direction": "response"}})),
        (
            r#"{"type": "timeout", "attributes": {"timeout": 50}}"#,
            json!({"blackhole": {"direction": "response", "close_after": "50ms"}}),
        ),
        (
            r#"{"type": "timeout", "attributes": {"timeout": 0}}"#,
            json!({"blackhole": {"direction": "response"}}),
        ),
    ] {
        let made = running.ask("POST /proxies/p/toxics", toxic).json();
        let name = made["name"].as_str().unwrap();
        let seen = native(&running, "GET", &format!("/faults/{name}"), "")["spec"].take();
        assert_eq!((&seen["fault"], &seen["owner"]), (&fault, &"manual".into()));
        assert_eq!(running.ask(&format!("DELETE /proxies/p/toxics/{name}"), "").status, 204);
    }
    running.toxic(r#"{"type": "latency", "attributes": {"latency": 5}, "toxicity": 0.25}"#);
    let share = native(&running, "GET", "/faults/latency_downstream", "")["spec"]["scope"]["percent"].take();
    assert_eq!(share, "25%");
    for nothing in [
        r#"{"type": "noop"}"#,
        r#"{"type": "latency", "name": "l", "attributes": {"latency": -5, "jitter": 5}}"#,
    ] {
        running.toxic(nothing);
    }
    assert_eq!(
        native(&running, "GET", "", "")["faults"].as_array().unwrap().len(),
        1,
        "what does nothing is no fault"
    );
}

#[test]
fn a_fault_is_a_toxic_when_a_toxic_can_say_it() {
    let running = Running::start();
    running.proxy();
    for (fault, toxic) in [
        (
            json!({"fault": {"latency": {"delay": "2s"}}, "scope": {"percent": "25%"}}),
            json!([{"attributes": {"latency": 2000, "jitter": 0}, "name": "f", "type": "latency", "stream": "downstream", "toxicity": 0.25}]),
        ),
        (
            json!({"fault": {"bandwidth": {"rate": "8KB/s", "direction": "both"}}}),
            json!([{"attributes": {"rate": 8}, "name": "f", "type": "bandwidth", "stream": "both", "toxicity": 1}]),
        ),
        (json!({"fault": {"latency": {"delay": "1500us"}}}), json!([])),
        (json!({"fault": {"bandwidth": {"rate": "1B/s"}}}), json!([])),
        (json!({"fault": {"stall": {"after_bytes": "1KB"}}}), json!([])),
        (json!({"fault": {"latency": {"delay": "2s"}}, "scope": {"sticky": {"client": {}}}}), json!([])),
    ] {
        native(&running, "PUT", "/faults/f", &fault.to_string());
        assert_eq!(running.ask("GET /proxies/p/toxics", "").json(), toxic, "{fault}");
        running.refuses(
            "POST /proxies/p/toxics",
            r#"{"type": "noop", "name": "f"}"#,
            409,
            "toxic already exists",
        );
    }
}

#[test]
fn a_toxic_that_is_changed_or_removed_over_there_is_so_here() {
    let running = Running::start();
    running.proxy();
    running.toxic(r#"{"type": "latency", "name": "t", "attributes": {"latency": 100}}"#);
    native(&running, "PATCH", "/faults/t", r#"{"delay": "300ms"}"#);
    assert_eq!(running.ask("GET /proxies/p/toxics/t", "").json()["attributes"]["latency"], 300);
    assert_eq!(running.ask("PATCH /proxies/p/toxics/t", r#"{"attributes": {"jitter": 10}}"#).status, 200);
    let fault = native(&running, "GET", "/faults/t", "")["spec"]["fault"].take();
    assert_eq!(fault, json!({"latency": {"delay": "300ms", "jitter": "10ms", "direction": "response"}}));
    native(&running, "DELETE", "/faults/t", "");
    running.refuses("GET /proxies/p/toxics/t", "", 404, "toxic not found");
    running.toxic(r#"{"type": "noop", "name": "t"}"#);
    native(&running, "DELETE", "", "");
    running.proxy();
    assert_eq!(
        running.ask("GET /proxies/p/toxics", "").json(),
        json!([]),
        "a new proxy of an old name is new"
    );
}

#[test]
fn a_change_goes_on_counting_what_the_toxic_did() {
    let running = Running::start();
    let at = running.proxy();
    running.toxic(r#"{"type": "latency", "name": "t", "attributes": {"latency": 1}}"#);
    crate::running::exchange(at);
    running.ask("PATCH /proxies/p/toxics/t", r#"{"attributes": {"latency": 2}}"#);
    assert_eq!(native(&running, "GET", "/faults/t", "")["evidence"]["matched"], 1);
    running.control.put_fault("p", slow("mine")).unwrap();
    running.control.put_fault("p", owned("theirs", "drill-1", "1m", "2m")).unwrap();
    let names: Vec<String> = running
        .ask("GET /proxies/p/toxics", "")
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|toxic| toxic["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["t", "mine", "theirs"]);
}
