//! Routes and faults as the control plane sees them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use firedrill_proxy::control::wire::Protocol;
use firedrill_proxy::engine::{EngineError, Options};

use crate::rig::{Rig, connect, echo, eventually, fault, read_to_end, round_trip, route_spec, stuck};

#[test]
fn a_port_in_use_is_refused_and_its_holder_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let rig = Rig::new(1);
    let mut spec = route_spec("r", Protocol::Tcp, echo());
    spec.listen = taken.local_addr().unwrap().to_string();
    let error = rig.engine.add_route(spec.clone()).unwrap_err().to_string();
    assert!(error.contains(&spec.listen) && error.contains("in use"), "{error}");
    assert!(error.contains(&format!("held by process {}", std::process::id())), "{error}");
    assert!(rig.engine.routes().is_empty());
}

#[test]
fn a_route_listens_until_it_is_removed_and_its_port_is_free_at_once() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut stream = connect(at);
    round_trip(&mut stream);
    let last = rig.engine.remove_route("r").unwrap();
    assert_eq!((last.bound.tcp(), last.traffic.connections), (Some(at), 1));
    assert!(read_to_end(&mut stream).0.is_empty(), "its connections end");
    let mut spec = route_spec("again", Protocol::Tcp, echo());
    spec.listen = at.to_string();
    rig.engine.add_route(spec).unwrap();
    round_trip(&mut connect(at));
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let (rig, _) = Rig::with_route(Protocol::Tcp, echo());
    let engine = &rig.engine;
    let slow = r#"{"id": "slow", "fault": {"latency": {"delay": "10ms"}}}"#;
    let before = engine.put_fault("r", fault(slow)).unwrap();
    for (json, says) in [
        (r#"{"id": "slow", "fault": {"latency": {"delay": "0s"}}}"#, "zero"),
        (r#"{"id": "err", "fault": {"http_error": {"status": 503}}}"#, "protocol: tcp"),
        (r#"{"id": "p", "fault": {"reset": {}}, "match": {"path": "/x"}}"#, "protocol: tcp"),
        (r#"{"id": "", "fault": {"reset": {}}}"#, "1 to 128"),
    ] {
        let error = engine.put_fault("r", fault(json)).unwrap_err().to_string();
        assert!(error.contains(says), "{json}: {error}");
    }
    assert_eq!(engine.route("r").unwrap().faults, [before]);
    let error = engine.put_fault("none", fault(slow)).unwrap_err();
    assert!(matches!(&error, EngineError::NoRoute { .. }) && error.to_string().contains("`r`"), "{error}");
    assert!(engine.remove_fault("r", "none").unwrap_err().to_string().contains("`slow`"));
    let again = engine.add_route(route_spec("r", Protocol::Tcp, echo()));
    assert!(matches!(again.unwrap_err(), EngineError::NameTaken(_)));
}

#[test]
fn a_changed_fault_keeps_its_place_and_its_evidence() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    for id in ["a", "b", "c"] {
        rig.fault(&format!(r#"{{"id": "{id}", "fault": {{"latency": {{"delay": "1ms"}}}}}}"#));
    }
    round_trip(&mut connect(at));
    rig.fault(r#"{"id": "b", "fault": {"latency": {"delay": "2ms"}}}"#);
    let ids: Vec<_> = rig.view().faults.into_iter().map(|fault| fault.spec.id).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!(rig.evidence("b").matched, 1);
}

#[test]
fn faults_of_a_route_are_bounded() {
    let rig = Rig::with_options(&Options { faults_max: 64, ..Options::default() });
    rig.route("r", Protocol::Tcp, echo());
    let put = |n: usize| {
        rig.engine
            .put_fault("r", fault(&format!(r#"{{"id": "{n}", "fault": {{"reset": {{"after": "1h"}}}}}}"#)))
    };
    for n in 0..64 {
        put(n).unwrap();
    }
    assert!(put(64).unwrap_err().to_string().contains("64"));
    put(5).unwrap();
}

#[test]
fn stuck_dials_hold_up_neither_accepting_nor_other_routes() {
    let (_listener, nowhere, _fill) = stuck();
    let rig = Rig::new(1);
    let (dead, live) = (rig.route("r", Protocol::Tcp, nowhere), rig.route("live", Protocol::Tcp, echo()));
    let waiting: Vec<_> = (0..200).map(|_| connect(dead)).collect();
    eventually("all are accepted", || rig.view().traffic.connections == 200);
    assert!(round_trip(&mut connect(live)) < Duration::from_millis(200));
    let began = Instant::now();
    rig.fault(r#"{"id": "cut", "fault": {"reset": {}}}"#);
    eventually("a reset does not wait for a dial", || rig.view().traffic.connections_open == 0);
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(waiting);
}

#[test]
fn nothing_is_served_after_a_stop() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut stream = connect(at);
    round_trip(&mut stream);
    rig.engine.stop();
    let _ = stream.write_all(b"x");
    assert!(!matches!(stream.read(&mut [0; 1]), Ok(1)));
    assert!(matches!(rig.engine.add_route(route_spec("n", Protocol::Tcp, at)), Err(EngineError::Stopped)));
}
