//! How fast a long journal is checked, scored and rendered: `cargo bench --bench journal_million [-- LINES]`.
//!
//! The journal is that of a drill of ten hours with a load: answers to the load, a probe measured in full every half
//! second, the counts of a fault. It is made line by line with the chain that drills use. A plain read with SHA-256 of
//! the same file in the same run says how fast this machine is just now.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench prints and measures, and ends when something is wrong"
)]

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use firedrill::drill::journal::{CLOSED, Chain, PLANNED, Verified, verify_from};
use firedrill::report::{Report, html, json, junit, markdown};
use firedrill::score::Scorecard;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The time from one line to the next.
const STEP: Duration = Duration::from_millis(36);

/// The plan of a real drill, made as long as the journal.
fn planned() -> Value {
    let golden = include_str!("../tests/files/report/payments-slow.jsonl");
    let mut line: Value = serde_json::from_str(golden.lines().next().unwrap()).unwrap();
    let fault = &mut line["data"]["plan"]["faults"][0];
    fault["until"] = json!({"for": "5h"});
    fault["max"] = "6h".into();
    line["data"].take()
}

fn sample(at: Duration, took: Duration) -> Value {
    let time = |time: Duration| json!({"secs": time.as_secs(), "nanos": time.subsec_nanos()});
    json!({"began": time(at.saturating_sub(took)), "took": time(took)})
}

/// What is measured at this time: slow while the fault acts.
fn measured(n: u64, at: Duration, faulty: bool) -> (&'static str, Value) {
    let took = Duration::from_micros(if faulty { 2_025_000 } else { 24_000 } + n % 977 * 11);
    match n % 14 {
        0 => {
            let mut sample = sample(at, took);
            sample["detail"] = json!({
                "time_namelookup_seconds": 0.000012, "time_connect_seconds": 0.000105, "time_appconnect_seconds": 0.0,
                "time_starttransfer_seconds": took.as_secs_f64(), "time_total_seconds": took.as_secs_f64(),
                "http_code": 200, "content_type": "application/json", "speed_download": 1172,
                "url": "http://127.0.0.1:37003/checkout",
            });
            ("probe.sampled", json!({"probe": "checkout", "sample": sample}))
        }
        7 if faulty => {
            let count = n / 14;
            let evidence = json!({
                "matched": count, "faulted": count, "delayed": {"secs": 2 * count, "nanos": 0}, "bytes": 0,
                "active": 2, "samples": [],
            });
            ("fault.measured", json!({"fault": "slow-payments", "evidence": evidence}))
        }
        _ => {
            let second =
                sample(at.saturating_sub(Duration::from_millis(11)), took + Duration::from_micros(300));
            ("load.answered", json!({"samples": [sample(at, took), second]}))
        }
    }
}

fn write_journal(path: &Path, lines: u64) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    let mut chain = Chain::default();
    let began: jiff::Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
    let (faulty_from, faulty_to) = (lines / 10, lines * 6 / 10);
    for n in 0..lines {
        let at = STEP * u32::try_from(n).unwrap();
        let evidence = json!({"matched": 40_000, "faulted": 40_000});
        let (kind, data) = match n {
            0 => (PLANNED, planned()),
            1 => ("preflight.finished", json!({"refusals": [], "warnings": []})),
            n if n == faulty_from => {
                ("fault.applied", json!({"fault": "slow-payments", "detail": "route payments"}))
            }
            n if n == faulty_to => {
                ("fault.removed", json!({"fault": "slow-payments", "evidence": evidence, "residue": []}))
            }
            n if n + 2 == lines => ("verify.finished", json!({"residue": []})),
            n if n + 1 == lines => (CLOSED, json!({"lines": n, "exit": 0, "reasons": []})),
            n => measured(n, at, (faulty_from..faulty_to).contains(&n)),
        };
        let line = chain.seal(began + jiff::SignedDuration::try_from(at).unwrap(), at, kind, &data);
        out.write_all(line.as_bytes()).unwrap();
        out.write_all(b"\n").unwrap();
    }
    out.flush().unwrap();
}

fn timed<T>(what: &str, plain: Option<f64>, act: impl FnOnce() -> T) -> (T, f64) {
    let began = Instant::now();
    let result = act();
    let took = began.elapsed().as_secs_f64();
    let ratio = plain.map_or(String::new(), |plain| format!("  {:5.1} x the plain read", took / plain));
    println!("{what:<34} {took:6.2} s{ratio}");
    (result, took)
}

/// The most memory that this process ever had, in MB.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1000
}

fn main() {
    let lines = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    write_journal(&path, lines);
    let open = || BufReader::with_capacity(256 << 10, File::open(&path).unwrap());
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!("{lines} lines, {} MB", bytes / 1_000_000);
    let ((), plain) = timed("plain read with SHA-256", None, || {
        let (mut file, mut hash, mut buffer) = (open(), Sha256::new(), vec![0; 256 << 10]);
        while let read @ 1.. = file.read(&mut buffer).unwrap() {
            hash.update(&buffer[..read]);
        }
        std::hint::black_box(hash.finalize());
    });
    let (verified, _) = timed("verify", Some(plain), || verify_from(open(), None).unwrap());
    assert!(matches!(verified, Verified::Whole { .. }), "{verified:?}");
    let (card, _) = timed("score", Some(plain), || Scorecard::read(open()).unwrap());
    let ((verified, report), read) =
        timed("verify, score and timeline at once", Some(plain), || Report::read_checked(open()).unwrap());
    assert!(matches!(verified, Verified::Whole { .. }), "{verified:?}");
    let report = report.unwrap();
    assert_eq!(report.card, card);
    let (size, render) = timed("render in all four forms", None, || {
        html(&report).len() + json(&report).unwrap().len() + markdown(&report).len() + junit(&report).len()
    });
    println!(
        "exit {}, {:?}, {size} bytes of reports",
        report.card.summary.exit, report.card.summary.restored_by
    );
    println!("in all {:.2} s, at most {} MB of memory", read + render, peak_mb());
}
