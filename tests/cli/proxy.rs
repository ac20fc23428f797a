//! `firedrill proxy`: one route by hand, and what it refuses before it starts anything.

use std::net::TcpListener;
use std::time::Duration;

use crate::support::{Child, Ended, firedrill};

const SOON: Duration = Duration::from_secs(10);

fn refused(arguments: &[&str]) -> Ended {
    let ended = Child::spawn(firedrill().arg("proxy").args(arguments)).wait(SOON);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    ended
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
        (&["--listen", "9001", "--upstream", "127.0.0.1:1", "--control", "none"], "`9001` is no address"),
    ] {
        let ended = refused(arguments);
        assert!(ended.stderr.contains(says), "{arguments:?}: {ended:?}");
    }
}
