//! What happens when there is no room for another connection.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use firedrill_proxy::control::wire::Protocol;
use firedrill_proxy::engine::Options;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::rig::{Rig, connect, echo, end_of_new, eventually, is_silent, round_trip};

#[test]
fn a_connection_above_the_limit_is_reset_and_counted() {
    let rig = Rig::with_options(&Options { connections_max: 2, ..Options::default() });
    let at = rig.route("r", Protocol::Tcp, echo());
    let (mut one, mut two) = (connect(at), connect(at));
    round_trip(&mut one);
    round_trip(&mut two);
    assert_eq!(end_of_new(at), Err(ErrorKind::ConnectionReset));
    let traffic = rig.view().traffic;
    assert_eq!((traffic.connections, traffic.connections_open, traffic.refused), (3, 2, 1));
    round_trip(&mut one);
    drop(two);
    eventually("there is room again", || rig.view().traffic.connections_open == 1);
    round_trip(&mut connect(at));
}

/// The limit is one of the whole process, so this one has a process of its own.
#[test]
fn connections_wait_while_there_are_no_descriptors() {
    const ALONE: &str = "FIREDRILL_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let mut alone = Command::new(std::env::current_exe().unwrap());
        alone.args(["--exact", "limits::connections_wait_while_there_are_no_descriptors"]);
        let output = alone.env(ALONE, "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let (rig, at) = Rig::with_route(Protocol::Tcp, echo());
    round_trip(&mut connect(at));
    eventually("closed", || rig.view().traffic.connections_open == 0);
    let mut served = connect(at);
    round_trip(&mut served);
    let before = rig.view().traffic.connections;
    // Every descriptor is in use but one, which the client takes.
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 128, hard).unwrap();
    let mut used = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        used.push(file);
    }
    used.pop();
    let mut waiting: TcpStream = connect(at);
    assert!(is_silent(&mut waiting, Duration::from_millis(120)));
    assert_eq!(rig.view().traffic.connections, before, "it waits to be accepted");
    round_trip(&mut served);
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "20ms"}}}"#);
    assert!(
        round_trip(&mut served) >= Duration::from_millis(20),
        "what is served goes on, and so does control"
    );
    rig.remove("slow");
    used.truncate(used.len() / 2);
    round_trip(&mut waiting);
}
