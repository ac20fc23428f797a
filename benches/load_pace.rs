//! How well the load keeps its pace: `cargo bench --bench load_pace [-- REQUESTS_PER_SECOND [SECONDS]]`.
//!
//! A server on a thread of its own answers every request at once. Printed are what was due and answered, the latest
//! sending, and the times from due to answered, which hold the timer's 1 ms steps.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and ends when something is wrong"
)]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use firedrill::coordinator::clock::DrillClock;
use firedrill::coordinator::load::{LOAD_QUEUE, spawn_load};
use firedrill::coordinator::secrets::Secrets;
use firedrill::scenario::plan::{HttpRequest, Load};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;

fn serve() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let answer = service_fn(async |_| {
                    Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from_static(b"ok"))))
                });
                tokio::spawn(async move {
                    let server = hyper::server::conn::http1::Builder::new();
                    let _ = server.serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
    });
    address
}

#[tokio::main]
async fn main() {
    // Cargo itself adds `--bench`.
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (rate, seconds) = (numbers.next().unwrap_or(2_000), numbers.next().unwrap_or(10));
    let request = HttpRequest {
        method: "GET".into(),
        url: format!("http://{}/", serve()),
        headers: Default::default(),
        body: None,
        ca: None,
    };
    let load = Load { request, rate: format!("{rate}/s").parse().unwrap(), timeout: "5s".parse().unwrap() };
    let (sender, mut answers) = tokio::sync::mpsc::channel(LOAD_QUEUE);
    let (clock, stop) = (DrillClock::start(), CancellationToken::new());
    let runner = spawn_load(&load, None, clock, &Secrets::default(), sender, stop.clone()).await.unwrap();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        stop.cancel();
    });
    let (mut times, mut failures) = (Vec::new(), 0);
    while let Some(batch) = answers.recv().await {
        failures += batch.iter().filter(|sample| sample.failure.is_some()).count();
        times.extend(batch.iter().map(|sample| sample.took));
    }
    let totals = runner.ended().await;
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{rate}/s for {seconds} s: due {}, answered {}, failed {failures}", totals.due, times.len());
    println!(
        "not sent {}, thrown away {}, latest sending {:?}",
        totals.refused, totals.lost, totals.late_max
    );
    println!(
        "due to answered: p50 {:?}, p99 {:?}, p99.9 {:?}, max {:?}",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}
