//! A build whose faults do nothing: every drill with it must end as one that proves nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Child, Upstream, free_port, requires_that, temp_dir};

/// `cargo build --features inert-faults`, kept under this name beside the normal build.
fn inert_program() -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_BIN_EXE_firedrill"));
    let program = built.ancestors().nth(2)?.join("inert-faults/firedrill");
    requires_that(program.is_file(), "needs a build with `--features inert-faults` in target/inert-faults")
        .then_some(program)
}

fn run(program: &Path, scenario: &str) -> (Option<i32>, serde_json::Value) {
    let dir = temp_dir();
    let (file, out) = (dir.path().join("inert.yaml"), dir.path().join("out"));
    std::fs::write(&file, scenario).unwrap();
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).env("FIREDRILL_DIR", dir.path().join("own"));
    command.arg("run").arg(file).args(["--allow-irreversible", "--out"]).arg(&out);
    let ended = Child::spawn(&mut command).wait(Duration::from_secs(60));
    let summary = std::fs::read(out.join("summary.json")).unwrap_or_else(|_| panic!("{}", ended.stderr));
    (ended.code, serde_json::from_slice::<serde_json::Value>(&summary).unwrap()["summary"].take())
}

#[test]
fn a_fault_that_does_nothing_is_found_out() {
    let Some(program) = inert_program() else { return };
    let upstream = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (listen, upstream_port) = (free_port(), upstream.local_addr().unwrap().port());
    // Accepts and answers nothing: a probe that only connects is content with it.
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in upstream.incoming().take(200).flatten() {
            kept.push(stream);
        }
    });
    let victim = Child::spawn(Command::new("sleep").arg("7654.321").stdin(Stdio::null()));
    let steady = format!(
        "steady_state:\n  every: 100ms\n  stable_for: 200ms\n  probes: [{{tcp: \"127.0.0.1:{listen}\"}}]\n"
    );
    let route = format!(
        "routes:\n  r: {{listen: \"127.0.0.1:{listen}\", upstream: \"127.0.0.1:{upstream_port}\", protocol: tcp}}\n"
    );
    for (fault, target) in [
        ("reset: {}", "route/r"),
        ("blackhole: {}", "route/r"),
        ("stall: {}", "route/r"),
        ("limit_time: 1ms", "route/r"),
        ("refuse: {}", "route/r"),
        ("accept_stall: {}", "route/r"),
        ("connection_limit: 1", "route/r"),
        ("latency: 200ms", "route/r"),
        ("process_pause: {pattern: \"sleep 7654.321\"}", "host/local"),
        ("process_kill: {pattern: \"sleep 7654.321\"}", "host/local"),
    ] {
        let ends = if fault.starts_with("process_kill") { "" } else { "\n    until: 1s\n    max: 5s" };
        let scenario = format!(
            "firedrill: v1\nkind: Scenario\nname: inert\n{route}{steady}faults:\n  - {fault}\n    target: {target}{ends}\n"
        );
        let (code, summary) = run(&program, &scenario);
        assert_eq!(code, Some(6), "{fault}: {summary:#}");
        assert_eq!((&summary["drill"], &summary["effect"]), (&"invalid".into(), &"none".into()), "{fault}");
    }
    let state = std::fs::read_to_string(format!("/proc/{}/stat", victim.pid())).unwrap();
    assert!(state.contains(") S "), "the victim was never touched: {state}");
}

/// The faults on HTTP, each with what the load has to be for it.
const ON_HTTP: [&str; 8] = [
    "http_error: 503",
    "http_error: {status: 503, when: after}",
    "http_body: {truncate: 1B}",
    "http_headers: {set: {x-a: b}}",
    "grpc_error: UNAVAILABLE",
    "keep_alive_kill: {}",
    "http_redirect_loop: {}",
    "latency: {delay: 50ms, before: body}",
];

/// A drill with one of them under a load that could be gRPC as well.
fn on_http(program: &Path, fault: &str) -> (Option<i32>, serde_json::Value) {
    let (upstream, port) = (Upstream::start(), free_port());
    let listen = format!("127.0.0.1:{port}");
    let scenario = format!(
        "firedrill: v1\nkind: Scenario\nname: on-http\n\
         routes:\n  r: {{listen: \"{listen}\", upstream: \"{}\", protocol: http}}\n\
         load:\n  http: {{url: \"http://{listen}/\", headers: {{content-type: application/grpc}}}}\n  rate: 20/s\n\
         steady_state:\n  every: 100ms\n  stable_for: 200ms\n  probes: [{{tcp: \"{listen}\"}}]\n\
         faults:\n  - {fault}\n    target: route/r\n    until: 1s\n    max: 5s\n",
        upstream.address
    );
    run(program, &scenario)
}

/// Each of them at the same time, on a service of its own.
fn each_on_http(program: &Path) -> Vec<(&'static str, Option<i32>, serde_json::Value)> {
    std::thread::scope(|scope| {
        let started = ON_HTTP.map(|fault| {
            scope.spawn(move || {
                let (code, summary) = on_http(program, fault);
                (fault, code, summary)
            })
        });
        started.into_iter().map(|drill| drill.join().unwrap()).collect()
    })
}

#[test]
fn a_fault_on_http_acts_in_a_drill() {
    for (fault, code, summary) in each_on_http(Path::new(env!("CARGO_BIN_EXE_firedrill"))) {
        assert_eq!(summary["effect"], "confirmed", "{fault}: {summary:#}");
        assert_eq!(code, Some(0), "{fault}: {summary:#}");
    }
}

#[test]
fn a_fault_on_http_that_does_nothing_is_found_out() {
    let Some(program) = inert_program() else { return };
    for (fault, code, summary) in each_on_http(&program) {
        assert_eq!((code, &summary["effect"]), (Some(6), &"none".into()), "{fault}: {summary:#}");
    }
}
