//! How faults end connections: by their bytes, by their time, by silence; with a reset or with an end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::mpsc;
use std::time::Instant;

use firedrill_proxy::control::wire::Protocol;

use crate::rig::{Rig, connect, echo, eventually, is_silent, ms, read_to_end, round_trip, upstream};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Answers every request head with `ok`.
fn web() -> std::net::SocketAddr {
    upstream(|mut stream| {
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..n]);
            while let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
                seen.drain(..end + 4);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        }
    })
}

#[test]
fn a_black_hole_closes_after_silence_and_every_byte_starts_it_anew() {
    let (seen, upstream_saw) = mpsc::sync_channel(1);
    let server = upstream(move |mut stream| seen.send(read_to_end(&mut stream)).unwrap());
    let (rig, at) = Rig::with_route(Protocol::Tcp, server);
    rig.fault(r#"{"id": "hole", "fault": {"blackhole": {"direction": "request", "close_after": "300ms"}}}"#);
    let mut stream = connect(at);
    let began = Instant::now();
    for _ in 0..5 {
        stream.write_all(b"x").unwrap();
        std::thread::sleep(ms(100));
    }
    assert_eq!(read_to_end(&mut stream), (vec![], Ok(())), "closed, and not reset");
    assert!((ms(680)..ms(3_000)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(upstream_saw.recv().unwrap(), (vec![], Ok(())));
    assert_eq!(rig.counted("hole", 1, 1).bytes, 5);
}

#[test]
fn a_black_hole_closes_what_never_said_anything_and_what_has_no_upstream_yet() {
    // Accepts nothing, and has no room for more: a dial to it hangs.
    let full = TcpListener::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&full).listen(0).unwrap();
    let address = full.local_addr().unwrap();
    let taken: Vec<_> = (0..3)
        .map(|_| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address.into());
            socket
        })
        .collect();
    for server in [echo(), address] {
        let (rig, at) = Rig::with_route(Protocol::Tcp, server);
        let mut stream = connect(at);
        stream.write_all(b"unread").unwrap();
        rig.fault(r#"{"id": "hole", "fault": {"blackhole": {"close_after": "100ms"}}}"#);
        let (_, end) = read_to_end(&mut stream);
        assert_eq!(end, Ok(()));
        rig.counted("hole", 1, 1);
    }
    drop(taken);
}

#[test]
fn a_black_hole_closes_requests_that_wait_too_long() {
    for direction in ["request", "response"] {
        let (rig, at) = Rig::with_route(Protocol::Http, web());
        rig.fault(&format!(
            r#"{{"id": "hole", "fault": {{"blackhole": {{"direction": "{direction}", "close_after": "150ms"}}}}}}"#
        ));
        let mut stream = connect(at);
        let began = Instant::now();
        stream.write_all(REQUEST).unwrap();
        assert_eq!(read_to_end(&mut stream), (vec![], Ok(())), "{direction}");
        assert!((ms(150)..ms(2_000)).contains(&began.elapsed()), "{direction}: {:?}", began.elapsed());
        rig.counted("hole", 1, 1);
    }
}

#[test]
fn a_reset_from_the_first_bytes_waits_for_them_and_holds_them_back() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut stream = connect(at);
    round_trip(&mut stream);
    rig.fault(r#"{"id": "cut", "fault": {"reset": {"after": "150ms", "from": "first-bytes"}}}"#);
    assert!(is_silent(&mut stream, ms(300)), "a silent connection is left alone");
    let began = Instant::now();
    stream.write_all(b"ping").unwrap();
    assert_eq!(read_to_end(&mut stream), (vec![], Err(ErrorKind::ConnectionReset)));
    assert!((ms(150)..ms(2_000)).contains(&began.elapsed()), "{:?}", began.elapsed());
    rig.counted("cut", 1, 1);
}

#[test]
fn an_end_counts_as_first_bytes_and_the_reset_can_come_at_once() {
    let (seen, upstream_saw) = mpsc::sync_channel(1);
    let server = upstream(move |mut stream| seen.send(read_to_end(&mut stream)).unwrap());
    let (rig, at) = Rig::with_route(Protocol::Tcp, server);
    rig.fault(r#"{"id": "cut", "fault": {"reset": {"from": "first-bytes", "direction": "request"}}}"#);
    let mut stream = connect(at);
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut stream), (vec![], Err(ErrorKind::ConnectionReset)));
    assert_eq!(upstream_saw.recv().unwrap(), (vec![], Err(ErrorKind::ConnectionReset)));
}

#[test]
fn a_reset_that_is_removed_lets_go_of_what_it_held_or_resets_it() {
    for (on_remove, end) in [("release", None), ("reset", Some(ErrorKind::ConnectionReset))] {
        let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
        rig.fault(&format!(
            r#"{{"id": "cut", "fault": {{"reset": {{"after": "1h", "from": "first-bytes"}}}}, "on_remove": "{on_remove}"}}"#
        ));
        let mut stream = connect(at);
        stream.write_all(b"ping").unwrap();
        eventually("held", || rig.engine.held_bytes() > 0);
        rig.remove("cut");
        match end {
            None => stream.read_exact(&mut [0; 4]).unwrap(),
            Some(error) => assert_eq!(read_to_end(&mut stream), (vec![], Err(error))),
        }
    }
}

#[test]
fn bytes_of_a_request_can_be_counted_too() {
    let (seen, upstream_saw) = mpsc::sync_channel(1);
    let server = upstream(move |mut stream| seen.send(read_to_end(&mut stream)).unwrap());
    let (rig, at) = Rig::with_route(Protocol::Tcp, server);
    rig.fault(r#"{"id": "cut", "fault": {"reset": {"after_bytes": "10001B", "direction": "request"}}}"#);
    let mut stream = connect(at);
    stream.write_all(&[7; 20_000]).unwrap();
    assert_eq!(read_to_end(&mut stream).1, Err(ErrorKind::ConnectionReset));
    let (bytes, end) = upstream_saw.recv().unwrap();
    assert_eq!((bytes.len(), end), (10_001, Err(ErrorKind::ConnectionReset)));
    rig.counted("cut", 1, 1);
}

#[test]
fn on_http_the_first_bytes_are_the_request_or_its_answer() {
    for direction in ["request", "response"] {
        let (rig, at) = Rig::with_route(Protocol::Http, web());
        rig.fault(&format!(
            r#"{{"id": "cut", "fault": {{"reset": {{"after": "100ms", "from": "first-bytes", "direction": "{direction}"}}}}}}"#
        ));
        let mut stream = connect(at);
        let began = Instant::now();
        stream.write_all(REQUEST).unwrap();
        assert_eq!(read_to_end(&mut stream), (vec![], Err(ErrorKind::ConnectionReset)), "{direction}");
        assert!(began.elapsed() >= ms(100));
        rig.counted("cut", 1, 1);
        // Removed before its time it lets the request go on.
        rig.fault(&format!(
            r#"{{"id": "cut", "fault": {{"reset": {{"after": "1h", "from": "first-bytes", "direction": "{direction}"}}}}}}"#
        ));
        let mut stream = connect(at);
        stream.write_all(REQUEST).unwrap();
        assert!(is_silent(&mut stream, ms(50)), "{direction}");
        rig.remove("cut");
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK", "{direction}");
    }
}
