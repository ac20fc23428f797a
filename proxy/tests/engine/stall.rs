//! `stall`: nothing flows for a time, and nothing is lost.

use std::io::{ErrorKind, Read, Write};
use std::time::Instant;

use firedrill_proxy::control::wire::Protocol;

use crate::rig::{Rig, connect, echo, eventually, is_silent, ms, read_to_end, round_trip, upstream};

/// Sends 100,000 bytes, all different from their neighbours, and ends.
fn source() -> std::net::SocketAddr {
    upstream(|mut stream| {
        let _ = stream.write_all(&body());
    })
}

fn body() -> Vec<u8> {
    (0..100_000u32).map(|at| (at % 251) as u8).collect()
}

#[test]
fn bytes_stand_still_from_their_place_on_and_then_all_of_them_come() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, source());
    rig.fault(r#"{"id": "stuck", "fault": {"stall": {"after_bytes": "1000B", "for": "400ms"}}}"#);
    let (began, mut stream) = (Instant::now(), connect(at));
    let mut first = [0; 1000];
    stream.read_exact(&mut first).unwrap();
    assert!(began.elapsed() < ms(300), "{:?}", began.elapsed());
    assert!(is_silent(&mut stream, ms(150)));
    let (rest, end) = read_to_end(&mut stream);
    assert!((ms(400)..ms(2_000)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(end, Ok(()));
    assert!([&first[..], &rest].concat() == body(), "nothing is lost, added or out of order");
    let evidence = rig.counted("stuck", 1, 1);
    assert!(evidence.bytes >= 60_000 && evidence.bytes <= 99_000, "{evidence:?}");
    let (achieved, requested) = (evidence.achieved.unwrap(), evidence.requested.unwrap());
    assert!(requested.min == 400.0 && achieved.min >= 400.0 && achieved.max < 1_500.0, "{evidence:?}");
}

#[test]
fn without_a_time_it_lasts_until_it_is_removed_on_live_connections_too() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let (mut live, mut idle) = (connect(at), connect(at));
    round_trip(&mut live);
    round_trip(&mut idle);
    rig.fault(r#"{"id": "stuck", "fault": {"stall": {}}}"#);
    eventually("armed everywhere", || rig.evidence("stuck").matched == 2);
    live.write_all(b"ping").unwrap();
    assert!(is_silent(&mut live, ms(120)));
    assert_eq!(rig.counted("stuck", 2, 1).bytes, 4, "a connection without traffic is not felt to be stalled");
    rig.remove("stuck");
    live.read_exact(&mut [0; 4]).unwrap();
    assert!(round_trip(&mut live) < ms(500));
    assert!(round_trip(&mut idle) < ms(500));
}

#[test]
fn the_end_of_a_stream_waits_as_its_bytes_do() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, upstream(drop));
    rig.fault(r#"{"id": "stuck", "fault": {"stall": {"for": "250ms"}}}"#);
    let began = Instant::now();
    let mut stream = connect(at);
    assert_eq!(read_to_end(&mut stream), (vec![], Ok(())));
    assert!((ms(245)..ms(1_500)).contains(&began.elapsed()), "{:?}", began.elapsed());
    rig.counted("stuck", 1, 1);
}

#[test]
fn each_direction_stalls_for_itself() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "stuck", "fault": {"stall": {"after_bytes": "4B", "direction": "request"}}}"#);
    let mut stream = connect(at);
    round_trip(&mut stream);
    stream.write_all(b"more").unwrap();
    assert!(is_silent(&mut stream, ms(100)));
    rig.fault(r#"{"id": "stuck", "fault": {"stall": {"after_bytes": "4B", "direction": "response"}}}"#);
    assert!(is_silent(&mut stream, ms(100)), "the bytes are at the upstream now, and its answer stalls");
    rig.fault(r#"{"id": "stuck", "fault": {"stall": {"after_bytes": "8B", "direction": "response"}}}"#);
    stream.read_exact(&mut [0; 4]).unwrap();
}

#[test]
fn a_stalled_sender_has_to_wait_and_what_waits_can_be_reset_on_removal() {
    let endless = upstream(|mut stream| while stream.write_all(&[7; 65_536]).is_ok() {});
    let (rig, at) = Rig::with_route(Protocol::Tcp, endless);
    rig.fault(r#"{"id": "stuck", "fault": {"stall": {"after_bytes": "1B"}}, "on_remove": "reset"}"#);
    let mut stream = connect(at);
    stream.read_exact(&mut [0; 1]).unwrap();
    eventually("the bound is reached", || rig.engine.held_bytes() >= 60_000);
    std::thread::sleep(ms(100));
    assert!(rig.engine.held_bytes() < 200_000, "{}", rig.engine.held_bytes());
    rig.remove("stuck");
    assert_eq!(read_to_end(&mut stream).1, Err(ErrorKind::ConnectionReset));
    eventually("nothing is held", || rig.engine.held_bytes() == 0);
}

/// Answers every request with 100,000 bytes.
fn http_source() -> std::net::SocketAddr {
    upstream(|mut stream| {
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).is_ok_and(|n| n > 0) {
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
            let _ = stream.write_all(&body());
        }
    })
}

#[test]
fn on_http_the_answer_stalls_within_its_body_and_the_connection_goes_on() {
    let (rig, at) = Rig::with_route(Protocol::Http, http_source());
    rig.fault(r#"{"id": "stuck", "fault": {"stall": {"after_bytes": "1000B", "for": "300ms"}}}"#);
    let mut stream = connect(at);
    for request in 1..=2 {
        let began = Instant::now();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut got = Vec::new();
        while !got.windows(4).any(|four| four == b"\r\n\r\n") {
            let mut byte = [0; 1];
            stream.read_exact(&mut byte).unwrap();
            got.push(byte[0]);
        }
        let mut first = vec![0; 1000];
        stream.read_exact(&mut first).unwrap();
        assert!(is_silent(&mut stream, ms(100)), "request {request}");
        let mut rest = vec![0; 99_000];
        stream.read_exact(&mut rest).unwrap();
        assert!(began.elapsed() >= ms(300), "request {request}: {:?}", began.elapsed());
        assert!([first, rest].concat() == body(), "request {request}");
        let evidence = rig.counted("stuck", request, request);
        assert!(evidence.achieved.unwrap().min >= 300.0, "{evidence:?}");
    }
}

#[test]
fn on_http_without_a_place_even_the_head_waits_until_the_fault_is_removed() {
    for (on_remove, goes_on) in [("release", true), ("reset", false)] {
        let (rig, at) = Rig::with_route(Protocol::Http, http_source());
        rig.fault(&format!(r#"{{"id": "stuck", "fault": {{"stall": {{}}}}, "on_remove": "{on_remove}"}}"#));
        let mut stream = connect(at);
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        assert!(is_silent(&mut stream, ms(120)));
        rig.counted("stuck", 1, 1);
        rig.remove("stuck");
        let (bytes, end) = read_to_end(&mut stream);
        if goes_on {
            assert!(end == Ok(()) && bytes.ends_with(&body()), "{on_remove}: {end:?}");
        } else {
            assert_eq!((bytes.len(), end), (0, Err(ErrorKind::ConnectionReset)));
        }
    }
}
