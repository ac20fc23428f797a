//! Starting, refusing to start, and ending in order.

use std::net::TcpListener;
use std::time::Duration;

use firedrill::drill::journal::{Verified, verify};

use crate::ask::ask;
use crate::house::{House, PATIENCE, pass};
use crate::support::{Child, Ended, wait_until};

fn said(house: &House, args: &[&str]) -> Ended {
    Child::spawn(&mut house.command(args)).wait(PATIENCE)
}

#[test]
fn the_token_is_printed_once_and_opens_what_nothing_else_does() {
    let mut house = House::new();
    house.start();
    let first = house.server.as_ref().unwrap().stdout();
    assert!(first.contains(&house.token) && first.contains(&format!("http://{}/", house.address)), "{first}");
    assert_eq!(house.ask("GET", "/v1/status", "").status, 200);
    for wrong in ["", "fd_wrong"] {
        let answer = ask(house.address, wrong, "GET", "/v1/status", "").unwrap();
        assert_eq!(answer.status, 401, "{}", answer.body);
    }
    assert_eq!(house.terminate().code, Some(0));
    for entry in std::fs::read_dir(house.path("data")).unwrap().flatten() {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        let token = house.token.as_bytes();
        let holds = bytes.windows(token.len()).any(|window| window == token);
        assert!(!holds, "{:?} holds the token itself", entry.path());
    }
    house.start();
    let second = house.server.as_ref().unwrap().stdout();
    assert!(!second.contains("fd_"), "it is shown once: {second}");
    assert_eq!(house.ask("GET", "/v1/status", "").status, 200, "and still opens");
}

#[test]
fn what_keeps_it_from_starting_is_named_with_the_way_out() {
    let mut house = House::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = said(&house, &["serve", "--data", "data", "--listen", &address]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains(&address) && refused.stderr.contains("--listen"), "{}", refused.stderr);
    let refused = said(&house, &["serve", "--data", "data", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("--insecure-plain-http"), "{}", refused.stderr);
    house.start();
    let refused = said(&house, &["serve", "--data", "data", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.code, Some(1), "two servers on one directory: {refused:?}");
    let pid = house.server.as_ref().unwrap().pid().to_string();
    assert!(refused.stderr.contains(&pid), "it says who holds it: {}", refused.stderr);
}

#[test]
fn a_running_drill_is_stopped_in_order_and_the_server_exits_with_0() {
    let mut house = House::new();
    house.start();
    let day = house.begin(3);
    wait_until("the process stands still", PATIENCE, || house.victim.stands_still());
    let ended = house.terminate();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!house.victim.stands_still() && house.faults_on_route() == 0 && !house.flag().exists());
    house.start();
    let drills = house.drills();
    assert_eq!(drills.len(), 1, "{drills:?}");
    let id = drills[0]["id"].as_str().unwrap();
    let journal = house.ask("GET", &format!("/v1/drills/{id}/journal.jsonl"), "").body;
    assert!(matches!(verify(journal.as_bytes(), None), Verified::Whole { .. }), "{journal}");
    assert!(!journal.contains("coordinator.restarted"), "it was not interrupted, it was stopped\n{journal}");
    let (state, why) = house.state(&day);
    assert!(["paused", "stopped"].contains(&state.as_str()) && !why.is_empty(), "{state}: {why}");
}

#[test]
fn a_halt_file_stops_what_runs_and_nothing_starts_until_the_release() {
    let mut house = House::new();
    house.start();
    house.begin(3);
    wait_until("the process stands still", PATIENCE, || house.victim.stands_still());
    let halt = house.path("own/run/HALT");
    let said = house.server.as_ref().unwrap().stdout();
    assert!(said.contains(&halt.display().to_string()), "it says where the file is made: {said}");
    std::fs::write(halt, "smoke in the room").unwrap();
    wait_until("it goes on", Duration::from_secs(20), || !house.victim.stands_still());
    house.wait_for_quiet();
    let drills = house.drills();
    assert_eq!((drills.len(), drills[0]["exit"].as_u64()), (1, Some(5)), "{drills:?}");
    pass(Duration::from_secs(1));
    assert_eq!(house.drills().len(), 1, "nothing else began");
}
