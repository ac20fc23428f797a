//! The PROXY protocol: clients that are introduced, that are not, and upstreams that are told.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use firedrill_proxy::control::wire::RouteSpec;

use crate::rig::{Rig, connect, echo, eventually, is_silent, read_to_end, round_trip, upstream};

fn routed(protocol: &str, to: SocketAddr, keys: &str) -> (Rig, SocketAddr) {
    let rig = Rig::new(1);
    let json = format!(
        r#"{{"name": "r", "listen": "127.0.0.1:0", "protocol": "{protocol}", "upstream": "{to}", "proxy_protocol": {keys}}}"#
    );
    let spec: RouteSpec = serde_json::from_str(&json).unwrap();
    let at = rig.engine.add_route(spec).unwrap().bound.tcp().unwrap();
    (rig, at)
}

const LINE: &str = "PROXY TCP4 192.0.2.7 192.0.2.8 4321 443\r\n";

fn introduce(stream: &mut TcpStream, line: &str) {
    stream.write_all(line.as_bytes()).unwrap();
}

#[test]
fn the_client_of_the_header_is_the_one_that_faults_match() {
    for protocol in ["tcp", "auto"] {
        let (rig, at) = routed(protocol, echo(), r#"{"accept": true}"#);
        rig.fault(
            r#"{"id": "one", "match": {"client": "192.0.2.7"}, "fault": {"latency": {"delay": "1ms"}}}"#,
        );
        let mut named = connect(at);
        introduce(&mut named, LINE);
        round_trip(&mut named);
        let mut other = connect(at);
        introduce(&mut other, "PROXY TCP4 192.0.2.9 192.0.2.8 4321 443\r\n");
        round_trip(&mut other);
        let mut unknown = connect(at);
        introduce(&mut unknown, "PROXY UNKNOWN\r\n");
        round_trip(&mut unknown);
        rig.counted("one", 1, 1);
    }
}

#[test]
fn not_a_byte_behind_the_header_is_lost_however_it_comes() {
    let (_rig, at) = routed("tcp", echo(), r#"{"accept": true}"#);
    let body: Vec<u8> = (0..5_000u32).map(|n| (n % 251) as u8).collect();
    let v2 = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x08\x10\xe1\x01\xbb"[..], &body]
        .concat();
    for bytes in [[LINE.as_bytes(), &body].concat(), v2] {
        for cut in [1, 5, 15, 27, 40, 41, 42, 600] {
            let mut stream = connect(at);
            for part in [&bytes[..cut], &bytes[cut..]] {
                stream.write_all(part).unwrap();
                std::thread::sleep(Duration::from_millis(3));
            }
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(read_to_end(&mut stream), (body.clone(), Ok(())), "cut at {cut}");
        }
    }
}

#[test]
fn a_client_that_does_not_introduce_itself_is_reset_and_never_reaches_the_upstream() {
    let (seen, reached) = mpsc::sync_channel(8);
    let server = upstream(move |_| seen.send(()).unwrap());
    let (rig, at) = routed("tcp", server, r#"{"accept": true}"#);
    for wrong in ["GET / HTTP/1.1\r\n\r\n", "PROXY TCP4 nobody\r\n", "\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0"] {
        let mut stream = connect(at);
        introduce(&mut stream, wrong);
        assert_eq!(read_to_end(&mut stream).1, Err(ErrorKind::ConnectionReset), "{wrong:?}");
    }
    // One that says nothing is waited for, and holds nobody else up.
    let mut silent = connect(at);
    assert!(is_silent(&mut silent, Duration::from_millis(50)));
    drop(silent);
    eventually("all are counted", || rig.view().traffic.unintroduced == 4);
    eventually("all are gone", || rig.view().traffic.connections_open == 0);
    assert!(reached.try_recv().is_err());
}

/// An upstream that gives back the first bytes it got, up to the end of the header.
fn first_line() -> (SocketAddr, mpsc::Receiver<Vec<u8>>) {
    let (seen, lines) = mpsc::sync_channel(8);
    let at = upstream(move |mut stream| {
        let mut first = vec![0; 256];
        let n = stream.read(&mut first).unwrap();
        first.truncate(n);
        seen.send(first).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let _ = read_to_end(&mut stream);
    });
    (at, lines)
}

#[test]
fn the_upstream_is_told_the_real_addresses_before_anything_else() {
    for protocol in ["tcp", "auto"] {
        let (server, lines) = first_line();
        let (rig, at) = routed(protocol, server, r#"{"send": "v1"}"#);
        let client = connect(at);
        let local = client.local_addr().unwrap();
        let line = lines.recv_timeout(Duration::from_secs(20)).unwrap();
        let expected = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n", local.port(), at.port());
        assert_eq!(String::from_utf8(line).unwrap(), expected);
        assert_eq!(rig.view().traffic.bytes_request, 0, "the header is not the client's");
    }
}

#[test]
fn a_header_that_was_accepted_is_sent_on_in_the_other_version() {
    let (server, lines) = first_line();
    let (_rig, at) = routed("tcp", server, r#"{"accept": true, "send": "v2"}"#);
    let mut client = connect(at);
    introduce(&mut client, LINE);
    let header = lines.recv_timeout(Duration::from_secs(20)).unwrap();
    let expected = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x08\x10\xe1\x01\xbb";
    assert_eq!(header, expected);
}

#[test]
fn an_upstream_of_http_is_told_once_per_connection() {
    let (server, lines) = first_line();
    let (_rig, at) = routed("http", server, r#"{"accept": true, "send": "v1"}"#);
    let mut client = connect(at);
    introduce(&mut client, LINE);
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let first = lines.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(first.starts_with(LINE.as_bytes()), "{}", String::from_utf8_lossy(&first));
}
