//! `tls` on routes of HTTP: both versions on both sides, faults on requests inside and on bytes outside.

use std::convert::Infallible;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::lab::{
    Authority, DAY, Dir, client, client_config, end, read_all, rig, route, server_config, shake, tls_upstream,
};
use crate::rig::{Rig, answers, connect, eventually, ms, read_to_end};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// An engine that ends TLS before an upstream, and the CA that clients of it trust.
struct Shop {
    rig: Rig,
    at: SocketAddr,
    ca: Authority,
    dir: Dir,
}

impl Shop {
    fn before(upstream: SocketAddr, more: &str) -> Self {
        let (dir, ca) = (Dir::new(), Authority::new("ca"));
        let signed = ca.sign(&["shop.example"]);
        let (certificate, key) = (dir.file("cert", &signed.certificate), dir.file("key", &signed.key));
        let rig = rig(&dir.0);
        let keys =
            format!(r#""tls": {{"terminate": {{"certificate": "{certificate}", "key": "{key}"}}{more}}}"#);
        let at = route(&rig, "http", upstream, &keys);
        Self { rig, at, ca, dir }
    }

    fn config(&self, protocols: &[&str]) -> ClientConfig {
        offering(client_config(self.ca.roots(), None), protocols)
    }
}

fn offering(mut config: ClientConfig, protocols: &[&str]) -> ClientConfig {
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// An upstream that speaks HTTP in TLS, as agreed, and says in which version and of what scheme it was asked.
fn says_version(runtime: &Runtime, config: ServerConfig, protocols: &[&str]) -> SocketAddr {
    let mut config = config;
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let (at, acceptor) = (listener.local_addr().unwrap(), TlsAcceptor::from(Arc::new(config)));
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let answer = service_fn(async |request: Request<Incoming>| {
                    let said = format!("{:?} {:?}", request.version(), request.uri().scheme_str());
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(said))))
                });
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
    at
}

/// One request in TLS, in the version that was agreed; status and body.
fn get(runtime: &Runtime, at: SocketAddr, config: ClientConfig) -> Result<(u16, String), String> {
    let ask = async {
        let stream = TcpStream::connect(at).await.map_err(|error| error.to_string())?;
        let name = ServerName::try_from("shop.example").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let request = Request::get(if is_h2 { "https://shop.example/a" } else { "/a" });
        let request = request.header("host", "shop.example").body(Empty::<Bytes>::new()).unwrap();
        let io = TokioIo::new(stream);
        let response = if is_h2 {
            let made = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await;
            let (mut sender, connection) = made.map_err(|error| error.to_string())?;
            tokio::spawn(connection);
            sender.send_request(request).await
        } else {
            let made = hyper::client::conn::http1::handshake(io).await;
            let (mut sender, connection) = made.map_err(|error| error.to_string())?;
            tokio::spawn(connection);
            sender.send_request(request).await
        };
        let response = response.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
        Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
    };
    runtime.block_on(async { tokio::time::timeout(PATIENCE, ask).await.unwrap() })
}

#[test]
fn requests_come_out_plain_and_faults_act_on_them() {
    let (shop, runtime) = (Shop::before(answers(), ""), runtime());
    let ask = || get(&runtime, shop.at, shop.config(&["http/1.1"]));
    assert_eq!(ask(), Ok((200, "ok".to_owned())));
    let newer = get(&runtime, shop.at, shop.config(&["h2", "http/1.1"]));
    assert_eq!(newer, Ok((200, "ok".to_owned())), "the upstream speaks HTTP/1.1 only");
    // An old client, and one that does not say what it wants to speak.
    let mut old = shop.config(&[]);
    old = {
        let builder = ClientConfig::builder_with_provider(super::lab::provider());
        let builder = builder.with_protocol_versions(&[&rustls::version::TLS12]).unwrap();
        let mut config = builder.with_root_certificates(shop.ca.roots()).with_no_client_auth();
        config.alpn_protocols = std::mem::take(&mut old.alpn_protocols);
        config
    };
    assert_eq!(get(&runtime, shop.at, old), Ok((200, "ok".to_owned())));
    shop.rig.fault(r#"{"id": "late", "match": {"path": "/a"}, "fault": {"latency": {"delay": "70ms"}}}"#);
    let began = Instant::now();
    assert_eq!(ask(), Ok((200, "ok".to_owned())));
    assert!(began.elapsed() >= ms(70));
    shop.rig.counted("late", 1, 1);
    shop.rig.fault(r#"{"id": "error", "fault": {"http_error": {"status": 503, "body": "closed"}}}"#);
    assert_eq!(ask(), Ok((503, "closed".to_owned())));
    shop.rig.remove("error");
    shop.rig.fault(r#"{"id": "cut", "fault": {"reset": {}}}"#);
    assert!(ask().is_err());
    shop.rig.counted("cut", 1, 1);
    assert_eq!(shop.rig.view().traffic.tls_failures, 0);
}

#[test]
fn faults_on_bytes_act_on_the_encrypted_ones() {
    let (shop, runtime) = (Shop::before(answers(), ""), runtime());
    shop.rig.fault(r#"{"id": "cut", "fault": {"limit_data": {"bytes": "100B"}}}"#);
    // Fewer bytes than a handshake has: it never comes about.
    let began = Instant::now();
    assert!(get(&runtime, shop.at, shop.config(&["h2"])).is_err());
    assert!(
        began.elapsed() < ms(5_000),
        "it is over with its last byte, and not when the handshake's time is"
    );
    shop.rig.counted("cut", 1, 1);
    shop.rig.remove("cut");
    shop.rig.fault(r#"{"id": "time", "fault": {"limit_time": {"after": "100ms"}}}"#);
    let began = Instant::now();
    let mut silent = connect(shop.at);
    assert_eq!(read_to_end(&mut silent), (Vec::new(), Ok(())));
    assert!(began.elapsed() >= ms(90), "the time of one that never shakes hands ends as well");
    shop.rig.counted("time", 1, 1);
}

#[test]
fn the_version_is_agreed_on_with_the_client_and_then_with_the_upstream() {
    let (runtime, ca) = (runtime(), Authority::new("upstream"));
    let signed = || server_config(&ca.sign(&["127.0.0.1"]), None);
    for (upstream_speaks, client_speaks, says) in [
        (&["h2", "http/1.1"][..], &["h2", "http/1.1"][..], "HTTP/2.0 Some(\"https\")"),
        (&["h2", "http/1.1"], &["http/1.1"], "HTTP/1.1 None"),
        (&["http/1.1"], &["h2"], "HTTP/1.1 None"),
        (&[], &["h2"], "HTTP/1.1 None"),
        (&[], &[], "HTTP/1.1 None"),
    ] {
        let dir = Dir::new();
        let ca_file = dir.file("ca", &ca.pem);
        let upstream = says_version(&runtime, signed(), upstream_speaks);
        let shop = Shop::before(upstream, &format!(r#", "upstream": {{"ca": "{ca_file}"}}"#));
        let said = get(&runtime, shop.at, shop.config(client_speaks));
        assert_eq!(said, Ok((200, says.to_owned())), "{upstream_speaks:?} {client_speaks:?}");
        drop(shop.dir);
    }
}

#[test]
fn an_upstream_that_cannot_be_trusted_is_a_bad_gateway_that_says_why() {
    let (runtime, ca, other) = (runtime(), Authority::new("ca"), Authority::new("other"));
    let dir = Dir::new();
    let (ca_file, clients) = (dir.file("ca", &ca.pem), Authority::new("clients"));
    let expired = ca.sign_until(&["127.0.0.1"], std::time::SystemTime::now() - DAY);
    let good = ca.sign(&["127.0.0.1"]);
    let quiet = |config| tls_upstream(config, |mut stream| drop(stream.read(&mut [0; 512])));
    let plain = answers();
    let closes = crate::rig::upstream(drop);
    for (upstream, says) in [
        (quiet(server_config(&expired, None)), "its certificate has expired"),
        (quiet(server_config(&ca.sign(&["10.0.0.1", "b.example"]), None)), "not for `127.0.0.1`"),
        (quiet(server_config(&other.sign(&["127.0.0.1"]), None)), "unknown issuer"),
        (quiet(server_config(&good, Some(&clients))), "asks for a certificate"),
        (plain, "it does not speak TLS"),
        (closes, "TLS"),
    ] {
        let rig = rig(&dir.0);
        let at = route(&rig, "http", upstream, &format!(r#""tls": {{"upstream": {{"ca": "{ca_file}"}}}}"#));
        let mut client = connect(at);
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let answer = String::from_utf8(read_to_end(&mut client).0).unwrap();
        assert!(answer.starts_with("HTTP/1.1 502") && answer.contains(says), "{says}: {answer}");
        assert!(answer.contains("x-firedrill-proxy-error: upstream"), "{answer}");
        assert_eq!(rig.view().traffic.upstream_failures, 1, "{says}");
    }
    // Shown a certificate, the one that asks is content; not looked at, an expired one is good enough.
    let shown = clients.sign(&["proxy"]);
    let (certificate, key) = (dir.file("cert", &shown.certificate), dir.file("key", &shown.key));
    for (config, keys) in [
        (
            server_config(&good, Some(&clients)),
            format!(r#"{{"ca": "{ca_file}", "certificate": "{certificate}", "key": "{key}"}}"#),
        ),
        (server_config(&expired, None), r#"{"verify": false}"#.to_owned()),
    ] {
        let upstream = says_version(&runtime, config, &["h2", "http/1.1"]);
        let shop = Shop::before(upstream, &format!(r#", "upstream": {keys}"#));
        assert_eq!(
            get(&runtime, shop.at, shop.config(&["h2"])),
            Ok((200, "HTTP/2.0 Some(\"https\")".to_owned())),
            "{keys}"
        );
    }
}

#[test]
fn a_client_that_speaks_plain_http_is_told_and_counted() {
    let shop = Shop::before(answers(), "");
    let mut plain = connect(shop.at);
    plain.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let (answer, ended) = read_to_end(&mut plain);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("use https"), "{answer}");
    assert_eq!(ended, Ok(()));
    let mut garbage = connect(shop.at);
    garbage.write_all(b"\x16\x03\x01\x00\x04\x01\x00\x00\x00").unwrap();
    let (alert, ended) = read_to_end(&mut garbage);
    assert_eq!((alert[0], ended), (0x15, Ok(())));
    let mut gone = connect(shop.at);
    gone.write_all(b"\x16\x03\x01").unwrap();
    gone.shutdown(Shutdown::Write).unwrap();
    let _ = read_to_end(&mut gone);
    let mut stranger = client(shop.at, client_config(RootCertStore::empty(), None), "shop.example");
    assert!(shake(&mut stranger).is_err());
    drop(stranger);
    eventually("all counted", || shop.rig.view().traffic.tls_failures == 4);
    assert_eq!(shop.rig.view().traffic.requests, 0);
    eventually("all closed", || shop.rig.view().traffic.connections_open == 0);
}

#[test]
fn connections_are_kept_and_end_as_they_are_ended() {
    let shop = Shop::before(answers(), "");
    let mut client = client(shop.at, shop.config(&["http/1.1"]), "shop.example");
    for _ in 0..3 {
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"ok") {
            let mut bytes = [0; 512];
            let n = client.read(&mut bytes).unwrap();
            assert!(n > 0);
            answer.extend_from_slice(&bytes[..n]);
        }
    }
    assert_eq!(shop.rig.view().traffic.connections, 1);
    // It closes, with a word in TLS; a route that goes closes without asking.
    end(&mut client);
    assert_eq!(read_all(&mut client), (Vec::new(), Ok(())));
    let mut caught = super::lab::client(shop.at, shop.config(&[]), "shop.example");
    shake(&mut caught).unwrap();
    shop.rig.engine.remove_route("r").unwrap();
    let (bytes, ended) = read_all(&mut caught);
    assert!(bytes.is_empty() && !matches!(ended, Err(ErrorKind::WouldBlock)), "{ended:?}");
}
