//! The header that names faults, on routes that ask for it.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, sync_channel};

use firedrill_proxy::control::wire::Protocol;

use crate::rig::{Rig, connect, read_to_end, route_spec, upstream};

/// Answers one request of each connection, and hands over its head.
fn server() -> (SocketAddr, Receiver<String>) {
    let (seen, heads) = sync_channel(16);
    let address = upstream(move |mut stream| {
        let (mut head, mut byte) = (Vec::new(), [0; 1]);
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
            head.push(byte[0]);
        }
        seen.send(String::from_utf8(head).unwrap()).unwrap();
        let _ = stream.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-firedrill-fault: made-up\r\nconnection: close\r\n\r\n",
        );
    });
    (address, heads)
}

const CONTEXT: &str = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\ntracestate: b=1, c = x\r\nbaggage: k=v;p\r\n";

/// The head of the answer to a request that claims a fault itself.
fn ask(at: SocketAddr, path: &str) -> String {
    let mut stream = connect(at);
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: a\r\n{CONTEXT}x-firedrill-fault: mine\r\nX-Firedrill-Fault: too\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    String::from_utf8(read_to_end(&mut stream).0).unwrap()
}

/// The values of the header.
fn marks(head: &str) -> Vec<&str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| name.eq_ignore_ascii_case("x-firedrill-fault"))
        .map(|(_, value)| value)
        .collect()
}

#[test]
fn requests_and_answers_name_the_faults_that_hit_them() {
    let (address, heads) = server();
    let rig = Rig::new(1);
    let mut spec = route_spec("r", Protocol::Http, address);
    spec.mark_faults = true;
    let at = rig.engine.add_route(spec).unwrap().bound.tcp().unwrap();
    rig.fault(
        r#"{"id": "slow", "owner": "drill-7", "fault": {"latency": {"delay": "1ms"}}, "match": {"path": "/slow*"}}"#,
    );
    rig.fault(r#"{"id": "a, b", "fault": {"latency": {"delay": "1ms"}}, "match": {"path": "/slow/*"}}"#);
    rig.fault(r#"{"id": "err", "fault": {"http_error": {"status": 503}}, "match": {"path": "/err"}}"#);
    for (path, marked) in
        [("/", &[][..]), ("/slow", &["drill-7/slow"]), ("/slow/er", &["drill-7/slow, manual/a%2C%20b"])]
    {
        let answer = ask(at, path);
        assert_eq!(marks(&answer), marked, "{answer}");
        let request = heads.recv().unwrap();
        assert_eq!(marks(&request), marked, "what a client claims is taken out: {request}");
        assert!(request.contains(CONTEXT), "the trace context is as it was: {request}");
    }
    let answer = ask(at, "/err");
    assert!(answer.starts_with("HTTP/1.1 503") && marks(&answer) == ["manual/err"], "{answer}");
    rig.fault(r#"{"id": "thin", "fault": {"slicer": {"size": "100B"}}}"#);
    assert_eq!(marks(&ask(at, "/slow")), ["manual/thin, drill-7/slow"], "also those of the connection");
}

#[test]
fn without_being_asked_to_the_proxy_adds_and_takes_nothing() {
    let (address, heads) = server();
    let (rig, at) = Rig::with_route(Protocol::Http, address);
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "1ms"}}}"#);
    assert_eq!(marks(&ask(at, "/")), ["made-up"]);
    assert_eq!(marks(&heads.recv().unwrap()), ["mine", "too"]);
}
