//! Leaving HTTP for another protocol: WebSocket and the like, and the faults on the bytes that follow.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Instant;

use firedrill_proxy::control::wire::Protocol;
use firedrill_proxy::fault::{OptIn, Secret};

use crate::rig::{Rig, connect, eventually, is_silent, ms, read_to_end, reset_now, upstream};

/// The lines of one head; the first is empty when nothing came.
fn head(reader: &mut impl BufRead) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim_end().is_empty() {
            return lines;
        }
        lines.push(line.trim_end().to_owned());
    }
}

/// Switches on `/ws`, says hello with the same bytes as the head, and sends everything back; on `/cut` it resets after
/// the first byte; on any other path it says what it was asked.
fn server() -> SocketAddr {
    upstream(|stream| {
        let mut out = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        loop {
            let request = head(&mut reader);
            let Some(first) = request.first() else { return };
            let path = first.split(' ').nth(1).unwrap();
            if path == "/no" {
                let seen = request.join("\n");
                let _ = write!(
                    out,
                    "HTTP/1.1 426 No\r\nUpgrade: other\r\nConnection: Upgrade\r\nContent-Length: {}\r\n\r\n{seen}",
                    seen.len()
                );
                continue;
            }
            out.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nX-Case: Kept\r\n\r\nhello")
                .unwrap();
            let mut buffer = vec![0; 64 << 10];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if path == "/cut" {
                    return reset_now(out);
                }
                if out.write_all(&buffer[..n]).is_err() {
                    return;
                }
            }
            let _ = out.write_all(b"bye");
            let _ = out.shutdown(Shutdown::Write);
            return;
        }
    })
}

/// A client of which the upstream has agreed to switch; what it said first has been read.
fn switched(at: SocketAddr, path: &str) -> TcpStream {
    let mut stream = connect(at);
    ask(&mut stream, path, "");
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let answer = head(&mut reader);
    assert_eq!(answer[0], "HTTP/1.1 101 Switching Protocols", "{answer:?}");
    assert!(answer.contains(&"Upgrade: WebSocket".to_owned()), "{answer:?}");
    assert!(answer.contains(&"X-Case: Kept".to_owned()), "{answer:?}");
    assert!(answer.iter().any(|line| line.eq_ignore_ascii_case("connection: upgrade")), "{answer:?}");
    let mut hello = [0; 5];
    reader.read_exact(&mut hello).unwrap();
    assert_eq!((&hello, reader.buffer()), (b"hello", &b""[..]));
    stream
}

fn ask(stream: &mut TcpStream, path: &str, more: &str) {
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n{more}"
    )
    .unwrap();
}

fn echo(stream: &mut TcpStream, text: &str) -> std::time::Duration {
    let began = Instant::now();
    stream.write_all(text.as_bytes()).unwrap();
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, text.as_bytes());
    began.elapsed()
}

#[test]
fn bytes_flow_both_ways_after_the_upstream_has_agreed_and_each_end_is_passed_on() {
    for protocol in [Protocol::Http, Protocol::Auto] {
        let (rig, at) = Rig::with_route(protocol, server());
        let mut client = switched(at, "/ws");
        for n in 0..20 {
            echo(&mut client, &format!("message {n}"));
        }
        let large: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        let mut sending = client.try_clone().unwrap();
        let sent = large.clone();
        let sender = std::thread::spawn(move || {
            sending.write_all(&sent).unwrap();
            sending.shutdown(Shutdown::Write).unwrap();
        });
        let (back, end) = read_to_end(&mut client);
        sender.join().unwrap();
        assert_eq!(end, Ok(()));
        assert!(back.len() == large.len() + 3 && back.starts_with(&large) && back.ends_with(b"bye"));
        eventually("counted once", || rig.engine.red()[0].untouched.requests == 1);
        let traffic = rig.view().traffic;
        assert_eq!((traffic.connections, traffic.connections_open, traffic.requests), (1, 0, 1));
        assert!((3_000_200..3_000_600).contains(&traffic.bytes_request), "{traffic:?}");
        assert!((3_000_200..3_000_600).contains(&traffic.bytes_response), "{traffic:?}");
    }
}

#[test]
fn what_the_client_says_before_the_upstream_has_agreed_is_not_lost() {
    let (_rig, at) = Rig::with_route(Protocol::Http, server());
    let mut client = connect(at);
    ask(&mut client, "/ws", "early");
    let mut reader = BufReader::new(client.try_clone().unwrap());
    assert_eq!(head(&mut reader)[0], "HTTP/1.1 101 Switching Protocols");
    let mut said = [0; 10];
    reader.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"helloearly");
    echo(&mut client, "late");
}

#[test]
fn a_reset_is_passed_on_as_one() {
    let (_rig, at) = Rig::with_route(Protocol::Http, server());
    let mut client = switched(at, "/cut");
    client.write_all(b"x").unwrap();
    assert_eq!(read_to_end(&mut client), (vec![], Err(ErrorKind::ConnectionReset)));
}

#[test]
fn an_upstream_that_declines_has_answered_and_the_connection_goes_on() {
    let (_rig, at) = Rig::with_route(Protocol::Http, server());
    let mut client = connect(at);
    let mut reader = BufReader::new(client.try_clone().unwrap());
    for _ in 0..2 {
        ask(&mut client, "/no", "");
        let answer = head(&mut reader);
        assert_eq!(answer[0], "HTTP/1.1 426 No");
        let length = answer.iter().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
        let mut seen = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut seen).unwrap();
        let seen = String::from_utf8(seen).unwrap().to_lowercase();
        assert!(seen.contains("upgrade: websocket") && seen.contains("connection: upgrade"), "{seen}");
    }
    client.write_all(b"GET /no HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n").unwrap();
    let answer = head(&mut reader);
    assert_eq!(answer[0], "HTTP/1.1 426 No", "an offer of HTTP/2 is declined by saying nothing");
}

#[test]
fn a_switch_that_nobody_asked_for_and_connect_are_refused() {
    let (_rig, at) = Rig::with_route(Protocol::Http, server());
    for (request, status, why) in [
        ("GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", "502", "nobody asked for"),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "501", "reverse proxy"),
    ] {
        let mut client = connect(at);
        client.write_all(request.as_bytes()).unwrap();
        let mut reader = BufReader::new(client);
        let answer = head(&mut reader);
        let mut body = String::new();
        reader.read_line(&mut body).unwrap();
        assert!(
            answer[0].starts_with(&format!("HTTP/1.1 {status} ")) && body.contains(why),
            "{answer:?} {body}"
        );
    }
}

#[test]
fn faults_that_fit_the_request_act_on_the_bytes_that_follow() {
    let (rig, at) = Rig::with_route(Protocol::Http, server());
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "60ms"}}, "match": {"path": "/ws"}}"#);
    rig.fault(r#"{"id": "other", "fault": {"latency": {"delay": "5s"}}, "match": {"path": "/other"}}"#);
    rig.fault(r#"{"id": "err", "fault": {"http_error": {"status": 500}}, "match": {"path": "/err"}}"#);
    let mut client = switched(at, "/ws");
    for _ in 0..3 {
        let took = echo(&mut client, "ping");
        assert!((ms(60)..ms(1000)).contains(&took), "{took:?}");
    }
    let evidence = rig.counted("slow", 1, 1);
    assert!(evidence.achieved.unwrap().count >= 4, "the head and each message: {evidence:?}");
    assert_eq!(rig.evidence("other").matched, 0);
    rig.remove("slow");
    assert!(echo(&mut client, "ping") < ms(60));

    rig.fault(r#"{"id": "narrow", "fault": {"bandwidth": {"rate": "1MB/s"}}, "match": {"path": "/ws"}}"#);
    let took = echo(&mut client, &"x".repeat(200_000));
    assert!((ms(180)..ms(1500)).contains(&took), "{took:?}");
    rig.counted("narrow", 1, 1);
    rig.remove("narrow");

    rig.fault(r#"{"id": "still", "fault": {"stall": {}}, "match": {"path": "/ws"}}"#);
    client.write_all(b"held").unwrap();
    assert!(is_silent(&mut client, ms(60)));
    rig.remove("still");
    let mut held = [0; 4];
    client.read_exact(&mut held).unwrap();
    assert_eq!(&held, b"held");

    rig.fault(r#"{"id": "pieces", "fault": {"slicer": {"size": "1KB", "delay": "2ms"}}}"#);
    assert!(echo(&mut client, &"y".repeat(20_000)) >= ms(30));
    rig.remove("pieces");

    rig.fault(r#"{"id": "cut", "fault": {"reset": {"after_bytes": "100B"}}, "match": {"path": "/ws"}}"#);
    // More than that has passed already, so the reset may come before this is written.
    let wrote = client.write_all(&[7; 1000]).map_err(|error| error.kind());
    let end = wrote.and_then(|()| read_to_end(&mut client).1);
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
    rig.counted("cut", 1, 1);
    eventually("counted", || rig.engine.red()[0].faulted.requests == 1);
}

#[test]
fn a_request_that_opts_in_does_so_for_the_bytes_that_follow() {
    let (rig, at) = Rig::with_route(Protocol::Http, server());
    let fault = |id: &str| {
        let opt_in = r#"{"opt_in": {"header": "x-a", "secret": "0123456789abcdef"}}"#;
        format!(r#"{{"id": "{id}", "match": {opt_in}, "fault": {{"latency": {{"delay": "60ms"}}}}}}"#)
    };
    rig.fault(&fault("first"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let sign = |id| OptIn::signed(&Secret("0123456789abcdef".into()), "r", id, now + 600);
    let mut client = connect(at);
    write!(
        client,
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nx-a: {}\r\nx-a: {}\r\n\r\n",
        sign("first"),
        sign("later")
    )
    .unwrap();
    let mut reader = BufReader::new(client.try_clone().unwrap());
    assert_eq!(head(&mut reader)[0], "HTTP/1.1 101 Switching Protocols");
    reader.read_exact(&mut [0; 5]).unwrap();
    assert!(echo(&mut client, "ping") >= ms(60));
    rig.counted("first", 1, 1);
    rig.remove("first");
    assert!(echo(&mut client, "ping") < ms(60));
    rig.fault(&fault("later"));
    assert!(echo(&mut client, "ping") >= ms(60));
    rig.counted("later", 1, 1);
}

#[test]
fn a_connection_that_has_switched_goes_with_its_route() {
    let (rig, at) = Rig::with_route(Protocol::Http, server());
    let mut client = switched(at, "/ws");
    rig.engine.remove_route("r").unwrap();
    assert!(read_to_end(&mut client).0.is_empty());
}

#[test]
fn an_upstream_connection_that_ends_with_a_refusal_is_closed() {
    let (closed, closes) = std::sync::mpsc::channel();
    let closed = std::sync::Mutex::new(closed);
    let at = upstream(move |stream| {
        let mut out = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        head(&mut reader);
        out.write_all(b"HTTP/1.1 403 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").unwrap();
        assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0);
        // Its end alone would come as well from a socket that is kept; one that is closed answers with a reset.
        while out.write_all(b"x").is_ok() {
            std::thread::sleep(ms(5));
        }
        let _ = closed.lock().unwrap().send(());
    });
    let (_rig, route) = Rig::with_route(Protocol::Http, at);
    let mut client = connect(route);
    ask(&mut client, "/", "");
    let mut reader = BufReader::new(client);
    assert_eq!(head(&mut reader)[0], "HTTP/1.1 403 No");
    let end = closes.recv_timeout(std::time::Duration::from_secs(5));
    assert_eq!(end, Ok(()), "while the client is still there");
    drop(reader);
}
