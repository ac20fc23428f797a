//! What faults do to heads, between head and body, and to the life of a connection.

use std::io::Read;
use std::time::Instant;

use firedrill_proxy::control::wire::Protocol;

use crate::http::{Client, read_message};
use crate::http_bodies::{PAGE, ask, routed, shop};
use crate::rig::{Rig, eventually, is_silent, ms};

#[test]
fn headers_of_answers_are_set_removed_and_made_huge() {
    let fault = r#"{"http_headers": {"set": {"X-Seen": "no", "X-New": "1"}, "remove": ["etag", "x-none"], "huge": "100KiB"}}"#;
    let (rig, mut client) = routed(fault);
    for _ in 0..2 {
        let answer = client.get("/page");
        let find = |name: &str| {
            let found = answer.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
        };
        assert_eq!((find("x-seen"), find("x-new"), find("etag")), (vec!["no"], vec!["1"], vec![]));
        assert_eq!(find("x-firedrill-huge"), [&"x".repeat(100 * 1024)]);
        assert_eq!(answer.body, PAGE.as_bytes());
    }
    rig.counted("f", 2, 2);
    rig.fault(r#"{"id": "f", "fault": {"http_headers": {"remove": ["x-none"]}}}"#);
    assert_eq!(client.get("/page").header("X-Seen"), Some("yes"));
    assert_eq!(rig.counted("f", 3, 2).faulted, 2, "nothing was there to be removed");
}

#[test]
fn headers_of_requests_are_changed_on_their_way() {
    let (rig, mut client) =
        routed(r#"{"http_headers": {"set": {"x-a": "1"}, "remove": ["x-b"], "direction": "request"}}"#);
    client.send("GET /headers HTTP/1.1\r\nHost: a\r\nX-B: 2\r\nX-C: 3\r\n\r\n");
    let seen = String::from_utf8(read_message(&mut client.reader).unwrap().body).unwrap();
    assert!(seen.contains(r#"("x-a", "1")"#) && seen.contains("x-c") && !seen.contains("x-b"), "{seen}");
    rig.counted("f", 1, 1);
}

#[test]
fn a_slow_head_comes_in_pieces_and_its_body_at_once() {
    let (rig, mut client) = routed(r#"{"http_headers": {"slow": {"size": "10B", "every": "10ms"}}}"#);
    for n in 1..=2 {
        let began = Instant::now();
        ask(&mut client, "GET /page");
        let came = client.get_head();
        let pieces = came.len().div_ceil(10) as u64;
        let took = began.elapsed();
        assert!((ms(10 * (pieces - 1))..ms(2_000)).contains(&took), "{pieces} pieces: {took:?}");
        let mut body = [0; 26];
        client.reader.read_exact(&mut body).unwrap();
        assert_eq!(&body, PAGE.as_bytes());
        rig.counted("f", n, n);
    }
    rig.fault(r#"{"id": "f", "fault": {"http_headers": {"slow": {"size": "10B", "every": "1h"}}}}"#);
    ask(&mut client, "GET /page");
    let mut first = [0; 10];
    client.reader.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 2");
    assert!(is_silent(&mut client.out, ms(60)));
    rig.remove("f");
    assert!(client.get_head().starts_with("00 OK\r\n"));
    let mut body = [0; 26];
    client.reader.read_exact(&mut body).unwrap();
    assert_eq!(client.get("/page").body, PAGE.as_bytes());
}

#[test]
fn latency_before_the_body_lets_the_head_go_ahead() {
    let (rig, mut client) = routed(r#"{"latency": {"delay": "120ms", "before": "body"}}"#);
    let began = Instant::now();
    ask(&mut client, "GET /page");
    client.get_head();
    let ahead = began.elapsed();
    let mut body = [0; 26];
    client.reader.read_exact(&mut body).unwrap();
    assert!(ahead < ms(110) && began.elapsed() >= ms(120), "{ahead:?} {:?}", began.elapsed());
    let evidence = rig.counted("f", 1, 1);
    assert!(evidence.achieved.unwrap().min >= 120.0);
    assert_eq!(client.get("/none").status(), 204);
    assert_eq!(rig.counted("f", 2, 1).faulted, 1, "without a body nothing was late");
    rig.fault(r#"{"id": "f", "fault": {"latency": {"delay": "1h", "before": "body"}}}"#);
    ask(&mut client, "GET /page");
    client.get_head();
    assert!(is_silent(&mut client.out, ms(60)));
    rig.remove("f");
    client.reader.read_exact(&mut body).unwrap();
    assert_eq!(&body, PAGE.as_bytes());
}

#[test]
fn latency_before_the_request_keeps_it_from_the_upstream() {
    let (at, bodies) = shop();
    let (rig, at) = Rig::with_route(Protocol::Http, at);
    rig.fault(r#"{"id": "f", "fault": {"latency": {"delay": "1h", "before": "request"}}}"#);
    let mut client = Client::new(at);
    ask(&mut client, "GET /page");
    eventually("it is held", || rig.evidence("f").matched == 1);
    assert!(bodies.recv_timeout(ms(60)).is_err(), "the upstream has seen nothing");
    rig.remove("f");
    assert_eq!(read_message(&mut client.reader).unwrap().status(), 200);
}

#[test]
fn a_connection_that_is_not_kept_alive_ends_after_a_whole_answer() {
    for (kill, announced, requests) in [
        ("{}", true, 1),
        (r#"{"after_requests": 3}"#, true, 3),
        (r#"{"silent": true, "after_requests": 2}"#, false, 2),
    ] {
        let (rig, mut client) = routed(&format!(r#"{{"keep_alive_kill": {kill}}}"#));
        for n in 1..=requests {
            ask(&mut client, if n == 1 { "GET /chunked" } else { "GET /page" });
            let answer = read_message(&mut client.reader).unwrap();
            assert_eq!(answer.status(), 200);
            let said = answer
                .headers
                .iter()
                .any(|(name, value)| name.eq_ignore_ascii_case("connection") && value == "close");
            assert_eq!(said, announced && n == requests, "{kill} {n}");
        }
        assert_eq!(client.end(), (Vec::new(), Ok(())), "{kill}");
        rig.counted("f", requests, 1);
        eventually("counted", || rig.engine.red()[0].faulted.requests == 1);
    }
}

#[test]
fn a_connection_that_its_client_ends_is_not_killed() {
    let (rig, mut client) = routed(r#"{"keep_alive_kill": {}}"#);
    client.send("GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(read_message(&mut client.reader).unwrap().body, PAGE.as_bytes());
    client.end().1.unwrap();
    assert_eq!(rig.counted("f", 1, 0).faulted, 0);
}
