//! A fault whose owner has died ends by itself, and says so.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use firedrill_proxy::control::wire::{EndReason, EndedFault, FaultState};
use serde_json::json;

use crate::raw;
use crate::running::{Running, SOON, echo, exchange, owned, slow};

async fn end_of(running: &Running, id: &str) -> EndedFault {
    let ended = tokio::time::timeout(SOON, async {
        loop {
            match running.client.fault("payments", id).await.unwrap() {
                FaultState::Ended(ended) => return ended,
                FaultState::Standing(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
    ended.await.expect("it ends by itself")
}

#[tokio::test]
async fn without_a_renewal_a_fault_ends_and_the_answer_is_gone_with_its_evidence() {
    let running = Running::start();
    let bound = running.route("payments", echo()).bound.tcp().unwrap();
    running.control.put_fault("payments", owned("slow", "drill-1", "500ms", "1h")).unwrap();
    exchange(bound);
    assert_eq!(end_of(&running, "slow").await.why, EndReason::LeaseExpired);

    let answer = raw::get(running.address, "/v1/routes/payments/faults/slow");
    assert!(answer.problem(410).contains("lease ran out"), "{answer:?}");
    let ended = &answer.json()["ended"];
    assert_eq!((&ended["why"], &ended["fault"]["evidence"]["faulted"]), (&json!("lease-expired"), &json!(1)));
    assert!(running.client.route("payments").await.unwrap().faults.is_empty(), "the route is free of it");
    assert_eq!(running.client.remove_fault("payments", "slow").await.unwrap().evidence.faulted, 1);
}

#[tokio::test]
async fn nobody_has_to_ask_for_a_fault_to_end() {
    let running = Running::start();
    let bound = running.route("payments", echo()).bound.tcp().unwrap();
    let json = json!({"id": "hole", "owner": "d", "lease": "100ms", "max": "1h", "fault": {"blackhole": {}}});
    running.control.put_fault("payments", serde_json::from_value(json).unwrap()).unwrap();
    // No call of the control API from here on: the keeper alone takes it back.
    tokio::time::sleep(Duration::from_millis(600)).await;
    exchange(bound);
}

#[test]
fn the_end_of_a_lease_opens_what_a_fault_had_closed_or_kept_hanging() {
    std::thread::scope(|all| {
        for why in [EndReason::LeaseExpired, EndReason::MaxReached] {
            all.spawn(move || comes_back("refuse", ErrorKind::ConnectionRefused, why));
            all.spawn(move || comes_back("accept_stall", ErrorKind::TimedOut, why));
        }
    });
}

/// A fault at the door acts, and then ends by itself.
fn comes_back(fault: &str, meets: ErrorKind, why: EndReason) {
    let running = Running::start();
    let bound = running.route("payments", echo()).bound.tcp().unwrap();
    let attempt =
        || TcpStream::connect_timeout(&bound, Duration::from_millis(200)).map_err(|error| error.kind());
    exchange(bound);
    let (lease, max) = if why == EndReason::MaxReached { ("1h", "2s") } else { ("2s", "1h") };
    let json = json!({"id": "shut", "owner": "d", "lease": lease, "max": max, "fault": {fault: {}}});
    let began = Instant::now();
    running.control.put_fault("payments", serde_json::from_value(json).unwrap()).unwrap();
    // The first attempts may still have found a place in the backlog.
    while attempt().err() != Some(meets) {
        assert!(began.elapsed() < Duration::from_secs(2), "{fault} never acted");
    }
    // Nothing asks the control API from here on: the lease alone ends it.
    while attempt().is_err() {
        assert!(began.elapsed() < SOON, "{fault} never ended");
    }
    assert!(began.elapsed() > Duration::from_millis(1_900), "{fault} ended early");
    exchange(bound);
    let FaultState::Ended(ended) = running.control.fault("payments", "shut").unwrap() else {
        panic!("{fault} has ended")
    };
    assert_eq!(ended.why, why);
    assert!(ended.fault.evidence.faulted > 0, "{fault}: {:?}", ended.fault.evidence);
}

#[tokio::test]
async fn a_renewal_keeps_the_faults_of_its_owner_up_to_their_max() {
    let running = Running::start();
    running.route("payments", echo());
    let client = &running.client;
    client.put_fault("payments", &owned("kept", "drill-1", "1s", "1h")).await.unwrap();
    client.put_fault("payments", &owned("lost", "drill-2", "1s", "1h")).await.unwrap();
    client.put_fault("payments", &owned("short", "drill-1", "1s", "1500ms")).await.unwrap();
    assert_eq!(client.renew("drill-1", Duration::from_secs(600)).await.unwrap(), 2);
    assert_eq!(client.renew("drill-9", Duration::from_secs(600)).await.unwrap(), 0);

    assert_eq!(end_of(&running, "lost").await.why, EndReason::LeaseExpired);
    assert_eq!(end_of(&running, "short").await.why, EndReason::MaxReached);
    assert!(matches!(client.fault("payments", "kept").await.unwrap(), FaultState::Standing(_)));
    assert_eq!(client.health().await.unwrap().faults, 1);
}

#[tokio::test]
async fn a_fault_set_by_hand_has_no_lease_and_an_owner_needs_one() {
    let running = Running::start();
    running.route("payments", echo());
    running.client.put_fault("payments", &slow("by-hand")).await.unwrap();
    let manual = running.client.renew("manual", Duration::from_secs(1)).await.unwrap_err();
    assert!(manual.to_string().contains("have no lease"), "{manual}");

    let mut half = owned("half", "drill-1", "15s", "1m");
    half.max = None;
    let refused = running.client.put_fault("payments", &half).await.unwrap_err();
    assert_eq!(refused.status(), Some(422));
    assert!(refused.to_string().contains("no `max`"), "{refused}");
    let endless = running.client.renew("drill-1", Duration::from_secs(7_200)).await.unwrap_err();
    assert!(endless.to_string().contains("not between"), "{endless}");
}
