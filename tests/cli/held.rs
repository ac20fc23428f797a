//! A game day held from the command line alone, against a real server with a real proxy: added, approved, started,
//! answered, watched, reviewed, closed, reported.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::{
    Child, Ended, Upstream, firedrill, free_port, happens_within, is_listening, temp_dir, wait_until,
};

/// How long any step may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Held {
    dir: tempfile::TempDir,
    server: String,
    _processes: Vec<Child>,
    _upstream: Upstream,
}

impl Held {
    fn start() -> Self {
        let (dir, upstream) = (temp_dir(), Upstream::start());
        let [control, listen, serve] =
            std::array::from_fn(|_| SocketAddr::from(([127, 0, 0, 1], free_port())));
        write_files(dir.path(), control, listen, upstream.address);
        let spawn = |args: &[&str]| Child::spawn(command(dir.path(), None).args(args));
        let route = format!("payments={listen},{}", upstream.address);
        let proxy = spawn(&["proxy", "--route", &route, "--control", &control.to_string()]);
        wait_until("the proxy listens", PATIENCE, || is_listening(listen) && is_listening(control));
        let server = spawn(&["serve", "--data", "data", "--listen", &serve.to_string()]);
        let line = server.wait_for_line("fd_", PATIENCE);
        let token = line.split_whitespace().find(|word| word.starts_with("fd_")).unwrap();
        let file = dir.path().join("own/config/token");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, token).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        wait_until("the server listens", PATIENCE, || is_listening(serve));
        let server_url = format!("http://{serve}");
        Self { dir, server: server_url, _processes: vec![server, proxy], _upstream: upstream }
    }

    fn said(&self, args: &[&str]) -> Ended {
        Child::spawn(command(self.dir.path(), Some(&self.server)).args(args)).wait(PATIENCE)
    }

    /// The same, which must succeed; gives its output.
    #[track_caller]
    fn done(&self, args: &[&str]) -> String {
        let ended = self.said(args);
        assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
        ended.stdout
    }

    fn state(&self) -> String {
        let view: Value = serde_json::from_str(&self.done(&["gameday", "show", "day", "--json"])).unwrap();
        view["line"]["state"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn wait_for(&self, state: &str) {
        let mut last = String::new();
        let came = happens_within(PATIENCE, || {
            last = self.state();
            last == state
        });
        assert!(came, "waited for {state}, it is {last}:\n{}", self.done(&["gameday", "show", "day"]));
    }
}

fn command(dir: &Path, server: Option<&str>) -> std::process::Command {
    let mut command = firedrill();
    command.current_dir(dir).env("FIREDRILL_DIR", dir.join("own")).env_remove("FIREDRILL_TOKEN");
    match server {
        Some(server) => command.env("FIREDRILL_SERVER", server),
        None => command.env_remove("FIREDRILL_SERVER"),
    };
    command
}

fn write_files(dir: &Path, control: SocketAddr, listen: SocketAddr, upstream: SocketAddr) {
    let write = |path: &str, text: String| {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "environments/staging.yaml",
        format!(
            "firedrill: v1\nkind: Environment\nname: staging\nroutes:\n  payments: {{control: \"{control}\", \
             listen: \"{listen}\", upstream: \"{upstream}\", protocol: http}}\npolicy: {{duration_max: 5m}}\n"
        ),
    );
    write(
        "scenarios/slow.yaml",
        format!(
            "firedrill: v1\nkind: Scenario\nname: slow\nenvironments: [staging]\n\
             load: {{http: \"http://{listen}/\", rate: 20/s}}\n\
             steady_state:\n  every: 200ms\n  stable_for: 1s\n  probes:\n\
             \x20   - {{name: payments, http: \"http://{listen}/\", timeout: 400ms, tolerance: {{status: 200}}}}\n\
             faults:\n  - {{latency: 800ms, target: route/payments, max: 20s, until: 6s}}\n"
        ),
    );
    write(
        "day.yaml",
        "firedrill: v1\nkind: GameDay\nname: day\ntitle: A day\nenvironment: staging\napprovals: {count: 1}\n\
         preflight:\n  - ask: \"Is everybody here?\"\n\
         injects:\n  - scenario: slow\nreview: [\"What surprised you?\"]\n"
            .to_owned(),
    );
}

#[test]
fn a_game_day_is_held_from_the_command_line_alone() {
    let held = Held::start();
    assert!(held.done(&["gameday", "add", "day.yaml", "--dry-run"]).contains("day-1 would be added"));
    assert!(held.done(&["gameday", "list"]).contains("no game day"));
    assert!(held.done(&["gameday", "add", "day.yaml"]).contains("gameday approve day-1"));
    let early = held.said(&["gameday", "start", "day"]);
    assert_eq!(early.code, Some(1), "not approved yet: {early:?}");
    assert!(held.done(&["gameday", "approve", "day", "--for", "Ana"]).contains("1 of 1 approvals"));
    held.done(&["gameday", "start", "day"]);
    held.wait_for("preflight");
    let unknown = held.said(&["gameday", "answer", "day", "no-such-item", "ok"]);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    held.done(&["gameday", "answer", "day", "ask-1", "ok", "--note", "all but Bo"]);
    held.wait_for("running");
    wait_until("its drill runs", PATIENCE, || held.said(&["note", "a note from afar"]).code == Some(0));
    assert!(held.done(&["status"]).contains("RUNNING"));
    held.done(&["gameday", "pause", "day", "--reason", "lunch"]);
    let watched = held.said(&["drill", "watch"]);
    assert_eq!(watched.code, Some(0), "{watched:?}");
    for part in ["a note from afar", "restored by   fault_end", "clean         yes"] {
        assert!(watched.stdout.contains(part), "no {part}: {watched:?}");
    }
    if held.state() == "paused" {
        held.done(&["gameday", "resume", "day"]);
    }
    held.wait_for("reviewing");
    held.done(&["gameday", "finding", "add", "day", "no alarm", "--kind", "alarm", "--owner", "bo"]);
    held.done(&["gameday", "review", "day", "1", "it was quiet"]);
    held.done(&["gameday", "close", "day"]);
    held.wait_for("closed");
    let shown = held.done(&["gameday", "show", "day"]);
    for part in ["admin for Ana", "all but Bo", "restored by fault_end", "alarm: no alarm", "it was quiet"] {
        assert!(shown.contains(part), "no {part}:\n{shown}");
    }
    held.done(&["gameday", "report", "day", "--out", "kept"]);
    let drill =
        std::fs::read_dir(held.dir.path().join("kept/drills")).unwrap().next().unwrap().unwrap().path();
    let verified = held.done(&["verify", drill.to_str().unwrap()]);
    assert!(verified.contains("whole"), "{verified}");
    held.done(&["halt", "--reason", "enough"]);
    assert!(held.done(&["status"]).contains("HALTED by admin: enough"));
    held.done(&["halt", "release", "--reason", "again"]);
}
