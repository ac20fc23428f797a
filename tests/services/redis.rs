//! Redis: redis-cli and redis-benchmark feel what the scenario says.

use std::path::Path;
use std::process::Command;

use super::support::{Child, free_port, requires, temp_dir};
use super::{Route, client, drill, value, wait_for};

/// A Redis that keeps nothing; ends with the guard.
pub fn start(dir: &Path) -> (u16, Child) {
    let port = free_port();
    let mut command = Command::new("redis-server");
    command.args([
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
    ]);
    let child = Child::spawn(command.arg(dir));
    wait_for("redis", port);
    (port, child)
}

fn with_fault(fault: &str, script: impl Fn(u16) -> String) -> Option<String> {
    if !requires(&["redis-server", "redis-cli", "redis-benchmark"]) {
        return None;
    }
    let dir = temp_dir();
    let (port, _redis) = start(dir.path());
    let route = Route { listen: free_port(), upstream: port, protocol: "tcp" };
    let said = dir.path().join("said");
    drill(dir.path(), &route, fault, &format!("{{ {}; }} > {} 2>&1", script(route.listen), said.display()))
        .assert_felt();
    assert_eq!(client("redis-cli", &["-p", &port.to_string(), "ping"]), "PONG\n", "well afterwards");
    Some(std::fs::read_to_string(said).unwrap())
}

#[test]
fn redis_cli_feels_the_latency() {
    let Some(said) = with_fault("latency: 300ms", |port| {
        format!(
            "a=$(date +%s%N); redis-cli -p {port} ping; b=$(date +%s%N); echo ms=$(( (b - a) / 1000000 ))"
        )
    }) else {
        return;
    };
    assert!(said.contains("PONG") && value(&said, "ms") >= 300.0, "{said}");
}

#[test]
fn redis_benchmark_goes_on_under_latency_and_every_answer_is_late() {
    let Some(said) =
        with_fault("latency: 50ms", |port| format!("redis-benchmark -p {port} -c 20 -n 200 -t set --csv"))
    else {
        return;
    };
    // "test","rps","avg_latency_ms","min_latency_ms",…
    let row = said.lines().find(|line| line.starts_with("\"SET\"")).unwrap_or_else(|| panic!("{said}"));
    let columns: Vec<&str> = row.split(',').map(|column| column.trim_matches('"')).collect();
    let least: f64 = columns[3].parse().unwrap();
    assert!(least >= 49.9, "the least latency is {least} ms: {said}");
}

#[test]
fn redis_cli_sees_the_reset_and_hangs_in_the_black_hole() {
    let Some(said) = with_fault("reset: {}", |port| format!("redis-cli -p {port} ping; echo done=1")) else {
        return;
    };
    assert!(said.contains("Connection reset by peer"), "{said}");
    let Some(said) =
        with_fault("blackhole: {}", |port| format!("timeout 1 redis-cli -p {port} ping; echo status=$?"))
    else {
        return;
    };
    assert_eq!(value(&said, "status"), 124.0, "{said}");
}
