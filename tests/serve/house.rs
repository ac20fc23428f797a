//! Everything that one server needs and nobody else uses: a folder, a proxy, a service behind it, a process to be hit.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::ask::{Answer, ask};
use crate::day;
use crate::support::{
    Child, Ended, Upstream, Victim, firedrill, free_port, get, happens_within, temp_dir, wait_until,
};

/// How long a busy machine may take for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One server with all that belongs to it.
pub struct House {
    pub dir: tempfile::TempDir,
    upstream: Upstream,
    pub victim: Victim,
    _proxy: Child,
    control: SocketAddr,
    route: SocketAddr,
    pub address: SocketAddr,
    pub server: Option<Child>,
    pub token: String,
}

impl House {
    pub fn new() -> Self {
        let (dir, upstream) = (temp_dir(), Upstream::start());
        let route = format!("payments=127.0.0.1:0,{}", upstream.address);
        let mut command = firedrill();
        command.args(["proxy", "--control", "127.0.0.1:0", "--protocol", "http", "--route", &route]);
        let proxy = Child::spawn(&mut command);
        let line = proxy.wait_for_line("route payments: ", PATIENCE);
        let route = line.split(' ').nth(2).unwrap().parse().unwrap();
        let line = proxy.wait_for_line("control: http://", PATIENCE);
        let control = line.split('/').nth(2).unwrap().parse().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let (server, token) = (None, String::new());
        Self { dir, upstream, victim: Victim::start(), _proxy: proxy, control, route, address, server, token }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What the playbook changes, and its way back takes back.
    pub fn flag(&self) -> PathBuf {
        self.path("flag")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = firedrill();
        command.env("FIREDRILL_DIR", self.path("own")).current_dir(self.dir.path()).args(args);
        command
    }

    /// Starts the server, and waits until it answers.
    pub fn start(&mut self) {
        let listen = self.address.to_string();
        let child = Child::spawn(&mut self.command(&["serve", "--data", "data", "--listen", &listen]));
        let up = happens_within(PATIENCE, || {
            get(self.address, "/healthCheck").is_ok_and(|answer| answer.status == 200)
        });
        assert!(up, "the server does not answer:\n{}\n{}", child.stdout(), child.stderr());
        if self.token.is_empty() {
            let line = child.wait_for_line("fd_", PATIENCE);
            self.token = line.split_whitespace().rfind(|word| word.starts_with("fd_")).unwrap().to_owned();
        }
        self.server = Some(child);
    }

    /// Kills the server, and it alone: its guardian is not asked.
    pub fn kill(&mut self) {
        let server = self.server.take().expect("it runs");
        server.signal(Signal::SIGKILL);
        let ended = server.wait_alone(PATIENCE);
        assert_eq!(ended.signal, Some(9), "it ended by itself before: {ended:?}");
    }

    /// Ends the server in order.
    pub fn terminate(&mut self) -> Ended {
        let server = self.server.take().expect("it runs");
        server.signal(Signal::SIGTERM);
        server.wait_alone(PATIENCE)
    }

    pub fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let answer = ask(self.address, &self.token, method, path, body);
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}{}", self.said()))
    }

    pub fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, "");
        assert_eq!(answer.status, 200, "GET {path}: {}{}", answer.body, self.said());
        answer.json()
    }

    /// What the server said, for a failure.
    pub fn said(&self) -> String {
        let server = self.server.as_ref();
        server.map_or_else(String::new, |server| {
            format!("\nthe server: {}\n{}", server.stdout(), server.stderr())
        })
    }

    /// Adds a game day of so many runs, approves it and starts it; gives its id.
    pub fn begin(&self, runs: u32) -> String {
        let flag = self.flag();
        let bundle =
            day::bundle(runs, self.control, self.route, self.upstream.address, self.victim.pid(), &flag);
        let added = self.ask("POST", "/v1/gamedays", &bundle.to_string());
        assert_eq!(added.status, 201, "{}", added.body);
        let id = added.json()["id"].as_str().unwrap().to_owned();
        self.act(&id, "approve", r#"{"in_stead_of": "ana"}"#);
        self.act(&id, "start", "{}");
        id
    }

    /// Asks something of a game day that it must take.
    pub fn act(&self, id: &str, what: &str, body: &str) {
        let answer = self.ask("POST", &format!("/v1/gamedays/{id}/{what}"), body);
        assert!(
            (200..300).contains(&answer.status),
            "{what}: {} {}{}",
            answer.status,
            answer.body,
            self.said()
        );
    }

    /// The state of a game day, and why.
    pub fn state(&self, id: &str) -> (String, String) {
        let day = self.get(&format!("/v1/gamedays/{id}"));
        let word = |key: &str| day["line"][key].as_str().unwrap_or_default().to_owned();
        (word("state"), word("why"))
    }

    /// Every drill there was.
    pub fn drills(&self) -> Vec<Value> {
        let mut all = Vec::new();
        let mut before = String::new();
        loop {
            let page = self.get(&format!("/v1/drills?limit=100{before}"));
            let page = page["drills"].as_array().unwrap().clone();
            let Some(last) = page.last() else { return all };
            before = format!("&before={}", last["id"].as_str().unwrap());
            let more = page.len() == 100;
            all.extend(page);
            if !more {
                return all;
            }
        }
    }

    /// How many faults the environment's route carries.
    pub fn faults_on_route(&self) -> usize {
        let answer = get(self.control, "/v1/routes/payments").unwrap();
        let route: Value = serde_json::from_str(&answer.body).unwrap();
        route["faults"].as_array().unwrap().len()
    }

    /// Waits until no drill runs.
    pub fn wait_for_quiet(&self) {
        wait_until("the end of the drill that runs", PATIENCE, || {
            self.get("/v1/status")["drills"].as_array().unwrap().is_empty()
        });
    }
}

/// Lets other processes go on for a while.
#[expect(
    clippy::disallowed_methods,
    reason = "other processes go on meanwhile, which no paused clock can hurry"
)]
pub fn pass(time: Duration) {
    std::thread::sleep(time);
}
