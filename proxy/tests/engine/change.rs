//! Routes changed in place: what ends, what stays, and what a refused change leaves alone.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use firedrill_proxy::control::wire::{Protocol, RouteChange, RouteView};
use firedrill_proxy::engine::EngineError;

use crate::rig::{Rig, connect, echo, eventually, read_to_end, round_trip, route_spec, upstream};

fn change(rig: &Rig, json: &str) -> Result<RouteView, EngineError> {
    let change: RouteChange = serde_json::from_str(json).unwrap();
    rig.engine.change_route("r", &change)
}

/// An upstream that greets with a word.
fn greets(word: &'static [u8]) -> SocketAddr {
    upstream(move |mut stream| drop(std::io::Write::write_all(&mut stream, word)))
}

#[test]
fn a_route_switched_off_refuses_and_comes_back_on_its_port_with_its_faults_and_counts() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "30ms"}}}"#);
    let mut live = connect(at);
    round_trip(&mut live);
    let off = change(&rig, r#"{"enabled": false}"#).unwrap();
    assert!(!off.spec.enabled && off.spec.listen == at.to_string(), "{off:?}");
    assert_eq!(read_to_end(&mut live), (Vec::new(), Ok(())), "its connections end");
    assert_eq!(TcpStream::connect(at).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    eventually("all connections ended", || rig.view().traffic.connections_open == 0);

    let on = change(&rig, r#"{"enabled": true}"#).unwrap();
    assert_eq!((on.bound.tcp().unwrap(), on.traffic.connections, on.faults.len()), (at, 1, 1));
    assert!(round_trip(&mut connect(at)) >= Duration::from_millis(30), "the fault goes on");
    assert_eq!(rig.counted("slow", 2, 2).ledger_dropped, 0);
    let ordinals: Vec<u64> = rig.engine.ledger("r", "slow").unwrap().iter().map(|e| e.ordinal).collect();
    assert_eq!(ordinals, [0, 1], "no ordinal comes twice");
}

#[test]
fn a_route_can_lead_elsewhere_without_a_moment_of_refusal() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, greets(b"one"));
    let mut before = connect(at);
    let other = greets(b"two");
    let changed = change(&rig, &format!(r#"{{"upstream": "{other}"}}"#)).unwrap();
    assert_eq!((changed.bound.tcp().unwrap(), changed.spec.upstream), (at, other.to_string()));
    // Accepted before the change, it still ends; by then it may have had its greeting.
    read_to_end(&mut before).1.unwrap();
    for _ in 0..20 {
        assert_eq!(read_to_end(&mut connect(at)).0, b"two");
    }
}

#[test]
fn a_route_moves_and_its_old_port_is_free_at_once() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let moved = change(&rig, r#"{"listen": "127.0.0.1:0"}"#).unwrap();
    assert_ne!(moved.bound.tcp().unwrap(), at);
    round_trip(&mut connect(moved.bound.tcp().unwrap()));
    TcpListener::bind(at).expect("the old port is free");
    // Its own listener is in the way of the wider address, and makes room.
    let wide =
        change(&rig, &format!(r#"{{"listen": "0.0.0.0:{}"}}"#, moved.bound.tcp().unwrap().port())).unwrap();
    assert!(wide.bound.tcp().unwrap().ip().is_unspecified());
    round_trip(&mut connect(moved.bound.tcp().unwrap()));
}

#[test]
fn a_refused_change_leaves_everything_as_it_was() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut live = connect(at);
    round_trip(&mut live);
    let before = rig.view();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    for (json, says) in [
        (format!(r#"{{"listen": "{taken}", "upstream": "127.0.0.1:1"}}"#), "in use"),
        (format!(r#"{{"listen": "{taken}", "enabled": true}}"#), "in use"),
        (r#"{"listen": "nowhere", "enabled": false}"#.into(), "no listen address"),
        (r#"{"upstream": "", "enabled": false}"#.into(), "upstream"),
    ] {
        let error = change(&rig, &json).unwrap_err().to_string();
        assert!(error.contains(says), "{json}: {error}");
        let after = rig.view();
        assert_eq!(
            (&after.spec, after.bound.tcp().unwrap()),
            (&before.spec, before.bound.tcp().unwrap()),
            "{json}"
        );
        round_trip(&mut live);
    }
    round_trip(&mut connect(at));
}

#[test]
fn when_the_wider_address_is_taken_elsewhere_the_route_goes_on_listening() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let _neighbour = TcpListener::bind(("127.0.0.2", at.port())).unwrap();
    let error = change(&rig, &format!(r#"{{"listen": "0.0.0.0:{}"}}"#, at.port())).unwrap_err();
    assert!(error.to_string().contains("in use"), "{error}");
    assert_eq!(rig.view().bound.tcp().unwrap(), at);
    round_trip(&mut connect(at));
}

#[test]
fn a_change_that_changes_nothing_ends_no_connection() {
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    let mut live = connect(at);
    round_trip(&mut live);
    let same = format!(r#"{{"listen": "localhost:{}", "enabled": true}}"#, at.port());
    for json in ["{}", &same] {
        assert_eq!(change(&rig, json).unwrap().bound.tcp().unwrap(), at);
        round_trip(&mut live);
    }
}

#[test]
fn a_route_made_switched_off_holds_no_port_until_it_is_switched_on() {
    let rig = Rig::new(1);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut spec = route_spec("r", Protocol::Tcp, echo());
    (spec.listen, spec.enabled) = (free.to_string(), false);
    assert_eq!(rig.engine.add_route(spec).unwrap().bound.tcp().unwrap(), free);
    assert_eq!(TcpStream::connect(free).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(change(&rig, r#"{"enabled": true}"#).unwrap().bound.tcp().unwrap(), free);
    round_trip(&mut connect(free));
}
