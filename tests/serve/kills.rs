//! A server is killed at moments drawn from a seed, and started again, again and again.
//!
//! `FIREDRILL_SERVE_SEED=n` repeats one house; `FIREDRILL_TEST_FULL=1` kills ten times as often.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use firedrill::drill::journal::{Verified, verify};
use firedrill::store::{Sqlite, Store};
use serde_json::Value;

use crate::dice::Dice;
use crate::house::{House, PATIENCE, pass};
use crate::support::{happens_within, processes_with, wait_until};

/// So many houses, several at a time, each of which is killed so many times.
const HOUSES: u64 = 10;
const KILLS: u64 = 21;
const AT_A_TIME: usize = 10;
/// A game day has more runs than all kills can reach.
const RUNS: u32 = 200;
/// A lease, and what a busy machine may add.
const LEASE_WITHIN: Duration = Duration::from_secs(30);

#[test]
fn whenever_the_server_is_killed_the_next_one_leaves_nothing_and_starts_nothing_twice() {
    if let Ok(seed) = std::env::var("FIREDRILL_SERVE_SEED") {
        let tally = live(seed.parse().expect("FIREDRILL_SERVE_SEED is a number"));
        println!("{tally:?}");
        return;
    }
    let full = std::env::var_os("FIREDRILL_TEST_FULL").is_some();
    let houses = if full { HOUSES * 10 } else { HOUSES };
    let next = AtomicU64::new(0);
    let work = || {
        let (mut tally, mut bad) = (Tally::default(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= houses {
                return (tally, bad);
            }
            match std::panic::catch_unwind(|| live(seed)) {
                Ok(counted) => tally.add(&counted),
                Err(_) => bad.push(format!(
                    "seed {seed}: FIREDRILL_SERVE_SEED={seed} cargo test --test serve kills -- --nocapture"
                )),
            }
        }
    };
    let (mut tally, mut bad) = (Tally::default(), Vec::new());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let (counted, found) = worker.join().unwrap();
            tally.add(&counted);
            bad.extend(found);
        }
    });
    println!("{tally:?}");
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    // A test that never hit a drill would prove nothing.
    assert!(tally.kills == houses * KILLS && tally.interrupted > tally.kills / 4, "{tally:?}");
    assert!(tally.with_fault_on > houses && tally.with_flag > 0, "{tally:?}");
}

/// What came about.
#[derive(Debug, Default)]
struct Tally {
    kills: u64,
    interrupted: u64,
    /// Killed while the process stood still or the route was late.
    with_fault_on: u64,
    /// Killed while what the playbook had changed stood.
    with_flag: u64,
    drills: usize,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.interrupted += other.interrupted;
        self.with_fault_on += other.with_fault_on;
        self.with_flag += other.with_flag;
        self.drills += other.drills;
    }
}

/// One house from its first start to its last end.
fn live(seed: u64) -> Tally {
    let (mut dice, mut tally) = (Dice::of(seed), Tally::default());
    let mut house = House::new();
    house.start();
    let day = house.begin(RUNS);
    for _ in 0..KILLS {
        // Mostly in the middle of a drill; now and then right after the start, or while the one before is ended.
        let lives = if dice.below(4) == 0 { dice.time(300) } else { dice.time(3_500) };
        pass(lives);
        let (on, flag) = (house.victim.stands_still() || house.faults_on_route() > 0, house.flag().exists());
        house.kill();
        tally.kills += 1;
        tally.with_fault_on += u64::from(on);
        tally.with_flag += u64::from(flag);
        pass(dice.time(600));
        house.start();
        // Now and then it dies again before it could end what the dead one had begun.
        if dice.below(5) == 0 {
            continue;
        }
        recovered(&house, &day);
        go_on(&house, &day);
    }
    recovered(&house, &day);
    let ended = house.terminate();
    assert_eq!(ended.code, Some(0), "SIGTERM ends it in order: {ended:?}");
    house.start();
    recovered(&house, &day);
    house.act(&day, "stop", r#"{"reason": "that is enough"}"#);
    house.wait_for_quiet();
    let drills = house.drills();
    tally.drills = drills.len();
    tally.interrupted =
        drills.iter().filter(|drill| drill["interrupted"] == Value::Bool(true)).count() as u64;
    whole(&house, &drills);
    assert_eq!(house.terminate().code, Some(0));
    each_run_began_once(&house, &day, &drills);
    nothing_is_left(&house);
    tally
}

/// Nothing of the dead server is on any more, and the game day says how it stands.
fn recovered(house: &House, day: &str) {
    wait_until("the interrupted drill is ended", PATIENCE, || {
        house
            .drills()
            .iter()
            .all(|drill| drill["state"] == "over" || drill["interrupted"] != Value::Bool(true))
    });
    let (state, why) = house.state(day);
    assert!(["running", "paused", "preflight", "approved"].contains(&state.as_str()), "{state}: {why}");
    if state == "paused" {
        // By the death of the server, or in order when it was told to end.
        let says = ["restarted", "SIGTERM"].iter().any(|word| why.contains(word));
        assert!(says, "a game day that does not go on says why: {why:?}");
        // Nothing runs, so nothing of the dead drill may be on.
        let clear = || !house.victim.stands_still() && house.faults_on_route() == 0 && !house.flag().exists();
        let cleared = happens_within(LEASE_WITHIN, clear);
        assert!(
            cleared,
            "left: still {}, faults on the route {}, flag {}{}",
            house.victim.stands_still(),
            house.faults_on_route(),
            house.flag().exists(),
            house.said()
        );
    }
}

fn go_on(house: &House, day: &str) {
    if house.state(day).0 == "paused" {
        house.act(day, "resume", "{}");
    }
}

/// Every record is whole, and says that nothing was begun twice.
fn whole(house: &House, drills: &[Value]) {
    for drill in drills {
        let id = drill["id"].as_str().unwrap();
        let journal = house.ask("GET", &format!("/v1/drills/{id}/journal.jsonl"), "").body;
        if journal.is_empty() {
            // The server died before line 0, and so before anything was done.
            assert_eq!(
                (drill["lines"].as_u64(), drill["state"].as_str()),
                (Some(0), Some("over")),
                "{drill}"
            );
            continue;
        }
        let verified = verify(journal.as_bytes(), drill["head"].as_str());
        assert!(matches!(verified, Verified::Whole { .. }), "{id}: {verified:?}\n{journal}");
        let lines: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let count = |kind: &str, fault: &str| {
            let is_it = |line: &&Value| line["kind"] == kind && line["data"]["fault"] == fault;
            lines.iter().filter(is_it).count()
        };
        for fault in ["slow", "still"] {
            let (ordered, applied) = (count("fault.apply", fault), count("fault.applied", fault));
            assert!(
                ordered <= 1 && applied <= 1,
                "{id}: {fault} ordered {ordered}, applied {applied}\n{journal}"
            );
        }
        let restarted = lines.iter().position(|line| line["kind"] == "coordinator.restarted");
        assert_eq!(restarted.is_some(), drill["interrupted"] == Value::Bool(true), "{id}\n{journal}");
        if let Some(at) = restarted {
            let begun = ["fault.applied", "probe.sampled", "command.start"];
            let later = lines[at..].iter().find(|line| begun.iter().any(|kind| line["kind"] == *kind));
            assert!(later.is_none(), "{id}: {later:?} after the restart\n{journal}");
            assert!(
                journal.contains(r#""clean":true"#) || lines.last().unwrap()["data"]["exit"] != 7,
                "{id}\n{journal}"
            );
        }
        let mut last = 0;
        for line in &lines {
            let mono = line["mono_ns"].as_u64().unwrap();
            assert!(mono >= last, "{id}: time goes backwards at line {}\n{journal}", line["seq"]);
            last = mono;
        }
    }
}

/// What stands in the store of a server that has ended: the game day's own record is whole, no run of it was begun twice,
/// and the record of each run's drill is whole, or was never begun.
fn each_run_began_once(house: &House, day: &str, drills: &[Value]) {
    let store = Sqlite::open(&house.path("data")).unwrap();
    let journal = kept(&store, &format!("gamedays/{day}"));
    let verified = verify(journal.as_bytes(), None);
    assert!(
        matches!(verified, Verified::Cut { torn_bytes: 0, .. } | Verified::Whole { .. }),
        "{verified:?}\n{journal}"
    );
    let mut began: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for line in journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if line["kind"] == "inject.began" {
            let drill = line["data"]["drill"].as_str().unwrap().to_owned();
            began.entry(line["data"]["run"].as_u64().unwrap()).or_default().push(drill);
        }
    }
    assert!(began.values().all(|drills| drills.len() == 1), "{began:?}");
    let known: BTreeSet<&str> = began.values().flatten().map(String::as_str).collect();
    for drill in drills {
        let id = drill["id"].as_str().unwrap();
        assert!(known.contains(id), "`{id}` is no run's drill: {began:?}");
    }
    for drill in known {
        let journal = kept(&store, &format!("drills/{drill}"));
        let verified = verify(journal.as_bytes(), None);
        let well = journal.is_empty() || matches!(verified, Verified::Whole { .. });
        assert!(well, "{drill}: {verified:?}\n{journal}");
    }
}

fn kept(store: &Sqlite, name: &str) -> String {
    const AT_ONCE: usize = 500;
    let length = usize::try_from(store.length(name).unwrap()).unwrap();
    let lines =
        (0..length).step_by(AT_ONCE).flat_map(|from| store.lines(name, from as u64, AT_ONCE).unwrap());
    lines.map(|line| format!("{}\n", String::from_utf8_lossy(&line).trim_end())).collect()
}

fn nothing_is_left(house: &House) {
    assert!(!house.victim.stands_still() && house.faults_on_route() == 0 && !house.flag().exists());
    let own = house.path("own");
    let processes = || processes_with(&own.display().to_string());
    assert!(happens_within(Duration::from_secs(10), || processes().is_empty()), "{:?}", processes());
    let undo = std::fs::read_dir(own.join("state/undo")).map(|entries| entries.count()).unwrap_or_default();
    assert_eq!(undo, 0, "no undo journal is left");
}
