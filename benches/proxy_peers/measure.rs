//! What is measured, and what one measurement yields.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::socket::{MsgFlags, recv};
use serde_json::json;

use super::client::{Load, Outcome, Pace, head_of, request, send};
use super::peers::{Backend, Firedrill, RATES, Row};

/// One measurement under load.
#[derive(Clone, Copy, PartialEq)]
pub enum Test {
    Requests,
    Connections,
    Bulk,
}

impl Test {
    pub const fn title(self) -> &'static str {
        match self {
            Self::Requests => "Keep-alive requests, 1 KiB, 64 connections",
            Self::Connections => "A new connection for each request, 64 at once",
            Self::Bulk => "Downloads of 1 MiB, 8 connections",
        }
    }

    pub const fn unit(self) -> &'static str {
        match self {
            Self::Requests => "CPU s / 100,000 requests",
            Self::Connections => "CPU s / 100,000 connections",
            Self::Bulk => "CPU s / GB",
        }
    }

    pub const fn speed_unit(self) -> &'static str {
        match self {
            Self::Requests | Self::Connections => "per second",
            Self::Bulk => "GB/s",
        }
    }
}

/// What one round of one test yields for one row.
#[derive(Clone, Copy)]
pub struct Figures {
    pub cost: f64,
    pub speed: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub errors: u64,
}

/// Runs one test against one row.
pub fn run(test: Test, row: &Row, time: Duration) -> Figures {
    let (path, connections, pace) = match test {
        Test::Requests => ("/1k", 64, Pace::KeepAlive),
        Test::Connections => ("/1k", 64, Pace::NewConnections),
        Test::Bulk => ("/1m", 8, Pace::KeepAlive),
    };
    let (outcome, cpu) = costed(row, || send(Load { to: row.port, path, connections, time, pace }));
    let (amount, speed) = match test {
        Test::Requests | Test::Connections => {
            (outcome.all_done as f64 / 1e5, outcome.done as f64 / outcome.seconds)
        }
        Test::Bulk => (outcome.all_bytes as f64 / 1e9, outcome.bytes as f64 / 1e9 / outcome.seconds),
    };
    Figures {
        cost: cpu / amount,
        speed,
        p50_us: outcome.percentile_us(50.0),
        p99_us: outcome.percentile_us(99.0),
        errors: outcome.errors,
    }
}

fn costed(row: &Row, deed: impl FnOnce() -> Outcome) -> (Outcome, f64) {
    let cpu = || row.process.as_ref().map_or(f64::NAN, super::process::Process::cpu_seconds);
    let before = cpu();
    let outcome = deed();
    (outcome, cpu() - before)
}

/// How late answers come through a delay, in microseconds beyond it; the rates are requests a second.
#[derive(Clone, Copy)]
pub struct Lateness {
    pub min: f64,
    pub p50: f64,
    pub p99: f64,
    /// Answers for each request that was due.
    pub answered: f64,
}

/// 100 requests a second over 10 connections, 2,000 over 1,000.
pub const PACES: [(f64, usize); 2] = [(100.0, 10), (2_000.0, 1_000)];

pub fn lateness(row: &Row, (rate, connections): (f64, usize), delay_us: f64, time: Duration) -> Lateness {
    let pace = Pace::PerSecond(rate);
    let outcome = send(Load { to: row.port, path: "/1k", connections, time, pace });
    let beyond = |percent| outcome.percentile_us(percent) - delay_us;
    let answered = outcome.done as f64 / (rate * outcome.seconds);
    Lateness { min: beyond(0.0), p50: beyond(50.0), p99: beyond(99.0), answered }
}

/// Resident KiB that each of `count` idle connections costs after one request on each.
pub fn idle_kib(row: &Row, count: usize) -> f64 {
    let Some(process) = &row.process else { return f64::NAN };
    let before = process.resident_kib();
    let held: Vec<TcpStream> = (0..count).map(|_| one_request(row.port, "/1k")).collect();
    std::thread::sleep(Duration::from_millis(500));
    let after = process.resident_kib();
    assert_eq!(held.len(), count);
    (after as f64 - before as f64) / count as f64
}

/// Makes one request on a new connection, reads the answer and keeps the connection.
fn one_request(to: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.write_all(&request(path, false)).unwrap();
    let (mut got, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the connection ended before its answer");
        got.extend_from_slice(&buffer[..read]);
        if head_of(&got).is_some_and(|(head, body)| got.len() >= head + body) {
            return stream;
        }
    }
}

/// How well one rate is kept.
pub struct Kept {
    pub rate: &'static str,
    /// From first to last byte against what was asked, in percent.
    pub error_percent: f64,
    /// What the first second brought, in percent of the rate.
    pub first_second_percent: f64,
    pub longest_gap: Duration,
}

/// One download at each rate.
pub fn rates(firedrill: &Path, backend: &Backend, time: Duration, dir: &Path) -> Vec<Kept> {
    let proxy = Firedrill::start("firedrill-rates", firedrill, dir);
    let port = proxy.route("capped", "tcp", backend.port);
    let kept = RATES.iter().map(|(text, rate)| {
        proxy.fault("capped", "cap", &json!({"fault": {"bandwidth": {"rate": text}}}));
        let kept = download(port, text, *rate, time);
        proxy.remove_fault("capped", "cap");
        kept
    });
    kept.collect()
}

fn download(port: SocketAddr, text: &'static str, rate: f64, time: Duration) -> Kept {
    let mut stream = TcpStream::connect(port).unwrap();
    stream.write_all(&request("/16g", false)).unwrap();
    let mut sink = vec![0; 4 << 20];
    // The clock starts with the first byte, which is not counted as having come within it.
    recv(stream.as_raw_fd(), &mut sink, MsgFlags::MSG_TRUNC).unwrap();
    let began = Instant::now();
    let (mut last, mut longest, mut bytes, mut first_second) = (began, Duration::ZERO, 0, None);
    while last - began < time {
        bytes += recv(stream.as_raw_fd(), &mut sink, MsgFlags::MSG_TRUNC).unwrap();
        let now = Instant::now();
        longest = longest.max(now - last);
        last = now;
        if now - began >= Duration::from_secs(1) {
            first_second.get_or_insert(bytes as f64 / (now - began).as_secs_f64());
        }
    }
    let mean = bytes as f64 / (last - began).as_secs_f64();
    Kept {
        rate: text,
        error_percent: (mean / rate - 1.0) * 100.0,
        first_second_percent: first_second.unwrap_or(f64::NAN) / rate * 100.0,
        longest_gap: longest,
    }
}
