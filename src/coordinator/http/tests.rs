use std::sync::atomic::Ordering;
use std::time::Duration;

use super::*;
use crate::coordinator::secrets::Secrets;
use crate::coordinator::test_server::{TestServer, get, secrets};
use crate::scenario::plan::HttpRequest;

async fn send(request: &HttpRequest, timeout: Duration) -> Exchange {
    let prepared = PreparedRequest::new(request, &Secrets::default()).await.unwrap();
    measure(&prepared, timeout).await
}

async fn failure(request: &HttpRequest, timeout: Duration) -> String {
    send(request, timeout).await.failure.expect("a failure").to_string()
}

const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn every_phase_is_timed_in_order() {
    let server = TestServer::start().await;
    let exchange = send(&server.get("/delay/60"), LONG).await;
    assert!(exchange.failure.is_none(), "{:?}", exchange.failure);
    let times = exchange.times;
    let (resolved, connected) = (times.dial.resolved.unwrap(), times.dial.connected.unwrap());
    let first_byte = times.first_byte.unwrap();
    assert!(resolved <= connected && connected < first_byte && first_byte <= times.total, "{times:?}");
    assert!(first_byte >= Duration::from_millis(60), "{times:?}");
    assert_eq!(times.dial.secured, None);
    let answer = exchange.answer.unwrap();
    assert_eq!((answer.status, answer.body.as_slice(), answer.body_bytes), (200, b"late".as_slice(), 4));
    assert_eq!(answer.content_type().as_deref(), Some("text/plain"));
}

#[tokio::test]
async fn a_slow_answer_has_an_early_first_byte() {
    let server = TestServer::start().await;
    let exchange = send(&server.get("/drip/2"), LONG).await;
    assert!(exchange.failure.is_none(), "{:?}", exchange.failure);
    // Its head alone has more than 60 bytes, each 2 ms after the last: the first byte is not the whole head.
    let after_first = exchange.times.total - exchange.times.first_byte.unwrap();
    assert!(after_first > Duration::from_millis(100), "{:?}", exchange.times);
}

#[tokio::test]
async fn tls_is_agreed_on_by_the_requests_own_authority() {
    let server = TestServer::start_tls().await;
    let exchange = send(&server.get("/ok"), LONG).await;
    assert!(exchange.failure.is_none(), "{:?}", exchange.failure);
    let times = exchange.times;
    assert!(times.dial.connected.unwrap() < times.dial.secured.unwrap());
    assert!(times.dial.secured.unwrap() < times.first_byte.unwrap());
}

#[tokio::test]
async fn an_unknown_authority_is_a_failure_that_says_so() {
    let (server, other) = (TestServer::start_tls().await, TestServer::start_tls().await);
    let request = HttpRequest { ca: other.get("/").ca, ..server.get("/ok") };
    let failure = failure(&request, LONG).await;
    assert!(failure.starts_with("TLS with `localhost` failed: invalid peer certificate"), "{failure}");
}

#[tokio::test]
async fn failures_are_told_in_words() {
    let server = TestServer::start().await;
    let dead = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let refused = failure(&get(&format!("http://{dead}/")), LONG).await;
    assert_eq!(refused, format!("could not connect to {dead}: connection refused"));
    for (path, timeout_ms, words) in [
        ("/hang", 50, "timed out after 50ms while waiting for the first byte"),
        ("/drip/20", 100, "timed out after 100ms while reading the answer"),
        ("/reset", 10_000, "connection was reset while waiting for the first byte"),
        ("/close", 10_000, "connection was closed while waiting for the first byte"),
        ("/cut", 10_000, "connection was closed while reading the answer"),
    ] {
        assert_eq!(failure(&server.get(path), Duration::from_millis(timeout_ms)).await, words, "{path}");
    }
    let nonsense = failure(&server.get("/nonsense"), LONG).await;
    assert!(nonsense.starts_with("the answer is no valid HTTP/1.1"), "{nonsense}");
}

#[tokio::test]
async fn an_interrupted_answer_keeps_what_was_known() {
    let server = TestServer::start().await;
    let exchange = send(&server.get("/cut"), LONG).await;
    let answer = exchange.answer.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"half".as_slice()));
    assert!(exchange.times.first_byte.is_some());
}

#[tokio::test]
async fn a_long_body_is_counted_whole_and_kept_in_part() {
    let server = TestServer::start().await;
    let answer = send(&server.get("/big/3000000"), LONG).await.answer.unwrap();
    assert_eq!((answer.body.len(), answer.body_bytes), (BODY_KEPT_MAX, 3_000_000));
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let server = TestServer::start().await;
    assert_eq!(send(&server.get("/redirect"), LONG).await.answer.unwrap().status, 302);
}

#[tokio::test]
async fn a_request_is_sent_as_it_is_written_with_its_secrets_in_place() {
    let server = TestServer::start().await;
    let mut request = server.get("/echo/x?q=${secrets.QUERY}");
    request.method = "POST".into();
    request.body = Some("token=${secrets.TOKEN}".into());
    request.headers.insert("authorization".into(), "Bearer ${secrets.TOKEN}".into());
    let secrets = secrets(&[("TOKEN", "s3cret-token"), ("QUERY", "hidden")]);
    let prepared = PreparedRequest::new(&request, &secrets).await.unwrap();
    let answer = measure(&prepared, LONG).await.answer.unwrap();
    let text = String::from_utf8(answer.body).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "POST /echo/x?q=hidden HTTP/1.1");
    for line in [
        format!("host: {}", server.address),
        format!("user-agent: firedrill/{}", env!("CARGO_PKG_VERSION")),
        "authorization: Bearer s3cret-token".to_owned(),
        "token=s3cret-token".to_owned(),
    ] {
        assert!(lines.contains(&line.as_str()), "no `{line}` in {text}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_the_reason_and_no_secret() {
    let secrets = secrets(&[("TOKEN", "s3cret\u{1}token"), ("HOST", "s3cret..host")]);
    let mut header = get("http://127.0.0.1/");
    header.headers.insert("authorization".into(), "${secrets.TOKEN}".into());
    let ca = HttpRequest { ca: Some("/no/such/ca.pem".into()), ..get("https://localhost/") };
    for (request, words) in [
        (get("ftp://127.0.0.1/"), "begins with neither http:// nor https://"),
        (get("https://${secrets.HOST}/"), "`[secret]` is no name that a certificate can hold"),
        (get("nowhere"), "begins with neither"),
        (get("http://127.0.0.1/a b"), "is no URL"),
        (get("http://ana:pw@127.0.0.1/"), "write the header `authorization` instead"),
        (HttpRequest { method: "GET IT".into(), ..get("http://127.0.0.1/") }, "`GET IT` is no method"),
        (header, "the value of header `authorization`"),
        (ca, "cannot read the certificate authority `/no/such/ca.pem`"),
    ] {
        let Err(error) = PreparedRequest::new(&request, &secrets).await else {
            panic!("{} was accepted", request.url)
        };
        let error = error.to_string();
        assert!(error.contains(words) && !error.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_name_without_an_address_is_told() {
    let failure = failure(&get("http://no-such-host.invalid/"), LONG).await;
    assert!(failure.starts_with("could not find the address of `no-such-host.invalid`"), "{failure}");
}

#[tokio::test]
async fn a_pool_uses_its_connection_again_and_survives_its_being_closed() {
    let server = TestServer::start().await;
    let request = PreparedRequest::new(&server.get("/ok"), &Secrets::default()).await.unwrap();
    let pool = Pool::new(request, 4);
    for _ in 0..20 {
        assert_eq!(pool.ask(LONG).await.unwrap(), 200);
    }
    assert_eq!(server.accepted.load(Ordering::SeqCst), 1);

    let request = PreparedRequest::new(&server.get("/once"), &Secrets::default()).await.unwrap();
    let pool = Pool::new(request, 4);
    for _ in 0..5 {
        assert_eq!(pool.ask(LONG).await.unwrap(), 200);
        // Time for the close to arrive: what comes after must not be lost on a dead connection.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.accepted.load(Ordering::SeqCst), 6);
}
