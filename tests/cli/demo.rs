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
    assert_eq!(processes_with(&mark).len(), 5, "the shop and its watchman");
    (authority.parse().unwrap(), mark)
}

/// A demo whose files and records go below `out`.
fn demo(out: &std::path::Path, more: &[&str]) -> Child {
    let mut command = firedrill();
    command.env("FIREDRILL_DIR", out).env_remove("FIREDRILL_ALARMS");
    Child::spawn(command.arg("demo").args(more).arg("--out").arg(out.join("report")))
}

/// The route of the first game, once it is bound.
fn first_route(demo: &Child) -> SocketAddr {
    let line = demo.wait_for_line("applied: route/payments, ", Duration::from_secs(60));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn kill_9_of_the_demo_leaves_no_process_and_no_port() {
    let out = temp_dir();
    let demo = demo(out.path(), &[]);
    let (front, mark) = shop_of(&demo);
    let route = first_route(&demo);

    demo.signal(Signal::SIGKILL);
    wait_until("the shop dies with the demo", SOON, || processes_with(&mark).is_empty());
    // A process that ends loses its command line a moment before its sockets.
    wait_until("the shop's port is free", SOON, || !is_listening(front));
    wait_until("the route's port is free", SOON, || !is_listening(route));
}

#[test]
fn ctrl_c_stops_the_game_and_leaves_no_process_and_no_socket() {
    let out = temp_dir();
    let demo = demo(out.path(), &["--keep"]);
    let (front, mark) = shop_of(&demo);
    let route = first_route(&demo);
    demo.signal(Signal::SIGINT);
    let ended = demo.wait(Duration::from_secs(30));
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(!ended.stdout.contains("What was learnt"), "{ended:?}");
    assert!(processes_with(&mark).is_empty());
    assert!(!is_listening(front) && !is_listening(route));
    let left: Vec<_> = sockets(out.path());
    assert!(left.is_empty(), "{left:?}");
}

/// The sockets below a folder.
fn sockets(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    use std::os::unix::fs::FileTypeExt as _;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(sockets(&entry.path()));
        } else if kind.is_socket() {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn a_folder_that_holds_something_is_not_written_to() {
    let out = temp_dir();
    std::fs::create_dir_all(out.path().join("report/rules")).unwrap();
    let ended = demo(out.path(), &[]).wait(SOON);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("is not empty"), "{ended:?}");
}

#[test]
fn without_prometheus_the_real_watch_is_refused_with_the_way_out() {
    let out = temp_dir();
    let mut command = firedrill();
    command.env("PATH", out.path()).args(["demo", "--real", "--out"]).arg(out.path().join("report"));
    let ended = Child::spawn(&mut command).wait(SOON);
    assert_eq!(ended.code, Some(1));
    for part in ["prometheus, alertmanager", "apt install", "watchman of its own"] {
        assert!(ended.stderr.contains(part), "no `{part}`: {ended:?}");
    }
    assert!(!out.path().join("report").exists(), "nothing was begun");
}

#[test]
fn a_watchman_with_wrong_rules_says_what_is_wrong() {
    let out = temp_dir();
    let rules = out.path().join("rules.yml");
    std::fs::write(&rules, "groups: [{name: g, rules: [{alert: A, expr: absent(up)}]}]").unwrap();
    let mut command = firedrill();
    command.args([
        "demo",
        "watchman",
        "--targets",
        "127.0.0.1:1",
        "--webhook",
        "http://127.0.0.1:1/",
        "--rules",
    ]);
    let ended = Child::spawn(command.arg(&rules)).wait(SOON);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("the rule `A`: the watchman of the demo does not read"), "{ended:?}");
}

/// The one long test of the demo: three games in real time, then the shop that stays open, then its end.
#[test]
fn the_demo_plays_three_games_tells_of_them_and_leaves_a_shop_to_play_with() {
    let out = temp_dir();
    let folder = out.path().join("report");
    let demo = demo(out.path(), &["--keep"]);
    let (front, mark) = shop_of(&demo);
    demo.wait_for_line("stays open until Ctrl-C", Duration::from_secs(120));
    let said = demo.stdout();
    for part in [
        "CheckoutSlow paged",
        "RESTORED BY PLAYBOOK",
        "SILENT FAILURE. The rules were asked why: no such rule",
        "Nothing failed and nothing was slow",
        "2 of 2 playbook steps OK",
        "RESTORED BY FAULT END",
        "No fault and no route was left behind",
    ] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    let learnt: Vec<&str> = said
        .lines()
        .skip_while(|line| *line != "What was learnt")
        .take_while(|line| !line.is_empty())
        .collect();
    assert!(learnt.len() <= 10 && learnt.iter().all(|line| line.len() <= 100), "{learnt:#?}");
    for (game, headline) in [
        ("payments-slow-paged", "Restored by playbook"),
        ("shelves-empty", "ilent failure"),
        ("payments-refusing", "Restored by fault end"),
    ] {
        let page = std::fs::read_to_string(folder.join(game).join("report.html")).unwrap();
        assert!(page.to_lowercase().contains(&headline.to_lowercase()), "{game}: no `{headline}`");
    }
    it_can_be_told_again_from_the_journal_alone(&folder.join("payments-slow-paged"));
    a_fault_by_hand_is_felt(&demo, front);
    let variables = variables(&demo);
    every_pair_is_well(&folder, &variables);
    the_missing_rule_turns_the_miss_into_a_hit(&demo, &folder, &variables);

    demo.signal(Signal::SIGINT);
    let ended = demo.wait(SOON);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(processes_with(&mark).is_empty());
    assert!(!is_listening(front));
    assert_eq!(sockets(out.path()), Vec::<std::path::PathBuf>::new());
}

fn it_can_be_told_again_from_the_journal_alone(report: &std::path::Path) {
    let verified = Child::spawn(firedrill().arg("verify").arg(report.join("journal.jsonl"))).wait(SOON);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let rescored = || Child::spawn(firedrill().args(["rescore", "--json"]).arg(report)).wait(SOON);
    let (one, other) = (rescored(), rescored());
    assert!(one.code == Some(0) && one.stdout == other.stdout, "{one:?}");
    let card: serde_json::Value = serde_json::from_str(&one.stdout).unwrap();
    assert_eq!((&card["complete"], &card["summary"]["exit"]), (&true.into(), &0.into()));
}

/// The printed commands are true: a fault set by hand is felt, and the flag saves checkout from it.
fn a_fault_by_hand_is_felt(demo: &Child, front: SocketAddr) {
    let line = demo.wait_for_line("curl -X DELETE", SOON);
    let (api, fault) = line.split("http://").nth(1).unwrap().split_once('/').unwrap();
    let (api, fault): (SocketAddr, _) = (api.parse().unwrap(), format!("/{fault}"));
    assert!(get(front, "/checkout").unwrap().body.contains("charged"));
    let set = put(api, &fault, r#"{"fault":{"http_error":{"status":503}}}"#).unwrap();
    assert_eq!(set.status, 200, "{set:?}");
    assert_eq!(get(front, "/checkout").unwrap().status, 502);
    assert_eq!(put(front, "/flags/pay-later", r#"{"enabled":true}"#).unwrap().status, 200);
    assert!(get(front, "/checkout").unwrap().body.contains("pay later"));
    assert_eq!(put(front, "/flags/pay-later", r#"{"enabled":false}"#).unwrap().status, 200);
    assert_eq!(request(api, "DELETE", &fault, "").unwrap().status / 100, 2);
}

/// What the printed `export` sets.
fn variables(demo: &Child) -> Vec<(String, String)> {
    let line = demo.wait_for_line("; export SHOP=", SOON);
    let sets = line.split_once("; export ").unwrap().1.split(' ').filter_map(|set| set.split_once('='));
    sets.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// With the printed variables every pair finds this shop, and its routes are free to be taken.
fn every_pair_is_well(folder: &std::path::Path, variables: &[(String, String)]) {
    let mut command = firedrill();
    command.current_dir(folder).args(["check", "scenarios/", "playbooks/", "--deny", "warnings"]);
    let checked = Child::spawn(command.envs(variables.iter().cloned())).wait(SOON);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    for name in ["PAYMENTS_ROUTE", "STOCK_ROUTE"] {
        let (_, route) = variables.iter().find(|(known, _)| known == name).unwrap();
        assert!(!is_listening(route.parse().unwrap()), "{name}");
    }
}

/// Whoever plays writes the rule that is missing, as printed, and the silent failure is silent no more.
fn the_missing_rule_turns_the_miss_into_a_hit(
    demo: &Child,
    folder: &std::path::Path,
    variables: &[(String, String)],
) {
    let check = || {
        let mut command = firedrill();
        command.current_dir(folder).args(["check", "scenarios/shelves-empty.yaml", "--rules", "rules/"]);
        command.args(["--alertmanager-config", "monitoring/alertmanager.yml"]);
        Child::spawn(command.envs(variables.iter().cloned())).wait(SOON)
    };
    let before = check();
    assert!(before.code == Some(1) && before.stdout.contains("can never come"), "{before:?}");
    let said = demo.stdout();
    let script = said.split_once("  cat >> ").unwrap().1.split_once("\nRULE").unwrap().0;
    let mut shell = std::process::Command::new("sh");
    shell.current_dir(folder).args(["-c", &format!("cat >> {script}\nRULE\n")]);
    assert_eq!(Child::spawn(&mut shell).wait(SOON).code, Some(0));
    let after = check();
    assert_eq!(after.code, Some(0), "{after:?}");

    let mut command = firedrill();
    command.current_dir(folder).env("FIREDRILL_DIR", folder.join("own"));
    command.args(["run", "scenarios/shelves-empty.yaml", "--out", "again"]);
    let ended = Child::spawn(command.envs(variables.iter().cloned())).wait(Duration::from_secs(60));
    assert_eq!(ended.code, Some(0), "the alarm came in time: {ended:?}");
    assert!(ended.stdout.contains("alarm ShelvesEmpty fires"), "{ended:?}");
}
