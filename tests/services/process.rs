//! Host faults on a real server: paused, it stands still and then goes on; killed, it is gone.

use super::support::{free_port, requires, temp_dir};
use super::{client, redis, run, value};

fn scenario(port: u16, fault: &str) -> String {
    format!(
        "firedrill: v1\nkind: Scenario\nname: real\nseed: 7\n\
         routes:\n  real: {{listen: \"127.0.0.1:{}\", upstream: \"127.0.0.1:{port}\", protocol: tcp}}\n\
         steady_state:\n  every: 200ms\n  stable_for: 500ms\n  recovery_within: 3s\n  probes:\n    - {{name: up, run: [redis-cli, -p, \"{port}\", ping], timeout: 1s}}\n\
         faults:\n  - target: host/local\n    {fault}\n",
        free_port()
    )
}

#[test]
fn a_paused_redis_answers_nobody_and_goes_on_afterwards() {
    if !requires(&["redis-server", "redis-cli"]) {
        return;
    }
    let dir = temp_dir();
    let (port, _redis) = redis::start(dir.path());
    let said = dir.path().join("said");
    let script = format!("timeout 1 redis-cli -p {port} ping; echo status=$? > {}", said.display());
    let fault = format!("process_pause: {{port: {port}}}\n    max: 30s");
    run(dir.path(), &scenario(port, &fault), &[], &script).assert_felt();
    assert_eq!(value(&std::fs::read_to_string(said).unwrap(), "status"), 124.0);
    assert_eq!(client("redis-cli", &["-p", &port.to_string(), "ping"]), "PONG\n");
}

#[test]
fn a_killed_redis_is_gone_and_the_drill_says_that_it_did_not_come_back() {
    if !requires(&["redis-server", "redis-cli"]) {
        return;
    }
    let dir = temp_dir();
    let (port, _redis) = redis::start(dir.path());
    let fault = format!("process_kill: {{port: {port}}}");
    let refused = run(dir.path(), &scenario(port, &fault), &[], "true");
    assert_eq!(refused.ended.code, Some(1));
    assert!(refused.ended.stderr.contains("--allow-irreversible"), "{}", refused.ended.stderr);
    assert_eq!(client("redis-cli", &["-p", &port.to_string(), "ping"]), "PONG\n", "nothing was done");

    let killed = run(dir.path(), &scenario(port, &fault), &["--allow-irreversible"], "sleep 1");
    assert_eq!(killed.summary["effect"], "confirmed", "{:#}", killed.summary);
    assert_eq!(
        (killed.ended.code, &killed.summary["clean"]),
        (Some(4), &true.into()),
        "{:#}",
        killed.summary
    );
}
