//! Where Toxiproxy goes wrong, this does not: one test for each defect that is not kept.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use firedrill_proxy::control::server::{ServerOptions, ToxiproxyOptions};
use firedrill_proxy::seed::Seed;
use serde_json::json;

use crate::ask::JSON;
use crate::effects::{connect, to_the_end};
use crate::running::{Running, SOON, exchange};

fn before(running: &Running, upstream: SocketAddr) -> SocketAddr {
    let body = json!({"name": "p", "listen": "127.0.0.1:0", "upstream": upstream.to_string()});
    running.ask("POST /proxies", &body.to_string()).json()["listen"].as_str().unwrap().parse().unwrap()
}

#[test]
fn what_a_server_says_after_its_client_has_finished_arrives() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut said = Vec::new();
            let _ = stream.read_to_end(&mut said);
            said.extend_from_slice(b"BYE-AFTER-EOF");
            let _ = stream.write_all(&said);
        }
    });
    let running = Running::start();
    let at = before(&running, upstream);
    for toxic in ["", r#"{"type": "noop"}"#, r#"{"type": "latency", "attributes": {"latency": 5}}"#] {
        if !toxic.is_empty() {
            running.toxic(toxic);
        }
        let mut stream = connect(at);
        stream.write_all(b"hello").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(to_the_end(&mut stream), (b"helloBYE-AFTER-EOF".to_vec(), Ok(())), "{toxic}");
    }
}

#[test]
fn no_attributes_of_any_toxic_end_the_process() {
    let running = Running::start();
    let at = running.proxy();
    for kind in
        ["noop", "latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data"]
    {
        let attributes: &[&str] = match kind {
            "slicer" => &[
                "{}",
                r#"{"average_size": 1, "size_variation": 64}"#,
                r#"{"average_size": -5, "size_variation": -9, "delay": -1}"#,
                r#"{"average_size": 9223372036854775807, "size_variation": 9223372036854775807, "delay": 9223372036854775807}"#,
            ],
            "latency" => &["{}", r#"{"latency": 9223372036854775807, "jitter": 9223372036854775807}"#],
            "bandwidth" => &["{}", r#"{"rate": 9223372036854775807}"#, r#"{"rate": -1}"#],
            "limit_data" => &["{}", r#"{"bytes": -1}"#],
            "slow_close" => &["{}", r#"{"delay": -9223372036854775808}"#],
            _ => &["{}", r#"{"timeout": 9223372036854775807}"#, r#"{"timeout": -1}"#],
        };
        for attributes in attributes {
            running.toxic(&format!(r#"{{"type": "{kind}", "name": "t", "attributes": {attributes}}}"#));
            let mut stream = TcpStream::connect(at).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            let _ = stream.write_all(b"x");
            let _ = stream.read(&mut [0]);
            running.exactly("DELETE /proxies/p/toxics/t", "", 204, "", "");
            exchange(at);
        }
    }
}

#[test]
fn nothing_hangs_behind_an_upstream_that_never_answers() {
    // A backlog of one that is full: further dials stay stuck.
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let stuck = listener.local_addr().unwrap().as_socket().unwrap();
    let fill: Vec<_> = (0..4)
        .map(|_| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&stuck.into());
            socket
        })
        .collect();
    let running = Running::start();
    let at = before(&running, stuck);
    let clients: Vec<TcpStream> = (0..20).map(|_| connect(at)).collect();
    let began = Instant::now();
    while running.control.route("p").unwrap().traffic.connections < 20 {
        assert!(began.elapsed() < SOON, "all are accepted, whatever the first one waits for");
    }
    let began = Instant::now();
    running.toxic(r#"{"type": "latency"}"#);
    running.ask("DELETE /proxies/p/toxics/latency_downstream", "");
    assert_eq!(running.ask("PATCH /proxies/p", r#"{"enabled": false}"#).status, 200);
    assert_eq!(running.ask("DELETE /proxies/p", "").status, 204);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop((clients, fill));
}

#[test]
fn a_reset_is_one_and_only_for_those_whom_it_is_for() {
    let running = Running::start();
    let at = running.proxy();
    running.toxic(r#"{"type": "reset_peer", "toxicity": 0, "attributes": {"timeout": 0}}"#);
    let mut stream = connect(at);
    stream.write_all(b"hello").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(to_the_end(&mut stream), (b"hello".to_vec(), Ok(())), "at toxicity 0 it closes in order");

    let mut live = connect(at);
    live.write_all(b"hello").unwrap();
    live.read_exact(&mut [0; 5]).unwrap();
    running.ask("PATCH /proxies/p/toxics/reset_peer_downstream", r#"{"toxicity": 1}"#);
    live.write_all(b"again").unwrap();
    assert_eq!(
        to_the_end(&mut live),
        (Vec::new(), Err(ErrorKind::ConnectionReset)),
        "also when it was open before"
    );
}

#[test]
fn the_same_seed_hits_the_same_connections() {
    let hit = |seed: u64| -> Vec<bool> {
        let toxiproxy = ToxiproxyOptions { seed: Seed(seed), ..ToxiproxyOptions::default() };
        let running = Running::with(ServerOptions { toxiproxy, ..ServerOptions::default() });
        let at = running.proxy();
        running.toxic(r#"{"type": "latency", "attributes": {"latency": 1}, "toxicity": 0.5}"#);
        for _ in 0..40 {
            exchange(at);
        }
        let ledger = running.control.ledger("p", "latency_downstream").unwrap();
        ledger.iter().map(|entry| entry.hit).collect()
    };
    let first = hit(7);
    assert_eq!(first.len(), 40);
    assert_eq!(first, hit(7));
    assert_ne!(first, hit(8));
}

#[test]
fn a_refused_change_changes_nothing() {
    let running = Running::start();
    let at = running.proxy();
    running.toxic(r#"{"type": "latency", "attributes": {"latency": 5}}"#);
    let before = running.ask("GET /proxies/p", "").body;
    let half = r#"{"attributes": {"latency": 99, "jitter": "x"}, "toxicity": 0.5}"#;
    assert_eq!(running.ask("PATCH /proxies/p/toxics/latency_downstream", half).status, 400);
    running.exactly("GET /proxies/p", "", 200, JSON, &before);

    let mut live = connect(at);
    let taken = running.address;
    let message = format!("listen tcp {taken}: bind: address already in use");
    let change = format!(r#"{{"listen": "{taken}", "upstream": "127.0.0.1:1", "enabled": true}}"#);
    running.refuses("PATCH /proxies/p", &change, 500, &message);
    running.exactly("GET /proxies/p", "", 200, JSON, &before);
    live.write_all(b"still").unwrap();
    live.read_exact(&mut [0; 5]).unwrap();
    running.exactly("POST /reset", "", 204, "", "");
}

#[test]
fn bytes_are_counted_while_they_flow() {
    let running = Running::start();
    let at = running.proxy();
    let mut live = connect(at);
    live.write_all(b"hello").unwrap();
    live.read_exact(&mut [0; 5]).unwrap();
    let began = Instant::now();
    while running.control.route("p").unwrap().traffic.bytes_response < 5 {
        assert!(began.elapsed() < SOON, "the connection is still open");
    }
}
