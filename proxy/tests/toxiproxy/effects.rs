//! What toxics do to traffic.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::running::{Running, SOON, exchange};

pub fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Reads until the end; how it ended, and what came before.
pub fn to_the_end(stream: &mut TcpStream) -> (Vec<u8>, Result<(), ErrorKind>) {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (all, Ok(())),
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) => return (all, Err(error.kind())),
        }
    }
}

/// Whether nothing comes for a while, and nothing is closed.
pub fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(150))).unwrap();
    let error = stream.read(&mut [0]).unwrap_err();
    stream.set_read_timeout(Some(SOON)).unwrap();
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn time_of(at: SocketAddr) -> Duration {
    let began = Instant::now();
    exchange(at);
    began.elapsed()
}

#[test]
fn latency_of_both_directions_adds_up_and_ends_with_its_toxic() {
    let running = Running::start();
    let at = running.proxy();
    for stream in ["upstream", "downstream"] {
        running.toxic(&format!(
            r#"{{"type": "latency", "stream": "{stream}", "attributes": {{"latency": 60}}}}"#
        ));
    }
    assert!(time_of(at) >= Duration::from_millis(120));
    running.ask("POST /reset", "");
    running.toxic(r#"{"type": "latency", "stream": "both", "attributes": {"latency": 60}}"#);
    assert!(time_of(at) >= Duration::from_millis(120));
    running
        .ask("PATCH /proxies/p/toxics/latency_both", r#"{"toxicity": 0, "attributes": {"latency": 60000}}"#);
    assert!(time_of(at) < SOON);
}

#[test]
fn a_latency_below_zero_is_none() {
    let running = Running::start();
    let at = running.proxy();
    running.toxic(r#"{"type": "latency", "attributes": {"latency": -60000, "jitter": 1000}}"#);
    exchange(at);
    running.toxic(r#"{"type": "latency", "name": "some", "attributes": {"latency": -20, "jitter": 40}}"#);
    for _ in 0..20 {
        exchange(at);
    }
    let fault = running.control.route("p").unwrap().faults.remove(0);
    let requested = fault.evidence.requested.expect("some were delayed");
    assert!(requested.max <= 20.1, "from -60 to 20 ms: {requested:?}");
}

#[test]
fn at_no_rate_nothing_flows_until_the_toxic_is_gone_and_nothing_is_lost() {
    let running = Running::start();
    let at = running.proxy();
    running.toxic(r#"{"type": "bandwidth", "attributes": {"rate": 0}}"#);
    let mut stream = connect(at);
    stream.write_all(b"hello").unwrap();
    assert!(is_silent(&mut stream));
    assert_eq!(running.ask("DELETE /proxies/p/toxics/bandwidth_downstream", "").status, 204);
    let mut back = [0; 5];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"hello");
    exchange(at);
}

#[test]
fn a_timeout_swallows_and_its_removal_closes() {
    let running = Running::start();
    let at = running.proxy();
    running.toxic(r#"{"type": "timeout", "attributes": {"timeout": 0}}"#);
    let mut stream = connect(at);
    stream.write_all(b"hello").unwrap();
    assert!(is_silent(&mut stream));
    running.ask("DELETE /proxies/p/toxics/timeout_downstream", "");
    assert_eq!(to_the_end(&mut stream).0, b"", "what was swallowed does not come back");
    exchange(at);
}

#[test]
fn a_timeout_closes_after_silence() {
    let running = Running::start();
    let at = running.proxy();
    running.toxic(r#"{"type": "timeout", "stream": "upstream", "attributes": {"timeout": 800}}"#);
    let mut stream = connect(at);
    let began = Instant::now();
    // Bytes keep it open: idle time is what counts.
    for _ in 0..4 {
        stream.write_all(b"x").unwrap();
        assert!(is_silent(&mut stream));
    }
    assert_eq!(to_the_end(&mut stream), (Vec::new(), Ok(())));
    assert!(began.elapsed() >= Duration::from_millis(1_200), "{:?}", began.elapsed());
}

#[test]
fn exactly_so_many_bytes_pass() {
    let running = Running::start();
    let at = running.proxy();
    running.toxic(r#"{"type": "limit_data", "attributes": {"bytes": 7}}"#);
    let mut stream = connect(at);
    stream.write_all(b"hello world").unwrap();
    assert_eq!(to_the_end(&mut stream).0, b"hello w");
}

#[test]
fn a_stream_is_sliced_and_its_end_comes_late() {
    let running = Running::start();
    let at = running.proxy();
    running.toxic(
        r#"{"type": "slicer", "attributes": {"average_size": 10, "size_variation": 0, "delay": 5000}}"#,
    );
    let mut stream = connect(at);
    let began = Instant::now();
    stream.write_all(&[b'x'; 100]).unwrap();
    stream.read_exact(&mut [0; 100]).unwrap();
    assert!(began.elapsed() >= Duration::from_millis(40), "ten pieces, 5 ms apart: {:?}", began.elapsed());
    running.ask("POST /reset", "");
    running.toxic(r#"{"type": "slow_close", "attributes": {"delay": 200}}"#);
    let (mut stream, began) = (connect(at), Instant::now());
    stream.write_all(b"bye").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(to_the_end(&mut stream), (b"bye".to_vec(), Ok(())));
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
}
