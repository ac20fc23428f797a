//! What `run` prints for programs and pipes, and what a seed promises.

use std::net::SocketAddr;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::user::ask;
use super::world::{Proxy, SOON, World, route, scenario, watching};
use crate::support::{Upstream, free_port, get};

fn short(world: &World, service: &Upstream) {
    let listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let rest = "faults:\n  - {id: slow, target: route/shop, latency: 20ms, until: 600ms, max: 10s}\n";
    world.write("short.yaml", &scenario("short", &route(listen, service.address), &watching(listen), rest));
}

#[test]
fn json_is_the_journal_as_lines_and_then_the_summary_and_nothing_else() {
    let (world, service) = (World::new(), Upstream::start());
    short(&world, &service);
    let said = world.pass(&["run", "short.yaml", "--json", "--out", "out"]);
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, events) = lines.split_last().unwrap();
    assert_eq!(last["kind"], "drill.summary");
    assert_eq!(last["data"]["summary"], world.summary("out"));
    let journal = world.journal("out");
    assert_eq!(last["data"]["head"], journal.last().unwrap()["hash"]);
    // Line 0 of the journal is the plan, and its last one closes it: both are the record's own.
    let inner = &journal[1..journal.len() - 1];
    assert_eq!(events.len(), inner.len());
    for (line, journalled) in events.iter().zip(inner) {
        for key in ["seq", "mono_ns", "kind", "data"] {
            assert_eq!(line[key], journalled[key], "{key} of {journalled}");
        }
    }
    assert!(events.iter().any(|line| line["kind"] == "fault.effective"));
}

#[test]
fn piped_output_is_stable_lines() {
    let (world, service) = (World::new(), Upstream::start());
    short(&world, &service);
    let said = world.pass(&["run", "short.yaml", "--seed", "5", "--out", "out"]);
    assert!(!said.contains('\x1b') && !said.contains('\r'), "no colours and nothing redrawn: {said:?}");
    let mut from = 0;
    for part in [
        "short",
        "seed 5",
        "phase: steady",
        "phase: active",
        "slow",
        "phase: recovering",
        "exit 0",
        "seed 5 (",
        "report in out",
        "journal hash ",
    ] {
        let at = said[from..].find(part).unwrap_or_else(|| panic!("{part} comes next in {said}"));
        from += at + part.len();
    }
    assert!(said.lines().count() < 40, "{said}");
}

#[test]
fn json_stays_json_when_a_command_under_test_prints() {
    let (world, service) = (World::new(), Upstream::start());
    let listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let rest = "faults:\n  - {id: slow, target: route/shop, latency: 20ms, max: 1m}\n";
    world.write("short.yaml", &scenario("short", &route(listen, service.address), &watching(listen), rest));
    let script = "echo from the command; sleep 1";
    let ended = world.run(&["run", "short.yaml", "--json", "--out", "out", "--", "sh", "-c", script]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for line in ended.stdout.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    assert!(ended.stderr.contains("from the command"), "it is not lost: {}", ended.stderr);
    let plain = world.run(&["run", "short.yaml", "--out", "plain", "--", "sh", "-c", script]);
    assert_eq!(plain.code, Some(0), "{plain:?}");
    assert!(plain.stdout.contains("from the command"), "as the shell would: {}", plain.stdout);
}

/// The ledger of a fault that hits a share of one user's requests, one after the other.
fn ledger(service: &Upstream, seed: &str) -> Value {
    let world = World::new();
    let proxy = Proxy::start(&world, service.address);
    world.write("environments/staging.yaml", &proxy.environment(service.address, ""));
    let rest = "faults:\n  - {id: slow, target: route/payments, match: /user, scope: 40%, max: 1m, \
                latency: {delay: 3ms, jitter: 2ms}}\n";
    // The probe goes past the route, so that the user is the only one on it.
    world.write("drawn.yaml", &scenario("drawn", "", &watching(service.address), rest));
    let args = ["run", "drawn.yaml", "--environment", "staging", "--seed", seed, "--out", "out"];
    let child = world.start(&args);
    world.wait_for("out", "fault.applied", "slow");
    for _ in 0..60 {
        assert_eq!(ask(proxy.listen, "GET /user", &[]).unwrap().status, 200);
    }
    let answer = get(proxy.control, "/v1/routes/payments/faults/slow/ledger").unwrap();
    child.signal(Signal::SIGTERM);
    assert_eq!(child.wait(SOON).code, Some(5));
    serde_json::from_str(&answer.body).unwrap()
}

#[test]
fn the_same_seed_makes_the_same_decisions() {
    let service = Upstream::start();
    let (one, two, other) = (ledger(&service, "5"), ledger(&service, "5"), ledger(&service, "6"));
    let entries = one.as_array().unwrap();
    assert_eq!(entries.len(), 60, "{one}");
    let hits = entries.iter().filter(|entry| entry["hit"] == true).count();
    assert!((10..40).contains(&hits), "about 40% of 60: {hits}");
    assert_eq!(one, two);
    assert_ne!(one, other);
}
