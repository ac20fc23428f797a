//! What a drill that is ended by force stands on: an upstream, a victim, a folder, and a look at what is left.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Child, Ended, Upstream, Victim, firedrill, free_port, temp_dir, wait_until};

/// How long anything may take to be taken back after a violent end; what is promised is a fifth of it.
pub const TAKEN_BACK: Duration = Duration::from_secs(5);

/// How long a step of a drill may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Everything that one drill needs, and nobody else uses.
pub struct Stage {
    dir: tempfile::TempDir,
    pub upstream: Upstream,
    pub listen: SocketAddr,
    pub victim: Victim,
}

impl Stage {
    pub fn new() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
        Self { dir: temp_dir(), upstream: Upstream::start(), listen, victim: Victim::start() }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where the drills of this stage keep their sockets and undo journals.
    pub fn own(&self) -> PathBuf {
        self.path().join("own")
    }

    /// A scenario with a late route, a paused process, a load and a probe whose command starts a child. Each fault
    /// lasts `lasting`; with a command under test they last as long as it does.
    pub fn scenario(&self, lasting: &str) -> PathBuf {
        let until = if lasting.is_empty() { String::new() } else { format!(", until: {lasting}") };
        let faults = format!(
            "  - {{id: slow, target: route/svc, latency: 600ms, max: 60s{until}}}\n\
             \x20 - {{id: still, target: host/local, process_pause: {{pid: {}}}, start: 200ms, max: 60s{until}}}\n",
            self.victim.pid()
        );
        let family = "    - {name: family, run: [sh, -c, \"sleep 0.2; true\"], timeout: 20s}\n";
        self.write("mortal", &faults, family, "")
    }

    /// Writes a scenario with these faults, these further probes, and these further keys of its steady state.
    pub fn write(&self, name: &str, faults: &str, probes: &str, steady: &str) -> PathBuf {
        let (listen, upstream) = (self.listen, self.upstream.address);
        let text = format!(
            "firedrill: v1\nkind: Scenario\nname: {name}\nseed: 7\n\
             routes:\n  svc: {{listen: \"{listen}\", upstream: \"{upstream}\", protocol: http}}\n\
             load: {{http: \"http://{listen}/\", rate: 20/s}}\n\
             steady_state:\n  every: 200ms\n  stable_for: 1200ms\n{steady}  probes:\n\
             \x20   - {{name: svc, http: \"http://{listen}/\", timeout: 400ms, tolerance: {{status: 200, over: 1s}}}}\n\
             {probes}faults:\n{faults}"
        );
        let path = self.path().join(format!("{name}.yaml"));
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Any command of the program, in this stage's directories.
    pub fn firedrill(&self, args: &[&str]) -> Command {
        let mut command = firedrill();
        command.args(args).current_dir(self.path()).env("FIREDRILL_DIR", self.own());
        command
    }

    /// The same, run to its end.
    pub fn said(&self, args: &[&str]) -> Ended {
        Child::spawn(&mut self.firedrill(args)).wait(PATIENCE)
    }

    /// Starts a drill with its record in the folder `out`.
    pub fn run(&self, file: &Path, out: &str, more: &[&str]) -> Child {
        let mut args = vec!["run", file.to_str().unwrap(), "--out", out];
        args.extend(more);
        Child::spawn(&mut self.firedrill(&args))
    }

    /// The ids of the living processes that a drill here started, itself among them: all inherit its environment.
    pub fn processes(&self) -> Vec<i32> {
        let mark = format!("FIREDRILL_DIR={}", self.own().display());
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // Of a zombie, the environment is empty.
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
                found.push(pid);
            }
        }
        found
    }

    /// The guardian of the drill that runs here, if it lives.
    pub fn guardian(&self) -> Option<i32> {
        let command = |pid: &i32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        self.processes()
            .into_iter()
            .find(|pid| String::from_utf8_lossy(&command(pid)).replace('\0', " ").contains("agent guardian"))
    }

    /// The undo journals that are left.
    pub fn undo_journals(&self) -> usize {
        std::fs::read_dir(self.own().join("state/undo")).map_or(0, Iterator::count)
    }

    /// Waits until the victim goes on; gives how long it stood still after `since`.
    pub fn victim_goes_on(&self, what: &str, since: Instant) -> Duration {
        while self.victim.state() != 'S' {
            assert!(since.elapsed() < TAKEN_BACK, "{what}: the victim still stands");
            std::thread::yield_now();
        }
        since.elapsed()
    }

    /// Waits until everything is taken back.
    pub fn assert_nothing_left(&self, what: &str) {
        wait_until(&format!("{what}: the victim goes on"), TAKEN_BACK, || self.victim.state() == 'S');
        wait_until(&format!("{what}: the port is free"), TAKEN_BACK, || {
            TcpListener::bind(self.listen).is_ok()
        });
        let mut left = Vec::new();
        let none = crate::support::happens_within(TAKEN_BACK, || {
            left = self.processes();
            left.is_empty()
        });
        let command = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        assert!(none, "{what}: left running: {:?}", left.iter().map(command).collect::<Vec<_>>());
        assert_eq!(self.undo_journals(), 0, "{what}: no undo journal is left");
        self.assert_no_drill(what);
    }

    /// `status` finds no drill, and clears the socket of a dead one away.
    pub fn assert_no_drill(&self, what: &str) {
        let status = self.said(&["status"]);
        assert_eq!(status.code, Some(1), "{what}: {status:?}");
        assert!(status.stderr.contains("no drill is running here"), "{what}: {status:?}");
        let sockets = std::fs::read_dir(self.own().join("run")).unwrap().flatten();
        let left: Vec<_> = sockets.map(|entry| entry.file_name()).collect();
        assert!(left.is_empty(), "{what}: left in the runtime directory: {left:?}");
    }

    /// What `verify` says of the record in `out`: `whole`, `cut` or `broken`.
    pub fn verified(&self, out: &str) -> String {
        let ended = self.said(&["verify", out, "--json"]);
        let found: serde_json::Value =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        let found = found["state"].as_str().unwrap_or_default().to_owned();
        assert_eq!(ended.code == Some(0), found == "whole", "{ended:?}");
        found
    }

    /// The summary in `out`.
    pub fn summary(&self, out: &str) -> serde_json::Value {
        let text = std::fs::read(self.path().join(out).join("summary.json"))
            .unwrap_or_else(|error| panic!("no summary in {out}: {error}"));
        serde_json::from_slice::<serde_json::Value>(&text).unwrap()["summary"].take()
    }

    /// The same scenario runs again, to a good end.
    pub fn assert_runs_again(&self, what: &str, file: &Path) {
        let ended = self.run(file, "again", &["--json"]).wait(PATIENCE);
        assert_eq!(ended.code, Some(0), "{what}, again: {}\n{}", ended.stderr, ended.stdout);
        assert_eq!(self.verified("again"), "whole", "{what}");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for pid in self.processes() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// A moment in the life of a drill, by what its line of JSON holds.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub name: &'static str,
    line: &'static str,
    /// Whether the victim stands still then.
    pub paused: bool,
}

const fn moment(name: &'static str, line: &'static str, paused: bool) -> Moment {
    Moment { name, line, paused }
}

pub const PREFLIGHT: Moment =
    moment("preflight", r#""kind":"phase.entered","data":{"phase":"preflight""#, false);
pub const STEADY: Moment = moment("steady", r#""kind":"phase.entered","data":{"phase":"steady""#, false);
pub const ACTIVE: Moment = moment("active", r#""kind":"phase.entered","data":{"phase":"active""#, false);
pub const SLOW: Moment = moment("the first fault", r#""kind":"fault.applied","data":{"fault":"slow""#, false);
pub const STILL: Moment =
    moment("the second fault", r#""kind":"fault.applied","data":{"fault":"still""#, true);
pub const EFFECTIVE: Moment =
    moment("the effect", r#""kind":"fault.effective","data":{"fault":"still""#, true);
pub const RECOVERING: Moment =
    moment("recovering", r#""kind":"phase.entered","data":{"phase":"recovering""#, false);
pub const VERIFYING: Moment =
    moment("verifying", r#""kind":"phase.entered","data":{"phase":"verifying""#, false);

impl Moment {
    /// Waits until the drill is there.
    pub fn wait(&self, drill: &Child, stage: &Stage) {
        drill.wait_for_line(self.line, PATIENCE);
        if self.paused {
            assert_eq!(stage.victim.state(), 'T', "at {}", self.name);
        }
    }
}

/// Sends one process, and it alone, a signal.
pub fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

/// The time now, for what is measured.
#[expect(clippy::disallowed_methods, reason = "measures what another process did, in real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Does the same at each of these moments, all at once; a failure names its moment.
pub fn at_each(moments: &[Moment], act: impl Fn(Moment) + Sync) {
    std::thread::scope(|scope| {
        for moment in moments {
            let act = &act;
            std::thread::Builder::new()
                .name(format!("at {}", moment.name))
                .spawn_scoped(scope, move || act(*moment))
                .unwrap();
        }
    });
}
