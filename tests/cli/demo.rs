//! The shop of `firedrill demo`: real processes that answer, degrade, and never outlive the command.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::{
    Child, firedrill, free_port, get, is_listening, processes_with, put, request, temp_dir, wait_until,
};

const SOON: Duration = Duration::from_secs(10);

/// One process of the shop, started by hand.
fn process(role: &str, more: &[&str]) -> (Child, SocketAddr) {
    let child = Child::spawn(firedrill().args(["demo", role]).args(more));
    let line = child.wait_for_line(&format!("{role} listens on "), SOON);
    let address = line.rsplit(' ').next().unwrap().parse().unwrap();
    (child, address)
}

/// Front, payments and stock, with front told of another payments where `payments` is given.
fn shop(payments: Option<SocketAddr>) -> (Vec<Child>, SocketAddr) {
    let (stock, stock_at) = process("stock", &[]);
    let (bank, bank_at) = process("payments", &[]);
    let seen = payments.unwrap_or(bank_at).to_string();
    let (front, front_at) = process("front", &["--payments", &seen, "--stock", &stock_at.to_string()]);
    (vec![front, bank, stock], front_at)
}

#[test]
fn checkout_reserves_and_charges_and_is_counted() {
    let (_shop, front) = shop(None);
    let answer = request(front, "POST", "/checkout", "").unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains(r#""payment":"charged""#), "{answer:?}");
    assert_eq!(get(front, "/healthCheck").unwrap().status, 200);
    assert_eq!(get(front, "/nowhere").unwrap().status, 404);
    let metrics = get(front, "/metrics").unwrap().body;
    assert!(metrics.contains("shop_requests_total{role=\"front\"} 2\n"), "{metrics}");
}

#[test]
fn an_open_breaker_says_pay_later_without_payments() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let (_shop, front) = shop(Some(nobody));
    let broken = get(front, "/checkout").unwrap();
    assert_eq!(broken.status, 502, "{broken:?}");
    assert!(broken.body.contains("payments"), "{broken:?}");

    assert_eq!(put(front, "/flags/pay-later", r#"{"enabled":true}"#).unwrap().status, 200);
    let degraded = get(front, "/checkout").unwrap();
    assert_eq!(degraded.status, 200, "{degraded:?}");
    assert!(degraded.body.contains("pay later"), "{degraded:?}");
    assert!(get(front, "/metrics").unwrap().body.contains("shop_breaker_open{role=\"front\"} 1\n"));

    assert_eq!(put(front, "/flags/pay-later", r#"{"enabled":false}"#).unwrap().status, 200);
    assert_eq!(get(front, "/checkout").unwrap().status, 502);
    assert_eq!(put(front, "/flags/pay-later", "yes").unwrap().status, 400);
}

#[test]
fn flags_are_listed_and_an_unknown_one_is_refused_with_those_there_are() {
    let (_shop, front) = shop(None);
    let flags: serde_json::Value = serde_json::from_str(&get(front, "/flags").unwrap().body).unwrap();
    for name in ["timeout", "retry", "breaker", "pay-later", "bulkhead", "shed-load", "fail-fast", "cache"] {
        assert_eq!(flags[name]["enabled"], false, "{name}");
    }
    let unknown = put(front, "/flags/caching", r#"{"enabled":true}"#).unwrap();
    assert_eq!(unknown.status, 404);
    assert!(unknown.body.contains("there is no flag `caching`; there are timeout, retry"), "{unknown:?}");
    assert_eq!(put(front, "/flags/retry", r#"{"enabled":true,"value":3}"#).unwrap().status, 200);
    let metrics = get(front, "/metrics").unwrap().body;
    assert!(metrics.contains("shop_flag_enabled{role=\"front\",flag=\"retry\"} 1\n"), "{metrics}");
    let shown = get(front, "/browse").unwrap();
    assert!(shown.status == 200 && shown.body.contains("\"stale\":false"), "{shown:?}");
}

#[test]
fn the_second_payments_charges_when_the_first_is_gone() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], free_port())).to_string();
    let (_stock, stock) = process("stock", &[]);
    let (_replica, replica) = process("replica", &[]);
    let (stock, replica_at) = (stock.to_string(), replica.to_string());
    let args = ["--payments", &nobody, "--stock", &stock, "--replica", &replica_at];
    let (_front, front) = process("front", &args);
    assert_eq!(get(front, "/checkout").unwrap().status, 502);
    assert_eq!(put(front, "/flags/failover", r#"{"enabled":true}"#).unwrap().status, 200);
    assert!(get(front, "/checkout").unwrap().body.contains("charged"));
    assert!(get(replica, "/charges").unwrap().body.contains(r#""charges":1,"#));
    assert!(get(replica, "/metrics").unwrap().body.contains("shop_charges_total{role=\"replica\"} 1\n"));
}

#[test]
fn a_process_of_the_shop_is_known_by_its_role() {
    let (stock, _) = process("stock", &[]);
    assert_eq!(std::fs::read_to_string(format!("/proc/{}/comm", stock.pid())).unwrap(), "stock\n");
}

#[test]
fn a_process_of_the_shop_ends_gently_when_told() {
    let (stock, address) = process("stock", &[]);
    stock.signal(Signal::SIGTERM);
    let ended = stock.wait(SOON);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!is_listening(address));
}

#[test]
fn a_process_of_the_shop_ends_with_its_standard_input() {
    let parent = std::process::id().to_string();
    let mut command = firedrill();
    let mut stock = command
        .args(["demo", "stock", "--parent", &parent])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    drop(stock.stdin.take());
    let mut status = None;
    wait_until("the end of stock", SOON, || {
        status = stock.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(0));
}

#[test]
fn a_process_of_the_shop_refuses_to_outlive_a_parent_that_is_gone() {
    let ended = Child::spawn(firedrill().args(["demo", "stock", "--parent", "1"])).wait(SOON);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("is gone"), "{ended:?}");
}

/// Where the demo's shop is, and a text that is on the command line of each of its processes.
fn shop_of(demo: &Child) -> (SocketAddr, String) {
    let line = demo.wait_for_line("/checkout", SOON);
    let authority = line.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let mark = format!("--parent {}", demo.pid());
    assert_eq!(processes_with(&mark).len(), 4);
    (authority.parse().unwrap(), mark)
}

#[test]
fn kill_9_of_the_demo_leaves_no_process_and_no_port() {
    let out = temp_dir();
    let mut command = firedrill();
    command.env("FIREDRILL_DIR", out.path()).args(["demo", "--out"]).arg(out.path().join("report"));
    let demo = Child::spawn(&mut command);
    let (front, mark) = shop_of(&demo);
    let route = demo.wait_for_line("a route, at ", SOON);
    let route = route.split("a route, at ").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    wait_until("the drill binds its route", SOON, || is_listening(route));

    demo.signal(Signal::SIGKILL);
    wait_until("the shop dies with the demo", SOON, || processes_with(&mark).is_empty());
    // A process that ends loses its command line a moment before its sockets.
    wait_until("the shop's port is free", SOON, || !is_listening(front));
    wait_until("the route's port is free", SOON, || !is_listening(route));
}

/// The one long test of the demo: a whole drill in real time, then the shop that stays open, then its end.
#[test]
fn the_demo_runs_a_drill_tells_of_it_and_leaves_a_shop_to_play_with() {
    let out = temp_dir();
    let report = out.path().join("report");
    let mut command = firedrill();
    let demo =
        Child::spawn(command.env("FIREDRILL_DIR", out.path()).args(["demo", "--keep", "--out"]).arg(&report));
    let (front, mark) = shop_of(&demo);
    demo.wait_for_line("stays open until Ctrl-C", Duration::from_secs(90));
    let said = demo.stdout();
    for part in [
        "was real",
        "Customers felt it",
        "restored by: fault_end",
        "restored by: playbook",
        "Without help the shop was ill for",
        "With the playbook it was ill for",
        "Nothing was left behind",
    ] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    let page = std::fs::read_to_string(report.join("circuit-breaker/report.html")).unwrap();
    assert!(page.contains("Restored by playbook"), "the report that is named says it first");
    let report = report.join("payments-slow");
    let verified = Child::spawn(firedrill().arg("verify").arg(report.join("journal.jsonl"))).wait(SOON);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let rescored = || Child::spawn(firedrill().args(["rescore", "--json"]).arg(&report)).wait(SOON);
    let (one, other) = (rescored(), rescored());
    assert_eq!((one.code, &one.stdout), (Some(0), &other.stdout), "{one:?}");
    let card: serde_json::Value = serde_json::from_str(&one.stdout).unwrap();
    assert_eq!((&card["version"], &card["complete"]), (&2.into(), &true.into()));
    let explained = Child::spawn(firedrill().args(["rescore", "--explain"]).arg(&report)).wait(SOON);
    assert!(explained.stdout.contains("rules:"), "{explained:?}");

    // The printed commands are true: a fault set by hand is felt, and the breaker saves checkout from it.
    let line = demo.wait_for_line("curl -X DELETE", SOON);
    let (api, fault) = line.split("http://").nth(1).unwrap().split_once('/').unwrap();
    let (api, fault): (SocketAddr, _) = (api.parse().unwrap(), format!("/{fault}"));
    assert!(get(front, "/checkout").unwrap().body.contains("charged"));
    let set = put(api, &fault, r#"{"fault":{"http_error":{"status":503}}}"#).unwrap();
    assert_eq!(set.status, 200, "{set:?}");
    assert_eq!(get(front, "/checkout").unwrap().status, 502);
    assert_eq!(put(front, "/flags/pay-later", r#"{"enabled":true}"#).unwrap().status, 200);
    assert!(get(front, "/checkout").unwrap().body.contains("pay later"));

    // With the printed variables every shipped pair finds this shop, and its routes are free to be taken.
    let line = demo.wait_for_line("  export SHOP=", SOON);
    let variables =
        line.trim().trim_start_matches("export ").split(' ').filter_map(|set| set.split_once('='));
    let variables: Vec<_> = variables.collect();
    for pair in ["circuit-breaker", "shed-load", "fail-fast"] {
        let file = format!("scenarios/{pair}.yaml");
        let checked =
            Child::spawn(firedrill().args(["check", &file, "--deny", "warnings"]).envs(variables.clone()));
        let checked = checked.wait(SOON);
        assert_eq!(checked.code, Some(0), "{pair}: {checked:?}");
    }
    for name in ["PAYMENTS_ROUTE", "STOCK_ROUTE"] {
        let (_, route) = variables.iter().find(|(known, _)| *known == name).unwrap();
        assert!(!is_listening(route.parse().unwrap()), "{name}");
    }

    demo.signal(Signal::SIGINT);
    let ended = demo.wait(SOON);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(processes_with(&mark).is_empty());
    assert!(!is_listening(front) && !is_listening(api));
}
