//! A folder with files, the program run in it, and what a drill wrote.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Child, Ended, firedrill, happens_within, temp_dir};

pub const SOON: Duration = Duration::from_secs(30);

/// A place of its own for one test: nothing of the machine's user is read or written.
pub struct World {
    dir: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        Self { dir: temp_dir() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = firedrill();
        command.env("FIREDRILL_DIR", self.path("own")).current_dir(self.dir.path()).args(args);
        command
    }

    pub fn start(&self, args: &[&str]) -> Child {
        Child::spawn(&mut self.command(args))
    }

    pub fn run(&self, args: &[&str]) -> Ended {
        self.start(args).wait(Duration::from_secs(60))
    }

    /// Runs a command that must pass.
    pub fn pass(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, Some(0), "{args:?}: {} {}", ended.stdout, ended.stderr);
        ended.stdout
    }

    /// `firedrill status --json`, once there is a drill.
    pub fn status(&self, more: &[&str]) -> Option<Value> {
        let mut args = vec!["status", "--json"];
        args.extend(more);
        let ended = self.run(&args);
        (ended.code == Some(0)).then(|| serde_json::from_str(&ended.stdout).unwrap())
    }

    /// Waits until the record in a folder has a line of this kind with this in it; gives its data.
    pub fn wait_for(&self, out: &str, kind: &str, holds: &str) -> Value {
        let mut found = None;
        let seen = happens_within(SOON, || {
            found = self
                .journal(out)
                .into_iter()
                .find(|line| line["kind"] == kind && line["data"].to_string().contains(holds));
            found.is_some()
        });
        assert!(seen, "no {kind} with {holds}: {:#?}", self.kinds(out));
        found.unwrap()["data"].clone()
    }

    /// The whole lines of a drill's journal so far.
    pub fn journal(&self, out: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path(out).join("journal.jsonl")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn kinds(&self, out: &str) -> Vec<String> {
        self.journal(out).iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// Since the drill began, of the first line of a kind with this in it.
    pub fn at(&self, out: &str, kind: &str, holds: &str) -> Duration {
        let lines = self.journal(out);
        let line = lines.iter().find(|line| line["kind"] == kind && line["data"].to_string().contains(holds));
        let line = line.unwrap_or_else(|| panic!("no {kind} with {holds}: {:?}", self.kinds(out)));
        Duration::from_nanos(line["mono_ns"].as_u64().unwrap())
    }

    pub fn summary(&self, out: &str) -> Value {
        summary(&self.path(out))
    }
}

fn summary(folder: &Path) -> Value {
    let text =
        std::fs::read(folder.join("summary.json")).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    serde_json::from_slice::<Value>(&text).unwrap()["summary"].take()
}

/// A scenario whose probe looks every 100 ms; `rest` holds `faults:` and what else it needs.
pub fn scenario(name: &str, routes: &str, probe: &str, rest: &str) -> String {
    format!(
        "firedrill: v1\nkind: Scenario\nname: {name}\n{routes}steady_state:\n  every: 100ms\n  stable_for: 300ms\n  \
         no_impact_after: 500ms\n  recovery_within: 10s\n  probes: [{probe}]\n{rest}"
    )
}

/// A probe of a URL that is content with any 200 within 3 s.
pub fn watching(address: SocketAddr) -> String {
    format!(
        "{{name: shop, http: \"http://{address}/watch\", timeout: 3s, tolerance: {{status: 200, failures: 0 of 1}}}}"
    )
}

/// A route of the drill's own.
pub fn route(listen: SocketAddr, upstream: SocketAddr) -> String {
    format!("routes: {{shop: {{listen: \"{listen}\", upstream: \"{upstream}\", protocol: http}}}}\n")
}

/// A `firedrill proxy` of an environment: where its control API and its route `payments` are.
pub struct Proxy {
    pub child: Child,
    pub control: SocketAddr,
    pub listen: SocketAddr,
}

impl Proxy {
    pub fn start(world: &World, upstream: SocketAddr) -> Self {
        let route = format!("payments=127.0.0.1:0,{upstream}");
        let args = ["proxy", "--control", "127.0.0.1:0", "--protocol", "http", "--route", &route];
        let child = world.start(&args);
        let listen = child.wait_for_line("route payments: ", SOON);
        let listen = listen.split(' ').nth(2).unwrap().parse().unwrap();
        let line = child.wait_for_line("control: http://", SOON);
        let control = line.split('/').nth(2).unwrap().parse().unwrap();
        Self { child, control, listen }
    }

    /// An environment file that names it.
    pub fn environment(&self, upstream: SocketAddr, policy: &str) -> String {
        format!(
            "firedrill: v1\nkind: Environment\nname: staging\nroutes:\n  payments: {{control: \"{}\", listen: \
             \"{}\", upstream: \"{upstream}\", protocol: http}}\n{policy}",
            self.control, self.listen
        )
    }

    /// How many faults its route carries.
    pub fn faults(&self) -> usize {
        let answer = crate::support::get(self.control, "/v1/routes/payments").unwrap();
        let route: Value = serde_json::from_str(&answer.body).unwrap();
        route["faults"].as_array().unwrap().len()
    }
}

/// A clock for what other processes do.
#[expect(clippy::disallowed_methods, reason = "waits for other processes, which no paused clock can hurry")]
pub fn now() -> Instant {
    Instant::now()
}
