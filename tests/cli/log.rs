//! What long-lived processes log, and that one can say how much.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::{Child, Ended, firedrill, get, put, temp_dir, wait_until};

const SOON: Duration = Duration::from_secs(20);

/// A proxy on which the lease of a fault ends without a renewal: worth a warning.
fn proxy_whose_fault_is_forsaken(arguments: &[&str], filter: Option<&str>) -> Ended {
    let mut command = firedrill();
    let route = ["--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:1", "--control", "127.0.0.1:0"];
    command.arg("proxy").args(route).args(arguments);
    match filter {
        Some(filter) => command.env("FIREDRILL_LOG", filter),
        None => command.env_remove("FIREDRILL_LOG"),
    };
    let child = Child::spawn(&mut command);
    let line = child.wait_for_line("control: http://", SOON);
    let control: SocketAddr = line.split('/').nth(2).unwrap().parse().unwrap();
    let fault = "/v1/routes/main/faults/forsaken";
    let body = r#"{"fault": {"reset": {}}, "owner": "somebody", "lease": "1s", "max": "1m"}"#;
    let put = put(control, fault, body).unwrap();
    assert_eq!(put.status, 200, "{put:?}");
    wait_until("the end of the lease", SOON, || get(control, fault).is_ok_and(|answer| answer.status == 410));
    child.signal(Signal::SIGTERM);
    let ended = child.wait(SOON);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

#[test]
fn a_proxy_warns_on_standard_error_unless_told_otherwise() {
    let told = proxy_whose_fault_is_forsaken(&[], None);
    let warned = |ended: &Ended| {
        let line = ended.stderr.lines().find(|line| line.contains("fault ended"));
        line.is_some_and(|line| line.contains("WARN") && line.contains("owner=somebody"))
    };
    assert!(warned(&told), "{told:?}");
    let silent = proxy_whose_fault_is_forsaken(&["--log", "error"], Some("debug"));
    assert_eq!(silent.stderr, "", "the option counts before the variable");
    let narrow = proxy_whose_fault_is_forsaken(&[], Some("error,firedrill_proxy::control=warn"));
    assert!(warned(&narrow), "{narrow:?}");
}

#[test]
fn a_filter_that_says_nothing_is_refused() {
    let ended = Child::spawn(firedrill().args(["proxy", "--log", "wran"])).wait(SOON);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.stderr.contains("`wran` is no level; write a level"), "{ended:?}");
}

#[test]
fn a_server_tells_of_a_connection_that_broke_when_it_is_asked_to() {
    let dir = temp_dir();
    let mut command = firedrill();
    command.args(["serve", "--data", "data", "--listen", "127.0.0.1:0"]);
    command.args(["--log", "warn,firedrill::coordinator=debug"]);
    command.current_dir(dir.path()).env("FIREDRILL_DIR", dir.path().join("own"));
    let child = Child::spawn(&mut command);
    let line = child.wait_for_line("game days at http://", SOON);
    let server: SocketAddr = line.split('/').nth(2).unwrap().parse().unwrap();
    wait_until("the log", SOON, || {
        let mut stream = TcpStream::connect(server).unwrap();
        stream.write_all(b"this is no HTTP\r\n\r\n").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
        child.stderr().contains("DEBUG") && child.stderr().contains("broke")
    });
    child.signal(Signal::SIGTERM);
    assert_eq!(child.wait(SOON).code, Some(0));
}
