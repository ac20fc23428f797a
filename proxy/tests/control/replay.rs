//! A ledger that was read over HTTP is sent back, and the same happens again.

use serde_json::{Value, json};

use crate::raw;
use crate::running::{Running, SOON, echo, exchange};

const FAULT: &str = "/v1/routes/payments/faults/slow";

/// A proxy whose route has a fault that 20 connections met.
fn met_by_20(body: &Value) -> Running {
    let running = Running::start();
    let bound = running.route("payments", echo()).bound.tcp().unwrap();
    let answer = raw::json(running.address, "PUT", FAULT, &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    for _ in 0..20 {
        exchange(bound);
    }
    running
}

fn ledger(running: &Running) -> Value {
    raw::get(running.address, &format!("{FAULT}/ledger")).json()
}

#[test]
fn what_was_recorded_is_sent_back_as_it_came_and_happens_again() {
    let fault = json!({"latency": {"delay": "2ms", "jitter": "1ms"}});
    let recorded = ledger(&met_by_20(&json!({"fault": fault, "seed": 3, "scope": {"percent": "40%"}})));
    let hits = recorded.as_array().unwrap().iter().filter(|entry| entry["hit"] == true).count();
    assert!((1..20).contains(&hits), "{recorded}");
    let running = met_by_20(&json!({"fault": fault, "replay": recorded}));
    assert_eq!(ledger(&running), recorded);

    let view = raw::get(running.address, FAULT).json();
    assert_eq!((&view["replays"], &view["spec"]["replay"]), (&json!(20), &Value::Null));
    // A change of a parameter keeps the recording.
    let changed = raw::json(running.address, "PATCH", FAULT, r#"{"delay": "3ms"}"#);
    assert_eq!((changed.status, &changed.json()["replays"]), (200, &json!(20)), "{changed:?}");
    let short = raw::json(running.address, "PATCH", FAULT, r#"{"delay": "1ms"}"#).problem(422);
    assert!(short.contains("can draw"), "{short}");
}

#[test]
fn the_body_of_a_fault_may_be_long_and_no_other() {
    let running = Running::start();
    running.route("payments", echo());
    let entry = |ordinal: usize| json!({"ordinal": ordinal, "hit": true, "drawn": 1_999});
    let put = |entries: usize| {
        let replay: Vec<Value> = (0..entries).map(entry).collect();
        let body = json!({"fault": {"latency": {"delay": "2ms"}}, "replay": replay}).to_string();
        (body.len(), raw::json(running.address, "PUT", FAULT, &body))
    };
    let (bytes, answer) = put(27_000);
    assert!(bytes > 1 << 20 && answer.status == 200, "{bytes} bytes: {}", answer.head);
    assert_eq!(answer.json()["replays"], 27_000);
    let endless = format!(r#"{{"on_remove": "{}"}}"#, "x".repeat(8 << 20));
    let answer = raw::json(running.address, "PUT", FAULT, &endless);
    assert!(answer.problem(413).contains("larger than 8388608 bytes"));
    // Elsewhere a body is short.
    let long = format!("{{\"listen\": \"{}\"}}", "1".repeat(1 << 20));
    raw::json(running.address, "PATCH", "/v1/routes/payments", &long).problem(413);
}

#[test]
fn long_bodies_take_turns_and_short_ones_do_not_wait_for_them() {
    use std::io::Write;
    let running = Running::start();
    running.route("payments", echo());
    let begin = || {
        let mut stream = std::net::TcpStream::connect(running.address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        write!(
            stream,
            "PUT {FAULT} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n{{",
            running.address
        )
        .unwrap();
        stream
    };
    let slow = [begin(), begin()];
    let long = json!({"fault": {"reset": {}}, "on_remove": "x".repeat(1 << 20)}).to_string();
    let began = std::time::Instant::now();
    loop {
        let answer = raw::json(running.address, "PUT", FAULT, &long);
        // Until both have been read from, there is a turn left, and the body is refused for what it says.
        if answer.status == 503 {
            assert!(answer.problem(503).contains("in a moment"));
            break;
        }
        answer.problem(422);
        assert!(began.elapsed() < SOON, "never busy");
    }
    assert_eq!(raw::json(running.address, "PUT", FAULT, r#"{"fault": {"reset": {}}}"#).status, 200);
    drop(slow);
}
