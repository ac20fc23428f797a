//! The store on a disk: what survives, and what it says when it cannot be opened.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::open::{FILE, version};
use super::{Fence, Sqlite, Store, StoreError};
use crate::store::conformance;

const LONG: Duration = Duration::from_secs(60);

fn open(dir: &Path) -> (Sqlite, Fence) {
    let store = Sqlite::open(dir).unwrap();
    let fence = store.take("a test", Timestamp::UNIX_EPOCH, LONG).unwrap();
    (store, fence)
}

fn refused(dir: &Path) -> String {
    match Sqlite::open(dir) {
        Err(StoreError::Unusable { place, why }) => {
            assert_eq!(place, dir.display().to_string());
            why
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn sqlite_does_all_that_a_store_must() {
    for (name, hold) in conformance::ALL {
        let dir = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(dir.path()).unwrap());
        println!("{name}");
        hold(&store);
    }
}

#[test]
fn what_was_kept_is_there_when_it_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, old) = open(dir.path());
    store.append("j", 0, b"line", old).unwrap();
    store.put("f", "d", b"text", 0, old).unwrap();
    drop(store);
    // Nobody waits for the lease of one that is gone, and the tokens go on.
    let (store, fence) = open(dir.path());
    assert!(fence > old);
    assert_eq!(store.lines("j", 0, 9).unwrap(), [b"line"]);
    assert_eq!(store.get("f", "d").unwrap().unwrap().text, b"text");
    store.append("j", 1, b"more", fence).unwrap();
}

#[test]
fn a_second_one_is_refused_with_who_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let why = refused(dir.path());
    for part in [format!("process {}", std::process::id()).as_str(), "stop that one", "--data"] {
        assert!(why.contains(part), "{why}");
    }
    drop(store);
    open(dir.path());
}

#[test]
fn tables_of_a_newer_version_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let file = rusqlite::Connection::open(dir.path().join(FILE)).unwrap();
    file.execute("UPDATE schema_version SET version = ?1", [version() + 1]).unwrap();
    drop(file);
    let why = refused(dir.path());
    assert!(why.contains("newer firedrill") && why.contains(&format!("version {}", version() + 1)), "{why}");
    let file = rusqlite::Connection::open(dir.path().join(FILE)).unwrap();
    let is: i64 = file.query_row("SELECT version FROM schema_version", (), |row| row.get(0)).unwrap();
    assert_eq!(is, version() + 1);
}

#[test]
fn a_file_of_another_program_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = rusqlite::Connection::open(dir.path().join(FILE)).unwrap();
    file.execute_batch("CREATE TABLE recipe (name TEXT)").unwrap();
    drop(file);
    let before = std::fs::read(dir.path().join(FILE)).unwrap();
    assert!(refused(dir.path()).contains("not firedrill's"));
    assert_eq!(std::fs::read(dir.path().join(FILE)).unwrap(), before);
}

#[test]
fn a_damaged_file_is_refused_wherever_it_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let (store, fence) = open(dir.path());
    for seq in 0..200 {
        store.append("j", seq, &[b'x'; 500], fence).unwrap();
    }
    drop(store);
    let path = dir.path().join(FILE);
    let good = std::fs::read(&path).unwrap();
    for (from, to) in [(0, 100), (good.len() / 2, good.len() / 2 + 4096), (good.len() - 8192, good.len())] {
        let mut bad = good.clone();
        bad[from..to].fill(0x5a);
        std::fs::write(&path, &bad).unwrap();
        let why = refused(dir.path());
        assert!(why.contains("damaged") && why.contains("put a copy of it back"), "{from}: {why}");
    }
    std::fs::write(&path, &good[..good.len() / 2]).unwrap();
    assert!(refused(dir.path()).contains("damaged"));
    std::fs::write(&path, &good).unwrap();
    assert_eq!(open(dir.path()).0.length("j").unwrap(), 200);
}

#[test]
fn a_full_disk_is_said_and_loses_nothing_that_was_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (store, fence) = open(dir.path());
    store.append("j", 0, b"kept", fence).unwrap();
    store.writer().pragma_update(None, "max_page_count", 40).unwrap();
    let mut seq = 1;
    let error = loop {
        match store.append("j", seq, &[b'x'; 1000], fence) {
            Ok(()) => seq += 1,
            Err(error) => break error,
        }
        assert!(seq < 1000, "40 pages never filled");
    };
    let said = error.to_string();
    assert!(said.contains("cannot append a line") && said.contains("free some space"), "{said}");
    assert_eq!(store.length("j").unwrap(), seq);
    store.writer().pragma_update(None, "max_page_count", 100_000).unwrap();
    store.append("j", seq, b"room again", fence).unwrap();
    assert_eq!(store.lines("j", 0, 1).unwrap(), [b"kept"]);
}

/// Names the directory for the process that is killed.
const CHILD_IN: &str = "FIREDRILL_TEST_STORE_IN";

#[test]
#[ignore = "the process that is killed by `what_was_acknowledged_survives_a_kill`, which starts it"]
fn append_until_killed() {
    let Some(dir) = std::env::var_os(CHILD_IN) else { return };
    let (store, fence) = open(Path::new(&dir));
    let mut seq = store.length("j").unwrap();
    loop {
        store.append("j", seq, format!("line {seq}").as_bytes(), fence).unwrap();
        println!("@{seq}");
        seq += 1;
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..5_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::sqlite::tests::append_until_killed", "--ignored", "--nocapture"])
            .env(CHILD_IN, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told =
            lines.map_while(Result::ok).filter_map(|line| line.strip_prefix('@')?.parse::<u64>().ok());
        acknowledged = told.by_ref().nth(20 + 37 * round as usize).expect("it appends");
        child.kill().unwrap();
        child.wait().unwrap();
        // What was said between the last look and the kill counts too.
        acknowledged = told.last().unwrap_or(acknowledged).max(acknowledged);
        let (store, _) = open(dir.path());
        let length = store.length("j").unwrap();
        assert!(length > acknowledged, "{length} lines, though line {acknowledged} was acknowledged");
        let lines = store.lines("j", 0, usize::MAX).unwrap();
        assert_eq!(lines.len() as u64, length);
        for (seq, line) in lines.iter().enumerate() {
            assert_eq!(line, format!("line {seq}").as_bytes());
        }
    }
    assert!(acknowledged > 100);
}

#[test]
fn appends_per_second_are_printed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, fence) = open(dir.path());
    let line = vec![b'x'; 400];
    let began = instant();
    const LINES: u64 = 2_000;
    for seq in 0..LINES {
        store.append("j", seq, &line, fence).unwrap();
    }
    let took = began.elapsed();
    println!("{:.0} lines of 400 bytes appended in a second", LINES as f64 / took.as_secs_f64());
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[expect(clippy::disallowed_methods, reason = "a test measures")]
fn instant() -> std::time::Instant {
    std::time::Instant::now()
}
