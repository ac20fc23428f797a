//! Clients and upstreams that misbehave: the process lives, and other routes do not notice.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use firedrill_proxy::control::wire::Protocol;
use firedrill_proxy::engine::Options;

use crate::rig::{
    Rig, connect, echo, end_of_new, eventually, read_to_end, reset_now, round_trip, route_spec, stuck,
    upstream,
};

/// Five times what anything here needs on a busy machine.
const SOON: Duration = Duration::from_secs(1);

fn http() -> SocketAddr {
    upstream(|mut stream| {
        while matches!(stream.read(&mut [0; 4096]), Ok(n) if n > 0) {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    })
}

fn get(at: SocketAddr) -> Vec<u8> {
    let mut stream = connect(at);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    read_to_end(&mut stream).0
}

#[test]
fn clients_that_vanish_leave_nothing_behind() {
    let (_listener, nowhere, _fill) = stuck();
    let rig = Rig::new(2);
    let routes = [
        rig.route("r", Protocol::Tcp, echo()),
        rig.route("http", Protocol::Http, http()),
        rig.route("auto", Protocol::Auto, echo()),
        rig.route("dead", Protocol::Tcp, nowhere),
    ];
    let other = rig.route("other", Protocol::Tcp, echo());
    let mut steady = connect(other);
    for round in 0..50 {
        for at in routes {
            let mut stream = connect(at);
            match round % 4 {
                0 => drop(stream),
                1 => reset_now(stream),
                2 => {
                    let _ = stream.write_all(b"GET / HT");
                    reset_now(stream);
                }
                _ => {
                    let _ = stream.write_all(&[7; 10_000]);
                    let _ = stream.shutdown(Shutdown::Write);
                }
            }
        }
        assert!(round_trip(&mut steady) < SOON);
    }
    // A client that has closed before its upstream was reached is found out when the dial is reset or ends.
    rig.engine.put_fault("dead", crate::rig::fault(r#"{"id": "cut", "fault": {"reset": {}}}"#)).unwrap();
    for name in ["r", "http", "auto", "dead"] {
        eventually(name, || rig.engine.route(name).unwrap().traffic.connections_open == 0);
    }
    round_trip(&mut connect(routes[0]));
    assert!(get(routes[1]).ends_with(b"ok"));
}

#[test]
fn clients_that_dribble_hold_nobody_else_up() {
    let rig = Rig::new(1);
    let mut spec = route_spec("r", Protocol::Http, http());
    spec.connections_max = Some(300);
    let slow = rig.engine.add_route(spec).unwrap().bound.tcp().unwrap();
    let (other, plain) =
        (rig.route("other", Protocol::Http, http()), rig.route("tcp", Protocol::Tcp, echo()));
    let mut dribbling: Vec<TcpStream> = (0..300).map(|_| connect(slow)).collect();
    for byte in b"GET / HTTP/1.1\r\nHo" {
        for stream in &mut dribbling {
            stream.write_all(&[*byte]).unwrap();
        }
        let began = Instant::now();
        assert!(get(other).ends_with(b"ok"));
        round_trip(&mut connect(plain));
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    }
    // They can take up their own route, and no more than that.
    eventually("all are accepted", || rig.view().traffic.connections_open == 300);
    assert!(end_of_new(slow).is_err());
    assert_eq!(rig.view().traffic.refused, 1);
    for stream in &mut dribbling {
        stream.write_all(b"st: a\r\nConnection: close\r\n\r\n").unwrap();
    }
    for stream in &mut dribbling {
        assert!(read_to_end(stream).0.ends_with(b"ok"), "who finishes in the end is answered");
    }
    eventually("gone", || rig.view().traffic.connections_open == 0);
}

#[test]
fn a_route_whose_dials_all_hang_leaves_others_their_room() {
    let (_listener, nowhere, _fill) = stuck();
    let rig = Rig::new(1);
    let mut spec = route_spec("r", Protocol::Tcp, nowhere);
    spec.dial_timeout = Some(firedrill_proxy::quantity::Period::from_millis(500));
    let dead = rig.engine.add_route(spec).unwrap().bound.tcp().unwrap();
    let live = rig.route("live", Protocol::Tcp, echo());
    let mut waiting: Vec<TcpStream> = (0..500).map(|_| connect(dead)).collect();
    for _ in 0..20 {
        assert!(round_trip(&mut connect(live)) < SOON);
    }
    for stream in &mut waiting {
        assert!(read_to_end(stream).1.is_err(), "given up after its dial timeout");
    }
    eventually("counted", || rig.view().traffic.upstream_failures == 500);
    eventually("gone", || rig.view().traffic.connections_open == 0);
}

#[test]
fn all_routes_together_have_a_limit_too() {
    let rig = Rig::with_options(&Options { connections_total_max: 2, ..Options::default() });
    let (one, two) = (rig.route("r", Protocol::Tcp, echo()), rig.route("two", Protocol::Tcp, echo()));
    let (mut first, mut second) = (connect(one), connect(two));
    round_trip(&mut first);
    round_trip(&mut second);
    assert!(end_of_new(one).is_err() && end_of_new(two).is_err());
    assert_eq!((rig.view().traffic.refused, rig.view().traffic.connections_open), (1, 1));
    drop(second);
    eventually("there is room again", || rig.engine.route("two").unwrap().traffic.connections_open == 0);
    round_trip(&mut connect(one));
}

#[test]
fn a_route_has_its_own_limit_in_place_of_the_proxys() {
    let rig = Rig::with_options(&Options { connections_max: 1, ..Options::default() });
    let mut spec = route_spec("r", Protocol::Tcp, echo());
    spec.connections_max = Some(2);
    let at = rig.engine.add_route(spec).unwrap().bound.tcp().unwrap();
    let (mut one, mut two) = (connect(at), connect(at));
    round_trip(&mut one);
    round_trip(&mut two);
    assert!(end_of_new(at).is_err());
}
