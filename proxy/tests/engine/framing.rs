//! Where messages of HTTP/1 begin and end: lengths that contradict each other, `Expect`, events as they come.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use firedrill_proxy::control::wire::Protocol;

use crate::rig::{Rig, connect, is_silent, ms, upstream};

fn head(reader: &mut impl BufRead) -> String {
    let mut all = String::new();
    while reader.read_line(&mut all).is_ok_and(|n| n > 2) {}
    all
}

/// Answers whatever comes, and counts the heads that came.
fn counting() -> (SocketAddr, Arc<AtomicU64>) {
    let heads = Arc::<AtomicU64>::default();
    let counted = Arc::clone(&heads);
    let at = upstream(move |stream| {
        let mut out = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while !head(&mut reader).is_empty() {
            counted.fetch_add(1, Relaxed);
            let _ = out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    (at, heads)
}

fn first_line(at: SocketAddr, request: &str) -> String {
    let mut client = connect(at);
    client.write_all(request.as_bytes()).unwrap();
    let mut line = String::new();
    let _ = BufReader::new(client).read_line(&mut line);
    line.trim_end().to_owned()
}

#[test]
fn a_request_whose_length_is_in_doubt_is_refused_and_reaches_nobody() {
    let (server, heads) = counting();
    let (_rig, at) = Rig::with_route(Protocol::Http, server);
    for lines in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3, 4",
        "Content-Length: +3",
        "Content-Length: 3\r\n X-Folded: 1",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
        "Content Length: 3",
    ] {
        let answer = first_line(at, &format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\nabc"));
        assert_eq!(answer, "HTTP/1.1 400 Bad Request", "{lines:?}");
    }
    let both = "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(first_line(at, both), "HTTP/1.1 400 Bad Request", "HTTP/1.0 has no chunks");
    assert_eq!(heads.load(Relaxed), 0);
}

#[test]
fn an_upstream_that_contradicts_itself_is_a_502() {
    for lines in
        ["Content-Length: 3\r\nContent-Length: 4", "Content-Length: x", "Content-Length: 3\r\n folded"]
    {
        let server = upstream(move |stream| {
            let mut out = stream.try_clone().unwrap();
            head(&mut BufReader::new(stream));
            let _ = write!(out, "HTTP/1.1 200 OK\r\n{lines}\r\n\r\nabcd");
            std::thread::sleep(ms(50));
        });
        let (_rig, at) = Rig::with_route(Protocol::Http, server);
        let answer = first_line(at, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(answer, "HTTP/1.1 502 Bad Gateway", "{lines:?}");
    }
}

#[test]
fn a_body_whose_chunks_are_broken_ends_broken_at_the_upstream() {
    let came = Arc::<std::sync::Mutex<Option<Vec<u8>>>>::default();
    let kept = Arc::clone(&came);
    let server = upstream(move |stream| {
        let mut reader = BufReader::new(stream);
        head(&mut reader);
        let mut body = Vec::new();
        let _ = reader.read_to_end(&mut body);
        *kept.lock().unwrap() = Some(body);
    });
    let (_rig, at) = Rig::with_route(Protocol::Http, server);
    let mut client = connect(at);
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\nrest\r\n0\r\n\r\n")
        .unwrap();
    crate::rig::eventually("the upstream sees its end", || came.lock().unwrap().is_some());
    let body = came.lock().unwrap().take().unwrap();
    assert!(!body.ends_with(b"0\r\n\r\n") && !body.windows(4).any(|part| part == b"rest"), "{body:?}");
}

fn expecting(at: SocketAddr) -> (TcpStream, BufReader<TcpStream>) {
    let mut client = connect(at);
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
        .unwrap();
    let reader = BufReader::new(client.try_clone().unwrap());
    (client, reader)
}

#[test]
fn a_client_that_expects_it_is_told_to_go_on_when_the_upstream_says_so() {
    let server = upstream(|stream| {
        let mut out = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        assert!(head(&mut reader).contains("100-Continue"));
        std::thread::sleep(ms(150));
        out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let mut body = [0; 2];
        reader.read_exact(&mut body).unwrap();
        out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").unwrap();
        out.write_all(&body).unwrap();
    });
    let (_rig, at) = Rig::with_route(Protocol::Http, server);
    let (mut client, mut reader) = expecting(at);
    assert!(is_silent(&mut client, ms(80)), "not before");
    assert!(head(&mut reader).starts_with("HTTP/1.1 100 "));
    client.write_all(b"hi").unwrap();
    assert!(head(&mut reader).starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_client_that_expects_it_may_get_the_answer_at_once() {
    let server = upstream(|stream| {
        let mut out = stream.try_clone().unwrap();
        head(&mut BufReader::new(stream));
        out.write_all(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n").unwrap();
        std::thread::sleep(ms(200));
    });
    let (_rig, at) = Rig::with_route(Protocol::Http, server);
    let (_client, mut reader) = expecting(at);
    assert!(head(&mut reader).starts_with("HTTP/1.1 417 "));
}

#[test]
fn an_upstream_that_does_not_know_what_is_expected_of_it_gets_the_body_after_a_second() {
    let server = upstream(|stream| {
        let mut out = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        head(&mut reader);
        reader.read_exact(&mut [0; 2]).unwrap();
        out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let (_rig, at) = Rig::with_route(Protocol::Http, server);
    let began = Instant::now();
    let (mut client, mut reader) = expecting(at);
    assert!(head(&mut reader).starts_with("HTTP/1.1 100 "));
    assert!(began.elapsed() >= ms(1000));
    client.write_all(b"hi").unwrap();
    assert!(head(&mut reader).starts_with("HTTP/1.1 200 "));
}

#[test]
fn events_arrive_one_by_one_with_and_without_a_latency() {
    // The next event is sent only when the client has seen the last one.
    let (seen, wanted) = std::sync::mpsc::sync_channel::<()>(1);
    let wanted = std::sync::Mutex::new(wanted);
    let server = upstream(move |stream| {
        let mut out = stream.try_clone().unwrap();
        head(&mut BufReader::new(stream));
        out.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
        .unwrap();
        let wanted = wanted.lock().unwrap();
        for _ in 0..20 {
            out.write_all(b"9\r\ndata: x\n\n\r\n").unwrap();
            if wanted.recv_timeout(Duration::from_secs(20)).is_err() {
                return;
            }
        }
        let _ = out.write_all(b"0\r\n\r\n");
    });
    let (rig, at) = Rig::with_route(Protocol::Http, server);
    for delayed in [false, true] {
        if delayed {
            rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "50ms"}}}"#);
        }
        let began = Instant::now();
        let mut client = connect(at);
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut reader = BufReader::new(client);
        assert!(head(&mut reader).starts_with("HTTP/1.1 200 "));
        for _ in 0..20 {
            let mut event = [0; 14];
            reader.read_exact(&mut event).unwrap();
            assert_eq!(&event, b"9\r\ndata: x\n\n\r\n");
            seen.send(()).unwrap();
        }
        assert!(!delayed || began.elapsed() >= ms(50), "once, before the first");
    }
}

#[test]
fn an_upstream_that_does_not_read_stops_the_client() {
    let server = upstream(|stream| {
        std::thread::sleep(Duration::from_secs(10));
        drop(stream);
    });
    let (_rig, at) = Rig::with_route(Protocol::Http, server);
    let mut client = connect(at);
    client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n").unwrap();
    client.set_write_timeout(Some(ms(500))).unwrap();
    let (part, mut sent) = (vec![0; 64 << 10], 0);
    while let Ok(n) = client.write(&part) {
        sent += n;
        assert!(sent < 64 << 20, "nobody reads, and it goes on");
    }
}

/// Answers each request with all of it that came: its head, and its body as it was framed. Ends after one.
fn mirror() -> SocketAddr {
    upstream(|stream| {
        let mut out = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        let mut all = head(&mut reader);
        let framing = all.to_ascii_lowercase();
        if framing.contains("transfer-encoding: chunked") {
            while !all.ends_with("\r\n0\r\n\r\n") && reader.read_line(&mut all).is_ok_and(|n| n > 0) {}
        }
        let _ = write!(out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{all}");
    })
}

fn all_of(at: SocketAddr, request: &str) -> String {
    let mut client = connect(at);
    client.write_all(request.as_bytes()).unwrap();
    String::from_utf8(crate::rig::read_to_end(&mut client).0).unwrap()
}

#[test]
fn the_body_of_a_get_arrives_also_when_nobody_says_its_length() {
    let (_rig, at) = Rig::with_route(Protocol::Http, mirror());
    for method in ["GET", "HEAD", "POST"] {
        let request = format!(
            "{method} /_search HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        );
        let answer = all_of(at, &request);
        if method != "HEAD" {
            assert!(answer.to_ascii_lowercase().contains("transfer-encoding: chunked"), "{answer}");
            assert!(answer.contains("3\r\nabc\r\n0\r\n\r\n"), "{answer}");
        }
    }
    let answer = all_of(at, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").to_ascii_lowercase();
    let (_, asked) = answer.split_once("get / http/1.1\r\n").unwrap();
    assert!(!asked.contains("chunked"), "{answer}");
}

#[test]
fn an_answer_whose_chunks_tell_its_length_is_not_cut_to_another_one() {
    for length in [2, 9] {
        let server = upstream(move |stream| {
            let mut out = stream.try_clone().unwrap();
            head(&mut BufReader::new(stream));
            let _ = write!(
                out,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
            );
            std::thread::sleep(ms(50));
        });
        let (_rig, at) = Rig::with_route(Protocol::Http, server);
        let answer = all_of(at, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert!(answer.contains("5\r\nhello\r\n0\r\n\r\n"), "{answer}");
        assert!(!answer.to_ascii_lowercase().contains("content-length"), "{answer}");
    }
}

#[test]
fn an_old_request_without_a_host_names_the_upstream() {
    let server = mirror();
    let (_rig, at) = Rig::with_route(Protocol::Http, server);
    for (request, host) in [
        ("GET / HTTP/1.0\r\n\r\n", format!("host: {server}\r\n")),
        ("GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n", "host: shop.test\r\n".to_owned()),
    ] {
        let answer = all_of(at, request).to_ascii_lowercase();
        assert!(answer.contains("get / http/1.1\r\n"), "{answer}");
        assert_eq!(answer.matches("host: ").count(), 1, "{answer}");
        assert!(answer.contains(&host), "{answer}");
    }
    let answer = all_of(at, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").to_ascii_lowercase();
    assert!(!answer.contains("host: "), "what the client does wrong is its own: {answer}");
}
