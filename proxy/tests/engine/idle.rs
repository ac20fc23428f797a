//! Connections on which nothing moves.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use firedrill_proxy::control::wire::RouteSpec;

use crate::rig::{Rig, connect, echo, eventually, read_to_end, round_trip, upstream};

fn routed(protocol: &str, to: SocketAddr, timeout: &str) -> (Rig, SocketAddr) {
    let rig = Rig::new(1);
    let json = format!(
        r#"{{"name": "r", "listen": "127.0.0.1:0", "protocol": "{protocol}", "upstream": "{to}", "idle_timeout": "{timeout}"}}"#
    );
    let spec: RouteSpec = serde_json::from_str(&json).unwrap();
    let at = rig.engine.add_route(spec).unwrap().bound.tcp().unwrap();
    (rig, at)
}

fn ok() -> SocketAddr {
    upstream(|mut stream| {
        while matches!(stream.read(&mut [0; 4096]), Ok(n) if n > 0) {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    })
}

#[test]
fn an_idle_connection_is_closed_and_one_that_moves_is_not() {
    let (rig, at) = routed("tcp", echo(), "300ms");
    let (mut idle, mut busy) = (connect(at), connect(at));
    let began = Instant::now();
    round_trip(&mut idle);
    for _ in 0..12 {
        round_trip(&mut busy);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(read_to_end(&mut idle), (vec![], Ok(())));
    assert!(began.elapsed() >= Duration::from_millis(300));
    round_trip(&mut busy);
    assert_eq!(rig.view().traffic.idle_closed, 1);
    assert_eq!(read_to_end(&mut busy), (vec![], Ok(())));
    eventually("counted", || rig.view().traffic.idle_closed == 2);
}

#[test]
fn what_a_fault_holds_back_is_waited_for() {
    let (rig, at) = routed("tcp", echo(), "100ms");
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "500ms"}}}"#);
    let mut stream = connect(at);
    assert!(round_trip(&mut stream) >= Duration::from_millis(500));
    let (rig, at) = routed("http", ok(), "100ms");
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "500ms"}}}"#);
    let mut stream = connect(at);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    assert!(read_to_end(&mut stream).0.ends_with(b"ok"));
}

#[test]
fn a_client_that_never_speaks_is_idle_too() {
    for protocol in ["auto", "http"] {
        let (rig, at) = routed(protocol, ok(), "100ms");
        assert_eq!(read_to_end(&mut connect(at)), (vec![], Ok(())), "{protocol}");
        eventually("counted", || rig.view().traffic.idle_closed == 1);
    }
}

#[test]
fn a_request_that_comes_byte_by_byte_keeps_no_connection_open() {
    let (rig, at) = routed("http", ok(), "200ms");
    let mut stream = connect(at);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answer = [0; 40];
    assert!(stream.read(&mut answer).unwrap() > 0);
    let began = Instant::now();
    while rig.view().traffic.idle_closed == 0 && began.elapsed() < Duration::from_secs(10) {
        let _ = stream.write_all(b"G");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(rig.view().traffic.idle_closed, 1);
    eventually("gone", || rig.view().traffic.connections_open == 0);
}
