//! What faults did, as the control API tells it.

use std::time::{Duration, Instant};

use firedrill_proxy::control::wire::{EndReason, FaultState};
use serde_json::json;

use crate::raw;
use crate::running::{Running, SOON, echo, exchange, slow};

#[tokio::test]
async fn a_fault_is_set_changed_counted_and_taken_back() {
    let running = Running::start();
    let bound = running.route("payments", echo()).bound.tcp().unwrap();
    let (client, changes) = (&running.client, json!({"delay": "30ms", "jitter": "5ms"}));
    client.put_fault("payments", &slow("slow")).await.unwrap();
    let changed = client.patch_fault("payments", "slow", changes.as_object().unwrap()).await.unwrap();
    let expected = json!({"latency": {"delay": "30ms", "jitter": "5ms", "direction": "response"}});
    assert_eq!(serde_json::to_value(&changed.spec.fault).unwrap(), expected);

    let started = Instant::now();
    exchange(bound);
    let seen = loop {
        let FaultState::Standing(seen) = client.fault("payments", "slow").await.unwrap() else {
            panic!("it stands")
        };
        // A hit is counted just after the bytes have left, so the client may be here first.
        if seen.evidence.faulted > 0 || started.elapsed() > SOON {
            break seen;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!((seen.evidence.matched, seen.evidence.faulted), (1, 1));
    let achieved = seen.evidence.achieved.expect("it was measured");
    assert!(achieved.min >= 25.0, "never early: {achieved:?}");
    let ledger = client.ledger("payments", "slow").await.unwrap();
    assert_eq!((ledger.len(), ledger[0].ordinal, ledger[0].hit), (1, 0, true));

    let removed = client.remove_fault("payments", "slow").await.unwrap();
    assert_eq!(removed.evidence.faulted, 1);
    assert_eq!(client.remove_fault("payments", "slow").await.unwrap(), removed, "the second is as the first");
    let FaultState::Ended(ended) = client.fault("payments", "slow").await.unwrap() else {
        panic!("it is gone")
    };
    assert_eq!((ended.why, &ended.fault), (EndReason::Removed, &removed));
    let patched = client.patch_fault("payments", "slow", changes.as_object().unwrap()).await.unwrap_err();
    assert_eq!(patched.status(), Some(410));

    client.put_fault("payments", &slow("slow")).await.unwrap();
    let FaultState::Standing(again) = client.fault("payments", "slow").await.unwrap() else {
        panic!("it stands")
    };
    assert_eq!(again.evidence.faulted, 0, "a new fault with an old name starts its own count");
}

#[tokio::test]
async fn a_schedule_is_changed_on_a_fault_that_stands_and_a_refused_change_changes_nothing() {
    let running = Running::start();
    let bound = running.route("payments", echo()).bound.tcp().unwrap();
    let client = &running.client;
    let patch = async |changes: serde_json::Value| {
        client.patch_fault("payments", "slow", changes.as_object().unwrap()).await
    };
    let took = || {
        let began = Instant::now();
        exchange(bound);
        began.elapsed()
    };
    let late = Duration::from_millis(150);
    let spec = json!({"id": "slow", "fault": {"latency": {"delay": "150ms"}}});
    client.put_fault("payments", &serde_json::from_value(spec).unwrap()).await.unwrap();
    assert!(took() >= late);
    // Its first turn comes in an hour.
    let turns = json!({"every": "2h", "for": "1s", "offset": "1h"});
    let seen = patch(json!({"schedule": turns})).await.unwrap();
    assert_eq!(serde_json::to_value(seen.spec.schedule).unwrap(), turns);
    assert!(took() < late);

    let before = client.route("payments").await.unwrap().faults;
    for (changes, says) in [
        (json!({"delay": "1s", "schedule": {"every": "1ms", "for": "1ms"}}), "shorter than 10ms"),
        (json!({"delay": "1s", "schedule": {"evry": "1s"}}), "unknown field `evry`"),
        (json!({"schedule": null, "percent": "101%"}), "more than 100%"),
        (json!({"schedule": null, "dealy": "1s"}), "unknown field `dealy`"),
    ] {
        let refused = patch(changes).await.unwrap_err();
        assert_eq!(refused.status(), Some(422));
        assert!(refused.to_string().contains(says), "{refused}");
        assert_eq!(client.route("payments").await.unwrap().faults, before, "{says}");
    }
    assert!(took() < late, "it still waits for its turn");

    let seen = patch(json!({"schedule": null, "delay": "160ms"})).await.unwrap();
    assert_eq!(seen.spec.schedule, None);
    assert!(took() >= Duration::from_millis(160));
    assert_eq!(
        seen.evidence.matched, 1,
        "its evidence goes on; what met it between its turns was not for it"
    );
}

#[tokio::test]
async fn metrics_tell_faulted_from_untouched() {
    let running = Running::start();
    let bound = running.route("payments", echo()).bound.tcp().unwrap();
    exchange(bound);
    running.client.put_fault("payments", &slow("slow")).await.unwrap();
    exchange(bound);
    let ended = |text: &str| {
        text.contains("firedrill_proxy_requests_total{route=\"payments\",faulted=\"true\"} 1\n")
            && text.contains("firedrill_proxy_requests_total{route=\"payments\",faulted=\"false\"} 1\n")
    };
    let mut text = String::new();
    for _ in 0..500 {
        let answer = raw::get(running.address, "/metrics");
        assert!(answer.head.contains("content-type: application/openmetrics-text"), "{answer:?}");
        text = answer.body;
        if ended(&text) {
            break;
        }
        // A connection is counted when both sides have closed, which is a moment after the client has.
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(ended(&text), "{text}");
    for line in [
        "firedrill_proxy_connections_total{route=\"payments\"} 2\n",
        "firedrill_proxy_connections_open{route=\"payments\"} 0\n",
        "firedrill_proxy_bytes_total{route=\"payments\",direction=\"request\"} 10\n",
        "firedrill_proxy_bytes_total{route=\"payments\",direction=\"response\"} 10\n",
        "firedrill_proxy_faults_armed{route=\"payments\"} 1\n",
        "firedrill_proxy_fault_hits_total{route=\"payments\",fault=\"slow\",kind=\"latency\"} 1\n",
        "firedrill_proxy_duration_seconds_count{route=\"payments\",faulted=\"true\"} 1\n",
        "# EOF\n",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
}
