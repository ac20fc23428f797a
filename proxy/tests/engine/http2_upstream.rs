//! Clients of HTTP/2 before upstreams that speak another version, go away, or cannot be reached.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use firedrill_proxy::control::wire::Protocol;
use firedrill_proxy::quantity::Period;
use hyper::Request;
use tokio::sync::mpsc;

use crate::http2::{Ends, Frames, all, data, get, request, whole};
use crate::rig::{Rig, fault, ms, reset_now, route_spec, stuck, upstream};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn head(reader: &mut impl BufRead) -> String {
    let mut all = String::new();
    while reader.read_line(&mut all).is_ok_and(|n| n > 2) {}
    all
}

/// Speaks HTTP/1.1 only. What it says to HTTP/2 is `refusal`; to a request it says its head and, in chunks, its body,
/// which is not waited for on `/early`.
fn old(refusal: &'static str) -> (SocketAddr, Arc<AtomicU64>) {
    let refused = Arc::<AtomicU64>::default();
    let counted = Arc::clone(&refused);
    let at = upstream(move |stream| {
        let mut out = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        loop {
            let mut said = head(&mut reader);
            if said.is_empty() {
                return;
            }
            if said.starts_with("PRI") {
                counted.fetch_add(1, Relaxed);
                let _ = out.write_all(refusal.as_bytes());
                if refusal == "RST" {
                    reset_now(out);
                }
                return;
            }
            let chunked = said.to_ascii_lowercase().contains("transfer-encoding: chunked");
            if chunked && !said.contains("/early") {
                while !said.ends_with("\r\n0\r\n\r\n") && reader.read_line(&mut said).is_ok_and(|n| n > 0) {}
            }
            let _ = write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{said}", said.len());
        }
    });
    (at, refused)
}

#[test]
fn a_plain_upstream_that_speaks_only_http1_is_spoken_to_in_http1() {
    let ends = Ends::new();
    for (refusal, asks) in [
        ("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 1),
        ("<!DOCTYPE HTML><p>Invalid HTTP version (2.0)", 1),
        // One that hangs up may be asked again until it has answered.
        ("", 1),
        ("RST", 1),
    ] {
        let (server, refused) = old(refusal);
        let (rig, at) = Rig::with_route(Protocol::Http, server);
        let client = ends.client(at);
        ends.block_on(async {
            for path in ["/a", "/b"] {
                let answer = get(&client, path).await.unwrap();
                assert_eq!(answer.status(), 200, "{refusal:?}");
                let said = String::from_utf8(all(answer).await.0).unwrap().to_ascii_lowercase();
                assert!(said.starts_with(&format!("get {path} http/1.1\r\n")), "{said}");
                assert!(said.contains("host: shop.test\r\n"), "{said}");
            }
            let streamed = Request::get("http://shop.test/_search").body(whole([data("abc")])).unwrap();
            let said = all(client.clone().send_request(streamed).await.unwrap()).await.0;
            assert!(said.ends_with(b"3\r\nabc\r\n0\r\n\r\n"), "{}", said.escape_ascii());
            let many = futures_util::future::join_all((0..20).map(|_| get(&client, "/"))).await;
            assert!(many.into_iter().all(|answer| answer.unwrap().status() == 200));
        });
        assert_eq!(refused.load(Relaxed), asks, "{refusal:?}: it is asked once, and remembered");
        assert_eq!(rig.view().traffic.upstream_failures, 0, "{refusal:?}");
    }
}

#[test]
fn an_upstream_that_once_spoke_http2_and_hangs_up_is_not_taken_for_another() {
    let ends = Ends::new();
    let number = AtomicU64::new(0);
    let old = Arc::<AtomicU64>::default();
    let counted = Arc::clone(&old);
    let server = upstream(move |mut stream| {
        let mut first = [0; 24];
        match number.fetch_add(1, Relaxed) {
            0 => goes_away(&mut stream),
            _ => {
                let _ = stream.read_exact(&mut first);
                if first != *PREFACE {
                    counted.fetch_add(1, Relaxed);
                }
            }
        }
    });
    let (_rig, at) = Rig::with_route(Protocol::Http, server);
    let client = ends.client(at);
    ends.block_on(async {
        let answer = get(&client, "/").await.unwrap();
        assert_eq!(answer.status(), 502);
        let said = String::from_utf8(all(answer).await.0).unwrap();
        assert!(said.contains("before it spoke"), "{said}");
    });
    assert_eq!(old.load(Relaxed), 0);
}

/// Speaks HTTP/2 until a request comes, and then says that it leaves and has looked at none.
fn goes_away(stream: &mut TcpStream) {
    stream.read_exact(&mut [0; 24]).unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).unwrap();
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).is_err() {
            return;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize]).unwrap();
        match head[3] {
            1 => break,
            4 if head[4] == 0 => stream.write_all(&[0, 0, 0, 4, 1, 0, 0, 0, 0]).unwrap(),
            _ => {}
        }
    }
    stream.write_all(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn a_call_that_a_leaving_upstream_never_looked_at_is_refused_as_such() {
    let ends = Ends::new();
    let (_rig, at) = Rig::with_route(Protocol::Http, upstream(|mut stream| goes_away(&mut stream)));
    let client = ends.client(at);
    ends.block_on(async {
        // Of one that has a body nothing is left to be sent again here.
        let (sender, body) = mpsc::channel(1);
        sender.send(data("abc")).await.unwrap();
        let error = client.clone().send_request(request("/", Frames(body))).await.unwrap_err();
        let error = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
        assert_eq!(error.and_then(h2::Error::reason), Some(h2::Reason::REFUSED_STREAM));
    });
}

#[test]
fn streams_that_wait_for_a_dial_share_what_comes_of_it() {
    let ends = Ends::new();
    let (_listener, nowhere, _queue) = stuck();
    let rig = Rig::new(1);
    let mut spec = route_spec("r", Protocol::Http, nowhere);
    spec.dial_timeout = Some(Period::from_millis(500));
    let at = rig.engine.add_route(spec).unwrap().bound.tcp().unwrap();
    let client = ends.client(at);
    let began = Instant::now();
    ends.block_on(async {
        let answers = futures_util::future::join_all((0..20).map(|_| get(&client, "/"))).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap().status() == 502));
        assert!((ms(500)..ms(3_000)).contains(&began.elapsed()), "{:?}", began.elapsed());
        assert_eq!(get(&client, "/").await.unwrap().status(), 502, "whoever comes later tries anew");
        assert!(began.elapsed() >= ms(1_000));
    });
}

#[test]
fn a_call_does_not_wait_behind_an_upload_whose_answer_has_come() {
    let ends = Ends::new();
    let (server, _) = old("HTTP/1.1 505 No\r\nContent-Length: 0\r\n\r\n");
    let (_rig, at) = Rig::with_route(Protocol::Http, server);
    let client = ends.client(at);
    ends.block_on(async {
        let (sender, body) = mpsc::channel(1);
        sender.send(data("abc")).await.unwrap();
        let early = client.clone().send_request(request("/early", Frames(body))).await.unwrap();
        assert_eq!(early.status(), 200);
        all(early).await;
        let began = Instant::now();
        for _ in 0..3 {
            assert_eq!(get(&client, "/").await.unwrap().status(), 200);
        }
        assert!(began.elapsed() < ms(5_000), "{:?}", began.elapsed());
        drop(sender);
    });
}

#[test]
fn streams_that_a_fault_holds_leave_room_for_the_others() {
    let ends = Ends::new();
    let (rig, client) = ends.routed(Protocol::Http);
    rig.engine
        .put_fault(
            "r",
            fault(
                r#"{"id": "still", "fault": {"stall": {"after_bytes": "1000B"}}, "match": {"path": "/big"}}"#,
            ),
        )
        .unwrap();
    ends.block_on(async {
        let held = futures_util::future::join_all((0..100).map(|_| get(&client, "/big"))).await;
        // Their windows fill up meanwhile.
        tokio::time::sleep(ms(300)).await;
        let said = all(get(&client, "/").await.unwrap()).await;
        assert_eq!(said.1["grpc-status"], "0");
        let echoed = client.clone().send_request(request("/echo", whole([data(vec![1; 30_000])]))).await;
        assert_eq!(all(echoed.unwrap()).await.0.len(), 30_000);
        drop(held);
    });
}

#[test]
fn an_upstream_that_says_its_settings_first_decides_nothing_on_a_route_that_finds_out() {
    let ends = Ends::new();
    let (rig, at) = Rig::with_route(Protocol::Auto, ends.upstream_at());
    ends.block_on(async {
        let stream = tokio::net::TcpStream::connect(at).await.unwrap();
        // The upstream has spoken long before the client does.
        tokio::time::sleep(ms(200)).await;
        let (mut client, connection) = hyper::client::conn::http2::handshake(
            hyper_util::rt::TokioExecutor::new(),
            hyper_util::rt::TokioIo::new(stream),
        )
        .await
        .unwrap();
        tokio::spawn(connection);
        let answer = client.send_request(request("/", whole([]))).await.unwrap();
        assert_eq!(answer.status(), 200);
    });
    assert_eq!(rig.view().traffic.requests, 1, "it is a request, not bytes");
}
