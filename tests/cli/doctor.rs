//! `firedrill doctor`: what it measures is measured on the real engine, and what it says follows from it.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Child, firedrill};

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn the_proxy_is_measured_and_the_exit_status_says_whether_it_is_exact_here() {
    let ended = Child::spawn(firedrill().args(["doctor", "--proxy", "--json"])).wait(PATIENCE);
    let page: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    let check = |name: &str| {
        let checks = page["checks"].as_array().unwrap();
        checks.iter().find(|row| row["check"] == name).unwrap_or_else(|| panic!("{name}: {page}")).clone()
    };
    // Whether the host is quiet just now is no matter of this test; what is exact by construction is.
    for (name, delay_count) in [("delay of 5 ms", 480), ("delay of 50 ms", 200)] {
        let measured = &check(name)["measured"];
        assert_eq!(measured["count"], delay_count, "{measured}");
        assert!(measured["least_ms"].as_f64().unwrap() >= 0.0, "never early: {measured}");
    }
    for (name, found) in [("reset", "a true RST"), ("refuse", "refused by the kernel")] {
        assert_eq!((&check(name)["good"], &check(name)["found"]), (&true.into(), &found.into()), "{page}");
    }
    for (name, number) in [
        ("pass-through", "added_p99_ms"),
        ("rate of 1 MB/s", "off_percent"),
        ("rate of 100 MB/s", "bytes_per_second"),
        ("descriptors", "hard"),
        ("ports", "first"),
    ] {
        assert!(check(name)["measured"][number].is_number(), "{name}: {page}");
    }
    let rows = page["checks"].as_array().unwrap();
    let good = rows.iter().all(|row| row["good"] != false);
    assert_eq!((page["good"].as_bool(), ended.code), (Some(good), Some(if good { 0 } else { 6 })), "{page}");
}

#[test]
fn the_page_has_a_line_for_each_check_and_says_what_it_comes_to() {
    let ended = Child::spawn(firedrill().args(["doctor", "--proxy"])).wait(PATIENCE);
    let word = |check: &str| {
        let line = ended.stdout.lines().find(|line| line.contains(&format!("  {check}  ")));
        line.and_then(|line| line.split_whitespace().next()).unwrap_or_else(|| panic!("{check}: {ended:?}"))
    };
    assert_eq!((word("reset"), word("refuse"), word("ports")), ("good", "good", "note"));
    let bad = ended.stdout.lines().any(|line| line.starts_with("  bad "));
    let (code, says) = if bad { (6, "not everything is within") } else { (0, "everything is within") };
    assert!(ended.code == Some(code) && ended.stdout.contains(says), "{ended:?}");
}

#[test]
fn without_a_part_it_says_what_there_is() {
    let ended = Child::spawn(firedrill().arg("doctor")).wait(PATIENCE);
    assert!(ended.code == Some(0) && ended.stdout.contains("firedrill doctor --proxy"), "{ended:?}");
    let ended = Child::spawn(firedrill().args(["doctor", "--json"])).wait(PATIENCE);
    assert!(ended.code == Some(1) && ended.stderr.contains("--proxy"), "{ended:?}");
}
