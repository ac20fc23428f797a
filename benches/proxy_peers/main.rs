//! firedrill beside other proxies, in turns, in one run: `cargo bench --bench proxy_peers`.
//!
//! `-- --rounds N`, `--seconds S` (of each measurement), `--only requests,delay,…`, `--firedrill PROGRAM`. Needs two
//! cores, nginx with its stream module, haproxy and, for the reference in C, a compiler. The proxy under test has core 1
//! to itself; backend and load share core 0. CPU seconds of the process tree are the steady figure; speeds and times are
//! what this machine had to spare. Ratios hold within one run.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench looks at the clock, prints, and ends when something is wrong"
)]

mod client;
mod control;
mod forwarder;
mod measure;
mod peers;
mod process;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use measure::{Figures, Test};
use peers::{Backend, Row};

/// Idle connections whose memory is measured.
const IDLE: usize = 5_000;

struct Options {
    rounds: usize,
    time: Duration,
    only: Option<Vec<String>>,
    firedrill: Option<PathBuf>,
}

fn options() -> Options {
    let mut options = Options { rounds: 5, time: Duration::from_millis(1_500), only: None, firedrill: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match argument.as_str() {
            "--rounds" => options.rounds = value().parse().unwrap(),
            "--seconds" => options.time = Duration::from_secs_f64(value().parse().unwrap()),
            "--only" => options.only = Some(value().split(',').map(str::to_owned).collect()),
            "--firedrill" => options.firedrill = Some(value().into()),
            // Cargo itself adds it.
            "--bench" => {}
            other => {
                panic!("{other}? There are --rounds N, --seconds S, --only TEST,TEST, --firedrill PROGRAM")
            }
        }
    }
    options
}

/// The same program is the forwarder that stands beside the others.
fn forwarder_if_asked() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, listen, upstream, delay] = &arguments[..]
        && flag == "--forwarder"
    {
        let delay = Duration::from_millis(delay.parse().unwrap());
        forwarder::run(listen.parse().unwrap(), upstream.parse().unwrap(), delay);
    }
}

fn main() {
    forwarder_if_asked();
    let options = options();
    process::pin_self(process::LOAD_CORE);
    let (_, most) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap();
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, most, most).unwrap();
    let firedrill = peers::program(options.firedrill.clone());
    let wanted = |name: &str| options.only.as_ref().is_none_or(|only| only.iter().any(|one| one == name));
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let backend = Backend::start(dir);
    let tests = [("requests", Test::Requests), ("connections", Test::Connections), ("bulk", Test::Bulk)];
    let tests: Vec<Test> = tests.into_iter().filter(|(name, _)| wanted(name)).map(|(_, test)| test).collect();
    if !tests.is_empty() {
        let rows = peers::all(&firedrill, &backend, dir);
        table::loads(&rows, &tests, &rounds(&rows, &tests, &options));
    }
    if wanted("idle") {
        let rows = peers::all(&firedrill, &backend, dir);
        let kib: Vec<f64> = rows.iter().map(|row| measure::idle_kib(row, IDLE)).collect();
        table::idle(&rows, &kib, IDLE);
    }
    if wanted("delay") {
        let rows = peers::delayed(&firedrill, &backend, dir);
        table::delays(&rows, &lateness(&rows, &options));
    }
    if wanted("rate") {
        let rounds: Vec<_> = (0..options.rounds.min(3))
            .map(|_| measure::rates(&firedrill, &backend, Duration::from_secs(4), dir))
            .collect();
        table::rates(&rounds);
    }
    if wanted("control") {
        table::control(&control::run(&firedrill, &backend, dir));
    }
}

/// All figures, by test, row and round. Each round begins with another row, so that none always comes first.
fn rounds(rows: &[Row], tests: &[Test], options: &Options) -> Vec<Vec<Vec<Figures>>> {
    let mut all = vec![vec![Vec::new(); rows.len()]; tests.len()];
    for round in 0..options.rounds {
        for (which, test) in tests.iter().enumerate() {
            for at in 0..rows.len() {
                let at = (at + round) % rows.len();
                all[which][at].push(measure::run(*test, &rows[at], options.time));
            }
        }
    }
    all
}

/// By pace, row and round.
fn lateness(rows: &[Row], options: &Options) -> Vec<Vec<Vec<measure::Lateness>>> {
    let mut all = vec![vec![Vec::new(); rows.len()]; measure::PACES.len()];
    for round in 0..options.rounds {
        for (which, pace) in measure::PACES.into_iter().enumerate() {
            for at in 0..rows.len() {
                let at = (at + round) % rows.len();
                let delay_us = if rows[at].name.ends_with("no delay") { 0.0 } else { 50_000.0 };
                let time = options.time.max(Duration::from_secs(2));
                all[which][at].push(measure::lateness(&rows[at], pace, delay_us, time));
            }
        }
    }
    all
}
