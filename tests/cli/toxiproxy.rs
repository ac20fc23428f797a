//! `firedrill toxiproxy-server`: the flags, the name, and the API behind them.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::{Child, firedrill, get, request, temp_dir};

const SOON: Duration = Duration::from_secs(10);

/// A server, and where its API is.
fn server(command: &mut Command) -> (Child, SocketAddr) {
    let child = Child::spawn(command);
    let line = child.wait_for_line("toxiproxy-server 2.12.0 (firedrill): http://", SOON);
    let address = line.split("http://").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    (child, address)
}

#[test]
fn the_flags_of_the_server_work_with_one_dash() {
    let mut command = firedrill();
    let (child, api) = server(command.args([
        "toxiproxy-server",
        "-host",
        "localhost",
        "-port=0",
        "-seed",
        "-7",
        "-proxy-metrics",
    ]));
    let made = request(
        api,
        "POST",
        "/proxies",
        r#"{"name": "p", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}"#,
    );
    assert_eq!(made.unwrap().status, 201);
    let metrics = get(api, "/metrics").unwrap();
    assert!(metrics.body.contains("# TYPE toxiproxy_proxy_received_bytes_total counter\n"), "{metrics:?}");
    assert!(
        metrics
            .body
            .contains("toxiproxy_proxy_sent_bytes_total{direction=\"upstream\",listener=\"127.0.0.1:")
    );
    assert!(!metrics.body.contains("process_cpu_seconds_total"), "{metrics:?}");
    assert_eq!(get(api, "/v1/routes/p").unwrap().status, 200, "the native API is beside it");
    assert_eq!(get(api, "/nowhere").unwrap().body, "404 page not found\n");
    child.signal(Signal::SIGTERM);
    let ended = child.wait(SOON);
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
}

#[test]
fn a_link_of_that_name_is_such_a_server() {
    let dir = temp_dir();
    let link = dir.path().join("toxiproxy-server");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_firedrill"), &link).unwrap();
    let version = Child::spawn(Command::new(&link).arg("-version")).wait(SOON);
    assert!(version.stdout.starts_with("toxiproxy-server version 2.12.0 "), "{version:?}");
    let (_child, api) = server(Command::new(&link).args(["-port", "0"]));
    assert_eq!(get(api, "/version").unwrap().body, "{\"version\": \"2.12.0\"}\n");
    assert_eq!(get(api, "/metrics").unwrap().status, 404, "nobody asked for numbers");
}

#[test]
fn a_file_of_proxies_is_made_with_its_toxics_and_a_bad_one_is_only_warned_of() {
    let dir = temp_dir();
    let file = dir.path().join("proxies.json");
    let toxic = r#"{"type": "latency", "attributes": {"latency": 5}}"#;
    let proxies = format!(
        r#"[{{"name": "redis", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1", "toxics": [{toxic}]}}]"#
    );
    std::fs::write(&file, proxies).unwrap();
    let (child, api) = server(
        firedrill().args(["toxiproxy-server", "-port", "0", "-runtime-metrics=true", "-config"]).arg(&file),
    );
    child.wait_for_line("proxy redis: 127.0.0.1:", SOON);
    assert!(get(api, "/proxies/redis").unwrap().body.contains("\"latency_downstream\""));
    assert!(get(api, "/metrics").unwrap().body.contains("process_cpu_seconds_total"));

    std::fs::write(&file, r#"[{"name": "redis"}]"#).unwrap();
    for (file, says) in
        [(&file, "missing required field: upstream at proxy 1"), (&dir.path().join("none"), "No such file")]
    {
        let (child, api) = server(firedrill().args(["toxiproxy-server", "-port", "0", "-config"]).arg(file));
        assert_eq!(get(api, "/proxies").unwrap().body, "{}");
        child.signal(Signal::SIGTERM);
        let ended = child.wait(SOON);
        assert!(ended.code == Some(0) && ended.stderr.contains(says), "{ended:?}");
    }
}

#[test]
fn off_loopback_it_is_as_open_as_ever_and_says_so_once() {
    let (child, api) = server(firedrill().args(["toxiproxy-server", "-host", "0.0.0.0", "-port", "0"]));
    let local = SocketAddr::from(([127, 0, 0, 1], api.port()));
    assert_eq!(get(local, "/proxies").unwrap().body, "{}");
    child.signal(Signal::SIGTERM);
    let ended = child.wait(SOON);
    assert_eq!(ended.stderr.matches("warning").count(), 1, "{ended:?}");
    assert!(ended.stderr.contains("neither TLS nor a token"), "{ended:?}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = Child::spawn(firedrill().args(["toxiproxy-server", "-port", &port])).wait(SOON);
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""), "{ended:?}");
    assert!(
        ended.stderr.contains(&format!("localhost:{port}")) && ended.stderr.contains("-port"),
        "{ended:?}"
    );
}
