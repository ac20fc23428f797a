//! What one run decided, decided again in another.

use firedrill_proxy::control::wire::{LedgerEntry, Protocol, Replay};

use crate::rig::{
    Rig, connect, echo, end_of_new, eventually, fault, ledger_of, ledger_of_200_clients, ms, round_trip,
};

#[test]
fn what_200_clients_met_on_4_workers_is_met_again_on_1() {
    for (recorded, replayed) in [
        (
            // Another seed and no share: what is decided comes from the ledger alone.
            r#"{"id": "f", "seed": 7, "fault": {"latency": {"delay": "4ms", "jitter": "3ms", "direction": "both"}}, "scope": {"percent": "30%"}}"#,
            r#"{"id": "f", "seed": 8, "fault": {"latency": {"delay": "4ms", "jitter": "3ms", "direction": "both"}}}"#,
        ),
        (
            r#"{"id": "f", "seed": 7, "fault": {"latency": {"delay": "4ms", "jitter": "3ms", "direction": "request"}}, "schedule": {"bursts": {"enter": "10%", "leave": "25%"}}}"#,
            r#"{"id": "f", "seed": 7, "fault": {"latency": {"delay": "9ms", "direction": "request"}}}"#,
        ),
        (
            r#"{"id": "f", "seed": 9, "fault": {"slicer": {"size": "1B"}}, "scope": {"percent": "25%"}}"#,
            r#"{"id": "f", "fault": {"slicer": {"size": "1B"}}, "scope": {"percent": "1%"}}"#,
        ),
    ] {
        let ledger = ledger_of_200_clients(4, recorded);
        let hits = ledger.iter().filter(|entry| entry.hit).count();
        assert!((20..120).contains(&hits), "{hits} of 200");
        let mut again = fault(replayed);
        assert_ne!(ledger_of(1, again.clone()), ledger, "without the recording it is another run");
        again.replay = Some(Replay::from(ledger.clone()));
        assert_eq!(ledger_of(1, again), ledger);
    }
}

#[test]
fn exactly_the_recorded_numbers_are_hit_and_by_what_was_recorded() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(
        r#"{"id": "slow", "fault": {"latency": {"delay": "1h"}}, "scope": {"percent": "0%"},
            "replay": [{"ordinal": 3, "hit": true, "drawn": 150000}, {"ordinal": 1, "hit": true, "drawn": 150000}, {"ordinal": 2, "hit": false}]}"#,
    );
    for ordinal in 0..5 {
        let took = round_trip(&mut connect(at));
        assert_eq!(took >= ms(150), [1, 3].contains(&ordinal), "connection {ordinal}: {took:?}");
    }
    rig.counted("slow", 5, 2);
    let hits: Vec<LedgerEntry> =
        rig.engine.ledger("r", "slow").unwrap().into_iter().filter(|entry| entry.hit).collect();
    assert_eq!(
        hits.iter().map(|entry| (entry.ordinal, entry.drawn)).collect::<Vec<_>>(),
        [(1, Some(150_000)), (3, Some(150_000))]
    );
    assert_eq!(rig.view().faults[0].replays, Some(3));
}

#[test]
fn a_replayed_refuse_turns_away_those_it_names_and_keeps_the_port_open() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "no", "fault": {"refuse": {}}, "replay": [{"ordinal": 1, "hit": true}]}"#);
    for ordinal in 0..4 {
        if ordinal == 1 {
            assert!(end_of_new(at).is_err(), "the second is reset");
        } else {
            round_trip(&mut connect(at));
        }
    }
    rig.counted("no", 4, 1);
}

#[test]
fn a_replay_that_cannot_be_is_refused_and_what_stood_stands() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "1ms"}}}"#);
    let spec = fault(
        r#"{"id": "slow", "fault": {"latency": {"delay": "1h"}}, "replay": [{"ordinal": 0, "hit": true, "timed": true}]}"#,
    );
    let error = rig.engine.put_fault("r", spec).unwrap_err().to_string();
    assert!(error.contains("ordinal 0") && error.contains("matter of time"), "{error}");
    assert!(round_trip(&mut connect(at)) < ms(5_000));
    eventually("met", || rig.evidence("slow").faulted == 1);
    assert_eq!(rig.view().faults[0].replays, None);
}
