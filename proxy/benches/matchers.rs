//! What many matchers on one route cost, beside one: processor time of the data thread for each request that fits none of
//! them, in turns, medians of rounds; and how long it takes to arm one more.
//!
//! `cargo bench -p firedrill-proxy --bench matchers`
#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench says what it measured, or ends")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use firedrill_proxy::control::wire::{FaultSpec, Protocol, RouteSpec};
use firedrill_proxy::engine::{Engine, Options};
use serde_json::json;

const ROUNDS: usize = 7;
const REQUESTS: u64 = 20_000;
const CLIENTS: u64 = 8;

/// Answers everything that comes with 200 and two bytes; what comes is one request at a time.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            stream.set_nodelay(true).unwrap();
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).is_ok_and(|n| n > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                }
            });
        }
    });
    address
}

/// Nanoseconds that the data thread has run.
fn data_thread_ns() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let data = tasks
        .filter(|task| fs::read_to_string(task.join("comm")).is_ok_and(|name| name.starts_with("data-")));
    data.map(|task| {
        let stat = fs::read_to_string(task.join("schedstat")).unwrap();
        stat.split(' ').next().unwrap().parse::<u64>().unwrap()
    })
    .sum()
}

/// Nanoseconds of the data thread for one request.
fn cost(at: SocketAddr) -> u64 {
    let began = data_thread_ns();
    let clients: Vec<_> = (0..CLIENTS).map(|n| thread::spawn(move || ask(at, n))).collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    (data_thread_ns() - began) / REQUESTS
}

fn ask(at: SocketAddr, client: u64) {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = [0; 4096];
    for n in 0..REQUESTS / CLIENTS {
        let id = client * 1_000 + n % 1_000;
        write!(stream, "GET /v1/orders/{id}/items?page=2 HTTP/1.1\r\nhost: shop.test\r\n\r\n").unwrap();
        let mut seen = 0;
        while !buffer[..seen].ends_with(b"\r\n\r\nok") {
            seen += stream.read(&mut buffer[seen..]).unwrap();
        }
    }
}

fn fault(n: usize, path: &str) -> FaultSpec {
    let spec =
        json!({"id": format!("f{n}"), "match": {"path": path}, "fault": {"http_error": {"status": 503}}});
    serde_json::from_value(spec).unwrap()
}

fn main() {
    let engine = Engine::start(&Options::default()).unwrap();
    let upstream = upstream();
    let exact = |n: usize| format!("/v1/orders/{n}");
    let prefix = |n: usize| format!("/v1/users/{n}/*");
    let regex = |n: usize| format!("~/v1/(users|groups)/{n}/[0-9]+");
    type Path<'a> = &'a dyn Fn(usize) -> String;
    let cases: [(&str, usize, Path<'_>); 7] = [
        ("none", 0, &exact),
        ("1 exact", 1, &exact),
        ("10000 exact", 10_000, &exact),
        ("1 prefix", 1, &prefix),
        ("10000 prefixes", 10_000, &prefix),
        ("1 regex", 1, &regex),
        ("1000 regexes", 1_000, &regex),
    ];
    let mut routes = Vec::new();
    for (name, many, path) in cases {
        let spec = RouteSpec::new(name, "127.0.0.1:0", upstream.to_string(), Protocol::Http);
        let at = engine.add_route(spec).unwrap().bound.tcp().unwrap();
        let mut took = Vec::new();
        for n in 0..many {
            let began = Instant::now();
            engine.put_fault(name, fault(n, &path(n))).unwrap();
            took.push(began.elapsed());
        }
        let mut last = took.split_off(took.len().saturating_sub(500));
        last.sort_unstable();
        if last.len() == 500 {
            println!(
                "arming one of the last 500 of {name}: p50 {:?}, p99 {:?}, most {:?}",
                last[250], last[495], last[499]
            );
        }
        routes.push((name, at, Vec::new()));
    }
    for _ in 0..ROUNDS {
        for (_, at, costs) in &mut routes {
            costs.push(cost(*at));
        }
    }
    for (name, _, costs) in &mut routes {
        costs.sort_unstable();
        println!(
            "{name:>16}: {} ns of the data thread for a request ({} to {})",
            costs[ROUNDS / 2],
            costs[0],
            costs[ROUNDS - 1]
        );
    }
    let median = |at: usize| routes[at].2[ROUNDS / 2] as f64;
    for (many, one) in [(2, 1), (4, 3), (6, 5)] {
        println!("{} : {} = {:.3}", routes[many].0, routes[one].0, median(many) / median(one));
    }
}
