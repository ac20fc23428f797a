//! Where connections go to: several upstreams, names, Unix sockets, and those that do not answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use firedrill_proxy::control::wire::{Bound, Protocol, RouteSpec};

use crate::rig::{Rig, connect, echo, end_of_new, eventually, read_to_end, round_trip, stuck, upstream};

/// An upstream that says its name and ends.
fn named(name: &'static str) -> SocketAddr {
    upstream(move |mut stream| {
        let _ = stream.write_all(name.as_bytes());
    })
}

fn spec(keys: &str) -> RouteSpec {
    let json = format!(r#"{{"name": "r", "listen": "127.0.0.1:0", "protocol": "tcp", {keys}}}"#);
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn routed(keys: &str) -> (Rig, SocketAddr) {
    let rig = Rig::new(1);
    let at = rig.engine.add_route(spec(keys)).unwrap().bound.tcp().unwrap();
    (rig, at)
}

fn several(upstreams: &[SocketAddr]) -> (Rig, SocketAddr) {
    let list: Vec<String> = upstreams.iter().map(|at| format!("\"{at}\"")).collect();
    routed(&format!(r#""upstreams": [{}], "dial_timeout": "300ms""#, list.join(", ")))
}

fn answer(at: SocketAddr) -> String {
    String::from_utf8(read_to_end(&mut connect(at)).0).unwrap()
}

/// An address at which nothing listens.
fn nothing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A path of this test's own.
fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("firedrill-{}-{name}.sock", std::process::id()))
}

#[test]
fn connections_take_turns_among_the_upstreams() {
    let (_rig, at) = several(&[named("a"), named("b"), named("c")]);
    let answers: String = (0..6).map(|_| answer(at)).collect();
    assert_eq!(answers, "abcabc");
}

#[test]
fn a_dead_upstream_is_passed_over_and_left_out_and_then_tried_again() {
    let dead = nothing();
    let (rig, at) = several(&[dead, named("b")]);
    let answers: String = (0..6).map(|_| answer(at)).collect();
    assert_eq!(answers, "bbbbbb", "no client saw that one is dead");
    assert_eq!(rig.view().traffic.upstream_failures, 0);
    let _revived = TcpListener::bind(dead).unwrap();
    eventually("the first one has its turn again", || {
        let mut stream = connect(at);
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        stream.read(&mut [0; 1]).is_err()
    });
}

#[test]
fn an_upstream_that_does_not_accept_costs_one_dial_timeout_and_then_nothing() {
    let (_listener, nowhere, _fill) = stuck();
    let (_rig, at) = several(&[nowhere, named("b")]);
    assert_eq!(answer(at), "b");
    let began = Instant::now();
    assert_eq!(answer(at) + &answer(at), "bb");
    assert!(began.elapsed() < Duration::from_millis(250), "it is left out: {:?}", began.elapsed());
}

#[test]
fn when_no_upstream_can_be_reached_the_connection_is_reset_once_each_was_tried() {
    let (rig, at) = several(&[nothing(), nothing()]);
    assert!(end_of_new(at).is_err());
    assert_eq!(rig.view().traffic.upstream_failures, 1);
}

#[test]
fn the_dial_timeout_of_a_route_bounds_the_wait() {
    let (_listener, nowhere, _fill) = stuck();
    let (rig, at) = routed(&format!(r#""upstream": "{nowhere}", "dial_timeout": "200ms""#));
    let began = Instant::now();
    assert!(end_of_new(at).is_err());
    let took = began.elapsed();
    assert!((200..2_000).contains(&took.as_millis()), "{took:?}");
    eventually("counted", || rig.view().traffic.upstream_failures == 1);
}

#[test]
fn a_name_whose_first_address_refuses_leads_to_the_other_family() {
    // Wherever `localhost` is both ::1 and 127.0.0.1, the upstream listens on only one of them.
    let server = echo();
    let (_rig, at) = routed(&format!(r#""upstream": "localhost:{}""#, server.port()));
    round_trip(&mut connect(at));
}

#[test]
fn an_upstream_on_a_unix_socket_carries_bytes_and_their_end() {
    let at = path("upstream");
    let listener = UnixListener::bind(&at).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(&all).unwrap();
    });
    let (rig, listen) = routed(&format!(r#""upstream": "unix:{}""#, at.display()));
    let mut stream = connect(listen);
    let sent = vec![7; 300_000];
    stream.write_all(&sent).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut stream), (sent, Ok(())));
    server.join().unwrap();
    std::fs::remove_file(&at).unwrap();
    assert_eq!(rig.view().traffic.bytes_response, 300_000);
}

#[test]
fn a_route_listens_on_a_unix_socket_until_it_is_removed() {
    let at = path("listen");
    let rig = Rig::new(2);
    let mut spec = spec(&format!(r#""upstream": "{}""#, echo()));
    spec.listen = format!("unix:{}", at.display());
    let view = rig.engine.add_route(spec.clone()).unwrap();
    assert_eq!(view.bound, Bound::Unix(at.clone()));
    let mut clients: Vec<UnixStream> = (0..4).map(|_| UnixStream::connect(&at).unwrap()).collect();
    for stream in &mut clients {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(b"ping").unwrap();
        let mut back = [0; 4];
        stream.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"ping");
    }
    rig.fault(r#"{"id": "local", "match": {"client": "127.0.0.1"}, "fault": {"latency": {"delay": "1ms"}}}"#);
    clients[0].write_all(b"ping").unwrap();
    clients[0].read_exact(&mut [0; 4]).unwrap();
    rig.counted("local", 4, 1);
    rig.engine.remove_route("r").unwrap();
    assert!(!at.exists(), "its file goes with it");
    assert_eq!(clients[0].read(&mut [0; 1]).unwrap(), 0, "its connections end");
    rig.engine.add_route(spec).unwrap();
    rig.engine.stop();
    assert!(!at.exists());
}

#[test]
fn http_is_carried_between_unix_sockets() {
    let (front, back) = (path("front"), path("back"));
    let listener = UnixListener::bind(&back).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let rig = Rig::new(1);
    let mut spec = spec(&format!(r#""upstream": "unix:{}""#, back.display()));
    spec.listen = format!("unix:{}", front.display());
    spec.protocol = Protocol::Http;
    rig.engine.add_route(spec).unwrap();
    let mut stream = UnixStream::connect(&front).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    std::fs::remove_file(&back).unwrap();
    assert!(all.starts_with("HTTP/1.1 200") && all.ends_with("ok"), "{all}");
}

#[test]
fn a_route_that_contradicts_itself_is_refused() {
    let rig = Rig::new(1);
    for (keys, says) in [
        (r#""upstream": "a:1", "upstreams": ["b:1"]"#, "`upstreams` contradicts `upstream`"),
        (r#""upstream": "a:1", "transparent": true"#, "`transparent` contradicts an upstream"),
        (r#""upstream": "unix:relative""#, "unix:/path"),
        (r#""upstreams": ["a:1", "b"]"#, "`b` is no upstream"),
        (r#""upstream": "a:1", "connections_max": 0"#, "`connections_max`"),
    ] {
        let error = rig.engine.add_route(spec(keys)).unwrap_err().to_string();
        assert!(error.contains("route `r`") && error.contains(says), "{keys}: {error}");
    }
    assert!(rig.engine.routes().is_empty());
}
