//! `firedrill proxy`: one route by hand, and what it refuses before it starts anything.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::{Child, Ended, firedrill, get, put, wait_until};

const SOON: Duration = Duration::from_secs(10);

/// A proxy, where its route listens, and where its control API does.
fn proxy(upstream: SocketAddr, more: &[&str]) -> (Child, SocketAddr, SocketAddr) {
    let upstream = upstream.to_string();
    let listen = ["proxy", "--listen", "127.0.0.1:0", "--upstream", &upstream, "--control", "127.0.0.1:0"];
    let child = Child::spawn(firedrill().args(listen).args(more));
    let bound = child.wait_for_line("route main: ", SOON).split(' ').nth(2).unwrap().parse().unwrap();
    let line = child.wait_for_line("control: http://", SOON);
    let control = line.split('/').nth(2).unwrap().parse().unwrap();
    (child, bound, control)
}

/// Waits until a fault is known to have hit once: it is counted just after the bytes have left.
fn wait_for_the_hit(control: SocketAddr, fault: &str) {
    wait_until("the hit", SOON, || {
        let answer = get(control, &format!("/v1/routes/main/faults/{fault}")).unwrap();
        answer.body.contains("\"faulted\":1,")
    });
}

fn refused(arguments: &[&str]) -> Ended {
    let ended = Child::spawn(firedrill().arg("proxy").args(arguments)).wait(SOON);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    ended
}

/// An address that sends back what it gets.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let (mut from, mut to) = (stream.try_clone().unwrap(), stream);
                let _ = std::io::copy(&mut from, &mut to);
            });
        }
    });
    address
}

/// Sends a word and says how long it took to come back.
fn exchange(address: SocketAddr) -> std::io::Result<Duration> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SOON))?;
    let start = crate::stage::now();
    stream.write_all(b"hello")?;
    let mut back = [0; 5];
    stream.read_exact(&mut back)?;
    Ok(start.elapsed())
}

#[test]
fn one_route_delays_and_says_at_the_end_what_it_did() {
    let (child, bound, control) = proxy(echo(), &["--latency", "80ms", "--seed", "7"]);
    let line = child.wait_for_line("fault latency on main: ", SOON);
    assert!(line.contains("delay 80ms") && line.contains("for 100%") && line.ends_with("seed 7"), "{line}");
    let took = exchange(bound).unwrap();
    assert!(took >= Duration::from_millis(80), "never early: {took:?}");
    wait_for_the_hit(control, "latency");
    child.signal(Signal::SIGTERM);
    let ended = child.wait(SOON);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let last: Vec<&str> = ended.stdout.lines().rev().take(2).collect();
    assert!(last[1].starts_with("connections 1, "), "{ended:?}");
    assert_eq!(last[0], "faulted 1: latency 1 of 1", "{ended:?}");
}

#[test]
fn requests_are_answered_with_an_error_in_place_of_the_upstream() {
    let (child, bound, control) = proxy(echo(), &["--http-error", "503", "--protocol", "http"]);
    assert_eq!(get(bound, "/checkout").unwrap().status, 503);
    wait_for_the_hit(control, "http-error");
    child.signal(Signal::SIGINT);
    let ended = child.wait(SOON);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.ends_with("faulted 1: http-error 1 of 1\n"), "{ended:?}");
}

#[test]
fn connections_are_reset() {
    let (_child, bound, _) = proxy(echo(), &["--reset", "--protocol", "tcp"]);
    let error = exchange(bound).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
}

#[test]
fn several_routes_are_changed_through_the_control_api() {
    let route = |name: &str| format!("{name}=127.0.0.1:0,{}", echo());
    let arguments = ["proxy", "--json", "--control", "127.0.0.1:0", "--protocol", "tcp", "--route"];
    let child = Child::spawn(firedrill().args(arguments).arg(route("a")).arg("--route").arg(route("b")));
    let json = |text: &str| -> serde_json::Value {
        serde_json::from_str(&child.wait_for_line(text, SOON)).expect("a JSON line")
    };
    let control: SocketAddr = json("control.listening")["address"].as_str().unwrap().parse().unwrap();
    let bound: SocketAddr = json("\"route\":\"b\"")["listen"].as_str().unwrap().parse().unwrap();
    let answer = put(control, "/v1/routes/b/faults/cut", r#"{"fault": {"reset": {}}}"#).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(exchange(bound).is_err(), "it is reset");
    wait_until("the hit", SOON, || {
        get(control, "/v1/routes/b/faults/cut").unwrap().body.contains("\"faulted\":1,")
    });
    child.signal(Signal::SIGTERM);
    let ended = child.wait(SOON);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let last: serde_json::Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["kind"], &last["faulted"]), (&"proxy.faulted".into(), &1.into()), "{ended:?}");
}

#[test]
fn a_port_in_use_is_named_before_anything_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let other = "other=127.0.0.1:0,127.0.0.1:1";
    let route = format!("taken={address},127.0.0.1:1");
    for arguments in [
        vec!["--listen", &address, "--upstream", "127.0.0.1:1", "--control", "none"],
        vec!["--route", other, "--route", &route, "--control", "none"],
        vec!["--route", other, "--control", &address],
    ] {
        let ended = refused(&arguments);
        assert!(ended.stderr.contains(&address) && ended.stderr.contains("in use"), "{ended:?}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_the_way_out() {
    let route = ["--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:1", "--control", "none"];
    for (more, says) in [
        (&["--latency", "10ms", "--jitter", "20ms"][..], "larger than `delay`"),
        (&["--http-error", "99"], "200 to 599"),
        (&["--http-error", "503", "--protocol", "tcp"], "--protocol http"),
        (&["--latency", "10"], "has no unit"),
        (&["--protocol", "udp"], "use `tcp`, `http` or `auto`"),
        (&["--route", "main=127.0.0.1:0,127.0.0.1:1"], "two routes"),
        (&["--route", "a=127.0.0.1:0"], "NAME=LISTEN,UPSTREAM"),
        (&["--percent", "101%", "--reset"], "more than 100%"),
    ] {
        let ended = refused(&[&route, more].concat());
        assert!(ended.stderr.contains(says), "{more:?}: {ended:?}");
    }
    for (arguments, says) in [
        (&["--control", "none"][..], "nothing to do"),
        (&["--latency", "10ms"], "--listen"),
        (&["--control", "0.0.0.0:0"], "--insecure-plain-http"),
        (
            &["--listen", "9001", "--upstream", "127.0.0.1:1", "--control", "none"],
            "`9001` is no listen address",
        ),
    ] {
        let ended = refused(arguments);
        assert!(ended.stderr.contains(says), "{arguments:?}: {ended:?}");
    }
}
