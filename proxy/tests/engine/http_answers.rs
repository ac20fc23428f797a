//! Answers of the proxy's own, and that what is only meant by its content leaves connections legal.

use std::time::Duration;

use firedrill_proxy::control::wire::Protocol;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;

use crate::http::{Client, read_message};
use crate::http_bodies::{PAGE, ask, routed, shop};
use crate::rig::{Rig, eventually, ms};

#[test]
fn an_error_after_the_upstream_has_answered_takes_the_place_of_its_answer() {
    let (at, bodies) = shop();
    let (rig, at) = Rig::with_route(Protocol::Http, at);
    rig.fault(
        r#"{"id": "f", "fault": {"http_error": {"status": 503, "body": "no", "retry_after": "2m", "when": "after"}}}"#,
    );
    let mut client = Client::new(at);
    for path in ["/page", "/chunked", "/big", "/none", "/page"] {
        client.send(&format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"));
        let answer = read_message(&mut client.reader).unwrap();
        assert_eq!((answer.status(), answer.body.as_slice()), (503, &b"no"[..]), "{path}");
        let find = |name: &str| answer.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
        assert!(find("retry-after") && !find("etag"), "{answer:?}");
        assert_eq!(bodies.recv_timeout(Duration::from_secs(20)).unwrap(), b"abc", "the upstream has done it");
    }
    rig.counted("f", 5, 5);
    eventually("counted", || rig.engine.red()[0].faulted.errors == 5);
    rig.remove("f");
    assert_eq!(client.get("/page").body, PAGE.as_bytes());
}

#[test]
fn an_error_before_is_never_seen_by_the_upstream_and_says_when_to_come_again() {
    let (at, bodies) = shop();
    let (rig, at) = Rig::with_route(Protocol::Http, at);
    rig.fault(r#"{"id": "f", "fault": {"http_error": {"status": 429, "retry_after": "30s"}}}"#);
    let mut client = Client::new(at);
    let answer = client.get("/page");
    assert_eq!((answer.status(), answer.header("retry-after")), (429, Some("30")));
    assert!(bodies.recv_timeout(ms(50)).is_err());
    ask(&mut client, "HEAD /page");
    assert!(client.get_head().starts_with("HTTP/1.1 429"));
    assert_eq!(client.get("/page").status(), 429);
    rig.counted("f", 3, 3);
}

#[test]
fn a_fault_that_is_removed_while_a_request_waits_for_another_does_not_hit_it() {
    let (at, _bodies) = shop();
    for fault in [
        r#"{"http_error": {"status": 503}}"#,
        r#"{"reset": {}}"#,
        r#"{"blackhole": {"direction": "request"}}"#,
        r#"{"http_redirect_loop": {}}"#,
    ] {
        let (rig, at) = Rig::with_route(Protocol::Http, at);
        rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "1h", "direction": "request"}}}"#);
        rig.fault(&format!(r#"{{"id": "f", "fault": {fault}}}"#));
        let mut client = Client::new(at);
        ask(&mut client, "GET /page");
        eventually("it waits", || rig.evidence("f").matched == 1);
        rig.remove("f");
        rig.remove("slow");
        let answer = read_message(&mut client.reader).unwrap();
        assert_eq!((answer.status(), answer.body.as_slice()), (200, PAGE.as_bytes()), "{fault}");
    }
}

#[test]
fn only_grpc_calls_end_with_a_grpc_status() {
    let (rig, mut client) = routed(r#"{"grpc_error": {"status": "UNAVAILABLE", "message": "50% gone"}}"#);
    assert_eq!(client.get("/page").body, PAGE.as_bytes());
    client.send("POST /shop.Cart/Add HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web+proto\r\nContent-Length: 3\r\n\r\nabc");
    let answer = read_message(&mut client.reader).unwrap();
    assert_eq!((answer.status(), answer.header("grpc-status"), answer.body.len()), (200, Some("14"), 0));
    assert_eq!(answer.header("grpc-message"), Some("50%25 gone"));
    assert_eq!(answer.header("content-type"), Some("application/grpc-web+proto"));
    assert_eq!(client.get("/page").body, PAGE.as_bytes());
    rig.counted("f", 1, 1);
}

#[test]
fn a_redirect_leads_to_where_it_came_from() {
    let (rig, mut client) = routed(r#"{"http_redirect_loop": {"status": 307}}"#);
    let mut path = "/a/b?c=d".to_owned();
    for _ in 0..5 {
        let answer = client.get(&path);
        assert_eq!(answer.status(), 307);
        path = answer.header("location").unwrap().to_owned();
    }
    assert_eq!(path, "/a/b?c=d");
    rig.counted("f", 5, 5);
    rig.remove("f");
    assert_eq!(client.get(&path).status(), 200);
}

#[test]
fn faults_of_http_are_refused_where_bytes_flow() {
    let (rig, _) = Rig::with_route(Protocol::Tcp, shop().0);
    for fault in [
        r#"{"http_body": {"replace": "x"}}"#,
        r#"{"http_headers": {"remove": ["etag"]}}"#,
        r#"{"grpc_error": {"status": 14}}"#,
        r#"{"keep_alive_kill": {}}"#,
        r#"{"http_redirect_loop": {}}"#,
        r#"{"latency": {"delay": "1s", "before": "body"}}"#,
    ] {
        let spec = crate::rig::fault(&format!(r#"{{"id": "f", "fault": {fault}}}"#));
        let problem = rig.engine.put_fault("r", spec).unwrap_err().to_string();
        assert!(problem.contains("http"), "{fault}: {problem}");
    }
}

/// hyper's client ends a connection at the first thing that is not as it must be.
#[test]
fn what_is_only_meant_by_its_content_leaves_the_connection_legal_for_a_strict_client() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for fault in [
        r#"{"http_error": {"status": 500, "body": "no"}}"#,
        r#"{"http_error": {"status": 204, "body": "no", "when": "after"}}"#,
        r#"{"http_body": {"replace": "other"}}"#,
        r#"{"http_body": {"drip": {"size": "9B", "every": "1ms"}}}"#,
        r#"{"http_body": {"corrupt": "10%"}}"#,
        r#"{"http_headers": {"set": {"x-a": "1"}, "remove": ["etag"], "huge": "16KiB"}}"#,
        r#"{"http_headers": {"slow": {"size": "64B", "every": "1ms"}}}"#,
        r#"{"grpc_error": {"status": 14}}"#,
        r#"{"grpc_error": {"status": 14, "trailers": false, "when": "after"}}"#,
        r#"{"http_redirect_loop": {}}"#,
        r#"{"latency": {"delay": "2ms", "before": "body"}}"#,
        r#"{"keep_alive_kill": {"after_requests": 6}}"#,
    ] {
        let (rig, at) = Rig::with_route(Protocol::Http, shop().0);
        rig.fault(&format!(r#"{{"id": "f", "fault": {fault}}}"#));
        let asked = async {
            let stream = tokio::net::TcpStream::connect(at).await.unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
            let driver = tokio::spawn(connection);
            for (method, path) in [
                ("GET", "/page"),
                ("GET", "/chunked"),
                ("HEAD", "/page"),
                ("POST", "/none"),
                ("GET", "/page"),
                ("POST", "/chunked"),
            ] {
                sender.ready().await.unwrap_or_else(|error| panic!("{fault} before {path}: {error}"));
                let body = if method == "POST" { "abc" } else { "" };
                let request = hyper::Request::builder()
                    .method(method)
                    .uri(path)
                    .header("host", "a")
                    .header("content-type", "application/grpc")
                    .body(Full::new(bytes::Bytes::from(body)))
                    .unwrap();
                let answer = sender.send_request(request).await.unwrap();
                answer
                    .into_body()
                    .collect()
                    .await
                    .unwrap_or_else(|error| panic!("{fault}: {method} {path}: {error}"));
            }
            drop(sender);
            driver.await.unwrap().unwrap_or_else(|error| panic!("{fault}: {error}"));
        };
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), asked).await }).unwrap();
        eventually("it was done", || rig.evidence("f").faulted > 0);
    }
}
