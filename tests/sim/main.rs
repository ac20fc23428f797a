//! Whole drills on paused time, each from one seed: the engine's own loop in a world that goes wrong in every way that
//! a plan and a seed can bring about. What must hold of each stands in `checks`.
//!
//! `FIREDRILL_SIM_SEED=n` runs one seed and shows all of it; `FIREDRILL_TEST_FULL=1` runs 50,000.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

mod book;
mod checks;
mod course;
mod dice;
mod fate;
mod ledger;
mod lives;
mod measure;
mod monitor;
mod onlooker;
mod people;
mod scenario;
mod tally;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use course::Course;
use tally::Tally;

/// How many seeds are run.
const SEEDS: u64 = 1_200;
/// The same when there is time.
const SEEDS_FULL: u64 = 50_000;
/// Every so many of them are run twice, to see that the second drill is the first.
const TWICE: u64 = 4;
/// After so many bad seeds the rest would tell nothing new.
const BAD_MAX: usize = 10;

/// Everything that is wrong with the drill of a seed, and the drill.
fn examine(seed: u64, twice: bool) -> (Course, Vec<String>) {
    let course = course::run(seed);
    let mut findings = checks::findings(&course);
    if !twice {
        return (course, findings);
    }
    let again = course::run(seed);
    if course.written != again.written || course.entries != again.entries {
        findings.push("the-same-seed-is-the-same-drill: a second run is another".into());
    }
    (course, findings)
}

fn words(seed: u64, findings: &[String]) -> String {
    let replay = format!("FIREDRILL_SIM_SEED={seed} cargo test --test sim one_seed -- --nocapture");
    format!("seed {seed}:\n  {}\n  again: {replay}", findings.join("\n  "))
}

#[test]
fn whatever_happens_every_drill_ends_as_it_should() {
    let full = std::env::var_os("FIREDRILL_TEST_FULL").is_some();
    let seeds = if full { SEEDS_FULL } else { SEEDS };
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let (mut tally, mut bad) = (Tally::default(), Vec::new());
        while bad.len() < BAD_MAX {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            let (course, findings) = examine(seed, seed.is_multiple_of(TWICE));
            tally.take(&course);
            if !findings.is_empty() {
                bad.push((seed, findings));
            }
        }
        (tally, bad)
    };
    let (mut tally, mut bad) = (Tally::default(), Vec::new());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let (counted, found) = worker.join().unwrap();
            tally.join(counted);
            bad.extend(found);
        }
    });
    println!("{seeds} drills:\n{tally}");
    bad.sort();
    let told: Vec<String> = bad.iter().map(|(seed, findings)| words(*seed, findings)).collect();
    assert!(bad.is_empty(), "{} bad drills\n{}", bad.len(), told.join("\n"));
    assert_eq!(tally.missing(), Vec::<&str>::new(), "what the simulation should bring about and does not");
}

#[test]
fn one_seed() {
    let Ok(seed) = std::env::var("FIREDRILL_SIM_SEED") else { return };
    let seed = seed.parse().expect("FIREDRILL_SIM_SEED is a number");
    let (course, findings) = examine(seed, true);
    println!("{}\n{:#?}\n{:#?}", course.text, course.world.fate, course.acts);
    for entry in &course.entries {
        println!("{:>10.3}  {:?}", entry.at.as_secs_f64(), entry.what);
    }
    println!("{:#?}", course.ended);
    assert!(findings.is_empty(), "{}", words(seed, &findings));
}

/// Seeds that have shown a mistake, each with what it was.
const PINNED: [(u64, &str); 6] = [
    (0, "a note before the first fault overtook the orders that were decided before it"),
    (1, "a change that waited for its fault was made long after the stop"),
    (4, "lines went on behind a line that was written by half, so that the record read as tampered with"),
    (72, "a preflight that never answers was waited for without end"),
    (383, "a record that broke off was asked what was left behind, and knew of nothing"),
    (1024, "the same, with another fault"),
];

#[test]
fn what_has_gone_wrong_once_stays_right() {
    for (seed, what) in PINNED {
        let (_, findings) = examine(seed, true);
        assert!(findings.is_empty(), "{what}; {}", words(seed, &findings));
    }
}

#[test]
fn every_kind_of_fault_is_drawn() {
    for kind in firedrill::fault::Fault::kinds() {
        assert!(
            scenario::parameters(kind).is_some(),
            "tests/sim/scenario.rs knows no parameters of `{kind}`"
        );
    }
}
