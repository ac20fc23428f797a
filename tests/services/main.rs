//! Real services behind routes: nginx, PostgreSQL and Redis from Debian's packages feel what the scenario says, and
//! are well afterwards.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod fetched;
mod grpc;
mod nginx;
mod postgres;
mod process;
mod redis;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod toxiproxy;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::{Child, Ended, firedrill, wait_until};

/// What a drill said and left.
pub struct Drilled {
    pub ended: Ended,
    pub summary: Value,
}

/// Writes a scenario with one fault on one route, and runs it with a command under test.
pub fn drill(dir: &Path, route: &Route, fault: &str, command: &str) -> Drilled {
    let Route { listen, upstream, protocol } = route;
    let scenario = format!(
        "firedrill: v1\nkind: Scenario\nname: real\nseed: 7\n\
         routes:\n  real: {{listen: \"127.0.0.1:{listen}\", upstream: \"127.0.0.1:{upstream}\", protocol: {protocol}}}\n\
         steady_state:\n  every: 200ms\n  stable_for: 500ms\n  probes:\n    - {{name: up, tcp: \"127.0.0.1:{upstream}\"}}\n\
         faults:\n  - target: route/real\n    {fault}\n    max: 60s\n"
    );
    run(dir, &scenario, &[], command)
}

/// Runs a scenario with a command under test: `sh -c command`.
pub fn run(dir: &Path, scenario: &str, flags: &[&str], command: &str) -> Drilled {
    let (file, out) = (dir.join("real.yaml"), dir.join("out"));
    std::fs::write(&file, scenario).unwrap();
    let mut program = firedrill();
    program.arg("run").arg(&file).arg("--out").arg(&out).args(flags).args(["--", "sh", "-c", command]);
    program.current_dir(dir).env("FIREDRILL_DIR", dir.join("own"));
    let ended = Child::spawn(&mut program).wait(Duration::from_secs(100));
    let summary = std::fs::read(out.join("summary.json"));
    let summary = summary.map(|text| serde_json::from_slice::<Value>(&text).unwrap()["summary"].take());
    Drilled { summary: summary.unwrap_or_default(), ended }
}

impl Drilled {
    /// The drill is valid, its fault acted, nothing is left, and the command ended with status 0.
    pub fn assert_felt(&self) -> &Self {
        let said = || format!("{}\n{}\n{:#}", self.ended.stdout, self.ended.stderr, self.summary);
        assert_eq!(self.summary["effect"], "confirmed", "{}", said());
        assert_eq!(self.summary["clean"], true, "{}", said());
        assert_eq!(self.summary["command"]["is"], "passed", "{}", said());
        assert_eq!(self.ended.code, Some(0), "{}", said());
        self
    }
}

/// A route before a real service.
pub struct Route {
    pub listen: u16,
    pub upstream: u16,
    pub protocol: &'static str,
}

/// Runs a client to its end and gives its output; fails when it does.
pub fn client(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until a service accepts connections.
pub fn wait_for(name: &str, port: u16) {
    let address = ([127, 0, 0, 1], port).into();
    wait_until(name, Duration::from_secs(20), || support::is_listening(address));
}

/// A script's lines `key=value` as a lookup.
pub fn value(text: &str, key: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("no {key} in {text}")).trim().parse().unwrap()
}
