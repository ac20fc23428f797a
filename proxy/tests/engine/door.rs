//! What new connections find: refused, hanging, or waiting for their turn. Those that are open go on.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use firedrill_proxy::control::wire::Protocol;

use crate::rig::{Rig, connect, echo, end_of_new, eventually, is_silent, ms, read_to_end, round_trip};

/// How an attempt to connect ends that is given up soon.
fn attempt(at: SocketAddr) -> Result<TcpStream, ErrorKind> {
    TcpStream::connect_timeout(&at, ms(300)).map_err(|error| error.kind())
}

fn is_refused(at: SocketAddr) -> bool {
    attempt(at).is_err_and(|error| error == ErrorKind::ConnectionRefused)
}

#[test]
fn refuse_closes_the_port_and_nothing_else() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut live = connect(at);
    round_trip(&mut live);
    for turn in 1..=2 {
        rig.fault(r#"{"id": "no", "fault": {"refuse": {}}}"#);
        eventually("refused", || is_refused(at));
        round_trip(&mut live);
        assert!(TcpListener::bind(at).is_err(), "the port stays ours");
        eventually("its effect is measured", || {
            let evidence = rig.evidence("no");
            evidence.faulted > 0 && evidence.faulted == evidence.matched
        });
        rig.remove("no");
        eventually("it is back", || attempt(at).is_ok_and(|mut stream| round_trip(&mut stream) < ms(5_000)));
        round_trip(&mut live);
        assert_eq!(rig.view().bound.tcp(), Some(at), "in turn {turn}");
    }
}

#[test]
fn refuse_ends_with_its_route_and_the_address_is_free() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "no", "fault": {"refuse": {}}}"#);
    eventually("refused", || is_refused(at));
    rig.engine.remove_route("r").unwrap();
    let spec = firedrill_proxy::control::wire::RouteSpec::new(
        "s",
        at.to_string(),
        echo().to_string(),
        Protocol::Tcp,
    );
    rig.engine.add_route(spec).unwrap();
    round_trip(&mut connect(at));
}

#[test]
fn refuse_for_a_share_resets_those_it_hits_by_their_number() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "some", "seed": 4, "fault": {"refuse": {}}, "scope": {"percent": "50%"}}"#);
    let reset: Vec<bool> = (0..12)
        .map(|_| {
            let mut stream = connect(at);
            let _ = stream.write_all(b"ping");
            stream.read_exact(&mut [0; 4]).is_err()
        })
        .collect();
    let ledger = rig.engine.ledger("r", "some").unwrap();
    assert_eq!(ledger.iter().map(|entry| entry.hit).collect::<Vec<_>>(), reset);
    assert!(reset.contains(&true) && reset.contains(&false));
    rig.counted("some", 12, reset.iter().filter(|reset| **reset).count() as u64);
}

#[test]
fn accept_stall_lets_connecting_hang_and_what_hung_is_served_afterwards() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut live = connect(at);
    round_trip(&mut live);
    rig.fault(r#"{"id": "stuck", "fault": {"accept_stall": {}}}"#);
    eventually("it hangs", || attempt(at).is_err_and(|error| error == ErrorKind::TimedOut));
    round_trip(&mut live);
    eventually("its effect is measured", || rig.evidence("stuck").faulted > 0);
    let patient = std::thread::spawn(move || {
        let began = Instant::now();
        let mut stream = connect(at);
        (began.elapsed(), round_trip(&mut stream))
    });
    std::thread::sleep(ms(300));
    assert!(!patient.is_finished());
    rig.remove("stuck");
    let (took, _) = patient.join().unwrap();
    assert!(took >= ms(300), "{took:?}");
    let before = rig.view().traffic.connections;
    round_trip(&mut connect(at));
    assert_eq!(rig.view().traffic.connections, before + 1, "our own connection has no number");
}

#[test]
fn a_connection_beyond_the_limit_waits_for_its_turn() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "two", "fault": {"connection_limit": {"max": 2}}}"#);
    let (mut one, mut two, mut three, mut four) = (connect(at), connect(at), connect(at), connect(at));
    round_trip(&mut one);
    round_trip(&mut two);
    three.write_all(b"ping").unwrap();
    four.write_all(b"ping").unwrap();
    assert!(is_silent(&mut three, ms(100)) && is_silent(&mut four, ms(20)));
    rig.counted("two", 4, 2);
    drop(one);
    three.read_exact(&mut [0; 4]).unwrap();
    assert!(is_silent(&mut four, ms(100)), "one place, one turn");
    rig.fault(r#"{"id": "two", "fault": {"connection_limit": {"max": 3}}}"#);
    four.read_exact(&mut [0; 4]).unwrap();
    for stream in [&mut two, &mut three, &mut four] {
        round_trip(stream);
    }
}

#[test]
fn those_that_wait_are_served_or_reset_when_the_limit_goes_as_its_removal_says() {
    for (on_remove, served) in [("release", true), ("reset", false)] {
        let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
        let mut live = connect(at);
        round_trip(&mut live);
        rig.fault(&format!(
            r#"{{"id": "one", "fault": {{"connection_limit": {{"max": 1}}}}, "on_remove": "{on_remove}"}}"#
        ));
        let mut waits = connect(at);
        assert!(is_silent(&mut waits, ms(80)));
        rig.counted("one", 1, 1);
        rig.remove("one");
        if served {
            round_trip(&mut waits);
        } else {
            assert_eq!(read_to_end(&mut waits).1, Err(ErrorKind::ConnectionReset));
        }
        round_trip(&mut live);
    }
}

#[test]
fn a_connection_beyond_the_limit_can_be_reset_at_once() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "one", "fault": {"connection_limit": {"max": 1, "excess": "refuse"}}}"#);
    let mut one = connect(at);
    round_trip(&mut one);
    assert_eq!(end_of_new(at), Err(ErrorKind::ConnectionReset));
    rig.counted("one", 2, 1);
    drop(one);
    eventually("there is a place again", || {
        let mut next = connect(at);
        next.write_all(b"ping").is_ok() && next.read_exact(&mut [0; 4]).is_ok()
    });
}

#[test]
fn what_acts_on_new_connections_cannot_be_asked_of_requests() {
    let (rig, _) = Rig::with_route(Protocol::Http, echo());
    for (json, says) in [
        (r#"{"id": "f", "fault": {"refuse": {}}, "match": {"path": "/v1/*"}}"#, "whole connections"),
        (r#"{"id": "f", "fault": {"accept_stall": {}}, "scope": {"percent": "5%"}}"#, "the whole route"),
        (r#"{"id": "f", "fault": {"connection_limit": {"max": 0}}}"#, "nobody would be served"),
    ] {
        let error = rig.engine.put_fault("r", crate::rig::fault(json)).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
