//! Faults for those who ask for them by a signed header: by hand, in a drill, and nobody else.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Child, Ended, Upstream, firedrill, free_port, get, temp_dir};

const PATIENCE: Duration = Duration::from_secs(40);
const SECRET: &str = "not-to-be-seen-0123456789";

/// What `firedrill opt-in` says.
fn opt_in(secret: &str, args: &[&str]) -> Ended {
    let mut command = firedrill();
    Child::spawn(command.arg("opt-in").args(args).env("FIREDRILL_OPT_IN_SECRET", secret)).wait(PATIENCE)
}

/// The value of the header for a fault on a route.
fn signed(secret: &str, route: &str, fault: &str) -> String {
    let ended = opt_in(secret, &["--route", route, "--fault", fault, "--for", "5m", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(said["header"], "x-firedrill-opt-in");
    said["value"].as_str().unwrap().to_owned()
}

/// The status of a request with these head lines.
fn status(address: SocketAddr, head: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn by_hand_only_requests_with_the_signed_header_are_hit() {
    let (dir, upstream) = (temp_dir(), Upstream::start());
    let file = dir.path().join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let to = upstream.address.to_string();
    let mut command = firedrill();
    command.args(["proxy", "--listen", "127.0.0.1:0", "--upstream", &to, "--control", "127.0.0.1:0"]);
    command.args(["--protocol", "http", "--http-error", "503", "--opt-in-secret-file"]).arg(&file);
    let proxy = Child::spawn(&mut command);
    let line = proxy.wait_for_line("route main: ", PATIENCE);
    let route: SocketAddr = line.split(' ').nth(2).unwrap().parse().unwrap();
    let line = proxy.wait_for_line("control: http://", PATIENCE);
    let control: SocketAddr = line.split('/').nth(2).unwrap().parse().unwrap();

    let asks = |value: &str| status(route, &format!("x-firedrill-opt-in: {value}\r\n"));
    assert_eq!(status(route, ""), 200, "nobody asked");
    assert_eq!(asks(&signed(SECRET, "main", "http-error")), 503);
    assert_eq!(asks(&signed(SECRET, "main", "other")), 200, "signed for another fault");
    assert_eq!(asks(&signed("another-secret-0123456789", "main", "http-error")), 200, "by somebody else");
    let shown = get(control, "/v1/routes/main").unwrap().body;
    assert!(shown.contains("opt_in") && !shown.contains(SECRET), "{shown}");
    assert!(!proxy.stdout().contains(SECRET), "{}", proxy.stdout());
}

/// Runs a drill whose load carries this header.
fn drill(dir: &Path, upstream: SocketAddr, value: &str) -> Ended {
    let listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let file = dir.join("asked.yaml");
    let text = format!(
        "firedrill: v1\nkind: Scenario\nname: asked\nsecrets: {{OPT_IN: {{env: FIREDRILL_OPT_IN_SECRET}}}}\n\
         routes:\n  svc: {{listen: \"{listen}\", upstream: \"{upstream}\", protocol: http}}\n\
         load:\n  http: {{url: \"http://{listen}/\", headers: {{x-firedrill-opt-in: \"${{VALUE}}\"}}}}\n  rate: 20/s\n\
         steady_state:\n  every: 200ms\n  stable_for: 600ms\n  probes: [{{tcp: \"{listen}\"}}]\n\
         faults:\n  - id: slow\n    target: route/svc\n    latency: 50ms\n\
         \x20   match: {{opt_in: {{secret: \"${{secrets.OPT_IN}}\"}}}}\n    until: 1s\n    max: 10s\n"
    );
    std::fs::write(&file, text).unwrap();
    let mut command = firedrill();
    command.current_dir(dir).env("FIREDRILL_DIR", dir.join("own")).env("FIREDRILL_OPT_IN_SECRET", SECRET);
    command.args(["run", "asked.yaml", "--out", "out", "--set"]).arg(format!("VALUE={value}"));
    Child::spawn(&mut command).wait(PATIENCE)
}

#[test]
fn a_drill_hits_those_who_ask_and_writes_the_secret_nowhere() {
    let (dir, upstream) = (temp_dir(), Upstream::start());
    let ended = drill(dir.path(), upstream.address, &signed(SECRET, "svc", "slow"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stdout.contains(SECRET) && !ended.stderr.contains(SECRET), "{ended:?}");
    let mut files = 0;
    for entry in std::fs::read_dir(dir.path().join("out")).unwrap().flatten() {
        let text = std::fs::read(entry.path()).unwrap();
        assert!(!String::from_utf8_lossy(&text).contains(SECRET), "{}", entry.path().display());
        files += 1;
    }
    assert!(files >= 4, "{files} files");
    let journal = std::fs::read_to_string(dir.path().join("out/journal.jsonl")).unwrap();
    assert!(journal.contains("${secrets.OPT_IN}"), "the secret stands there by name");
}

#[test]
fn a_drill_that_nobody_asks_for_proves_nothing() {
    let (dir, upstream) = (temp_dir(), Upstream::start());
    let ended = drill(dir.path(), upstream.address, &signed(SECRET, "svc", "another-fault"));
    assert_eq!(ended.code, Some(6), "{ended:?}");
}

#[test]
fn a_drill_with_a_secret_that_signs_nothing_is_refused_before_it_begins() {
    let (dir, upstream) = (temp_dir(), Upstream::start());
    let ended = drill(dir.path(), upstream.address, "x");
    assert_eq!(ended.code, Some(6), "the secret is good, the header is not: {ended:?}");
    let mut again = firedrill();
    again.current_dir(dir.path()).env("FIREDRILL_DIR", dir.path().join("own"));
    again.args(["run", "asked.yaml", "--set", "VALUE=x"]).env("FIREDRILL_OPT_IN_SECRET", "short");
    let ended = Child::spawn(&mut again).wait(PATIENCE);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let says = "refused: fault `slow`: `match.opt_in.secret` has 5 bytes; use 16 to 256";
    assert!(ended.stdout.contains(says), "{ended:?}");
}

#[test]
fn what_cannot_be_signed_is_refused() {
    for (secret, args, says) in [
        ("short", &["--route", "r", "--fault", "f"][..], "has 5 bytes; use 16 to 256"),
        (SECRET, &["--route", "r", "--fault", "f", "--for", "0s"], "no time at all"),
        (SECRET, &["--route", "r", "--fault", "f", "--for", "25h"], "more than 24h"),
        (SECRET, &["--route", "r", "--fault", "f", "--header", "a b"], "no name of an HTTP header"),
        (SECRET, &["--route", "r"], "--fault"),
    ] {
        let ended = opt_in(secret, args);
        assert!(ended.code == Some(1) && ended.stderr.contains(says), "{args:?}: {ended:?}");
        assert!(!ended.stderr.contains(SECRET), "{ended:?}");
    }
}
