//! Whether the control plane answers while the data plane is full, and how soon a change reaches every connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Load, Pace, send};
use super::peers::{Backend, Firedrill};

/// Connections that are held while the control plane is asked.
pub const STUCK: usize = 9_000;
const CALLS: usize = 300;

/// What came of it.
pub struct Answers {
    /// Control calls while the connections hang and an upstream is dead, in milliseconds.
    pub call_p50_ms: f64,
    pub call_p99_ms: f64,
    /// From the call that arms a reset to the last of the connections having felt it, in milliseconds.
    pub all_reset_ms: f64,
    /// How late answers on another route, delayed by 50 ms, were meanwhile, in microseconds beyond it.
    pub elsewhere_p99_us: f64,
}

/// Fills the proxy with connections that wait for an answer that never comes, then asks and changes.
pub fn run(firedrill: &Path, backend: &Backend, dir: &Path) -> Answers {
    // Nobody accepts here, so the kernel takes the handshakes and nothing is ever answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    nix::sys::socket::listen(&silent, nix::sys::socket::Backlog::new(4096).unwrap()).unwrap();
    let proxy = Firedrill::start("firedrill-control", firedrill, dir);
    let stuck = proxy.route("stuck", "tcp", backend.port);
    let dead = proxy.route("dead", "tcp", silent.local_addr().unwrap());
    let other = proxy.route("other", "tcp", backend.port);
    proxy.fault("other", "late", &json!({"fault": {"latency": {"delay": "50ms"}}}));
    let mut held: Vec<TcpStream> = (0..STUCK).map(|_| half_a_request(stuck)).collect();
    let _dead: Vec<TcpStream> = (0..200).map(|_| half_a_request(dead)).collect();
    let mut calls: Vec<f64> = (0..CALLS).map(|at| timed_call(&proxy, at)).collect();
    calls.sort_by(f64::total_cmp);
    let elsewhere = std::thread::spawn(move || {
        let time = Duration::from_secs(2);
        send(Load { to: other, path: "/1k", connections: 10, time, pace: Pace::PerSecond(100.0) })
    });
    std::thread::sleep(Duration::from_millis(800));
    let began = Instant::now();
    proxy.fault("stuck", "cut", &json!({"fault": {"reset": {}}}));
    for stream in &mut held {
        let ended = stream.read(&mut [0; 1]);
        assert!(ended.is_err(), "a connection that was reset ended with {ended:?}");
    }
    let all_reset_ms = began.elapsed().as_secs_f64() * 1e3;
    let elsewhere = elsewhere.join().unwrap();
    Answers {
        call_p50_ms: calls[CALLS / 2],
        call_p99_ms: calls[CALLS * 99 / 100],
        all_reset_ms,
        elsewhere_p99_us: elsewhere.percentile_us(99.0) - 50_000.0,
    }
}

fn half_a_request(to: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"GET /1k HTTP/1.1\r\n").unwrap();
    stream
}

fn timed_call(proxy: &Firedrill, at: usize) -> f64 {
    let began = Instant::now();
    match at % 3 {
        0 => drop(proxy.call("GET", "/v1/routes/dead", &Value::Null)),
        1 => proxy.fault("dead", "slow", &json!({"fault": {"latency": {"delay": "1s"}}})),
        _ => proxy.remove_fault("dead", "slow"),
    }
    began.elapsed().as_secs_f64() * 1e3
}
