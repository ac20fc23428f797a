//! Playbooks through the real program: run without a drill, answered from another terminal, killed in the middle; and no
//! secret in anything that is left behind.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{Child, Ended, firedrill, happens_within, processes_with, temp_dir, wait_until};

/// How long a playbook of a test may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder of its own, in which the program keeps all that it keeps.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(temp_dir())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn firedrill(&self, args: &[&str]) -> Command {
        let mut command = firedrill();
        command.args(args).current_dir(self.path()).env("FIREDRILL_DIR", self.path().join("own"));
        command.env("TOKEN", SECRET);
        command
    }

    fn said(&self, args: &[&str]) -> Ended {
        Child::spawn(&mut self.firedrill(args)).wait(PATIENCE)
    }

    /// Writes a playbook with these steps and these keys before them.
    fn write(&self, name: &str, head: &str, steps: &str) -> PathBuf {
        let path = self.path().join(format!("{name}.yaml"));
        let text = format!("firedrill: v1\nkind: Playbook\nname: {name}\n{head}steps:\n{steps}");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs it to its end.
    fn run(&self, file: &Path, more: &[&str]) -> Ended {
        let mut args = vec!["playbook", "run", file.to_str().unwrap(), "--out", "out"];
        args.extend(more);
        self.said(&args)
    }

    fn journal(&self) -> String {
        std::fs::read_to_string(self.path().join("out/journal.jsonl")).unwrap()
    }

    /// How each step ended, in order: `id word`.
    fn results(&self) -> Vec<String> {
        let lines = self.journal();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let finished = lines.filter(|line| line["kind"] == "step.finished");
        finished
            .map(|line| {
                let data = &line["data"];
                format!("{} {}", data["step"].as_str().unwrap(), data["result"]["is"].as_str().unwrap())
            })
            .collect()
    }
}

/// A server that says back all that it was told; ends with the process.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut said, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                said.push_str(&line);
            }
            let mut body = vec![0; length];
            let _ = reader.read_exact(&mut body);
            said.push_str(&String::from_utf8_lossy(&body));
            let answer = serde_json::json!({ "said": said }).to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\nx-said: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                said.replace(['\r', '\n'], " "),
                answer.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(answer.as_bytes()));
        }
    });
    address
}

#[test]
fn a_playbook_runs_without_a_drill_and_hands_on_what_it_learnt() {
    let (bench, server) = (Bench::new(), echo());
    let file = bench.write(
        "learn",
        "inputs: {who: {default: world}}\n",
        &format!(
            "  - {{id: ask, run: [echo, \"region=east ${{inputs.who}}\"], outputs: {{region: {{stdout: \"region=(\\\\w+)\"}}}}}}\n\
             \x20 - {{id: tell, http: \"http://{server}/${{steps.ask.region}}\", outputs: {{said: {{json: $.said}}}}}}\n\
             \x20 - {{id: never, when: \"steps.ask.region == 'west'\", run: [\"false\"]}}\n\
             \x20 - {{id: up, probe: {{name: up, tcp: \"{server}\"}}, timeout: 20s}}\n\
             \x20 - {{id: say, notify: \"done in ${{steps.ask.region}}\"}}\n"
        ),
    );
    let ended = bench.run(&file, &["--input", "who=moon"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(bench.results(), ["ask ok", "tell ok", "never skipped", "up ok", "say ok"]);
    let journal = bench.journal();
    for part in ["GET /east HTTP/1.1", "region=east moon", "done in east"] {
        assert!(journal.contains(part), "{part}");
    }
    assert_eq!(bench.said(&["verify", "out"]).code, Some(0));
}

#[test]
fn a_step_that_fails_fails_the_playbook_and_what_was_done_is_taken_back_where_that_is_asked_for() {
    let bench = Bench::new();
    let steps = "  - {id: change, run: [touch, changed], undo: {run: [rm, changed]}}\n\
                 \x20 - {id: missing, run: [no-such-program-here]}\n";
    let file = bench.write("fails", "", steps);
    let ended = bench.run(&file, &[]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(bench.journal().contains("cannot run `no-such-program-here`: no such file or directory"));
    assert!(ended.stdout.contains("no-such-program-here"), "{}", ended.stdout);
    assert!(bench.path().join("changed").exists(), "nothing is taken back unasked");
    std::fs::remove_dir_all(bench.path().join("out")).unwrap();
    assert_eq!(bench.run(&file, &["--undo"]).code, Some(3));
    assert!(!bench.path().join("changed").exists());
}

#[test]
fn a_probe_that_no_playbook_has_is_asked_for_before_anything_is_done() {
    let bench = Bench::new();
    let file = bench.write(
        "borrows",
        "",
        "  - {id: change, run: [touch, changed]}\n  - {id: wait, probe: checkout}\n",
    );
    let ended = bench.run(&file, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("the probe `checkout`") && ended.stderr.contains("--scenario FILE"),
        "{ended:?}"
    );
    assert!(!bench.path().join("changed").exists());
    let server = echo();
    let scenario = bench.path().join("around.yaml");
    let probe = format!("{{name: checkout, tcp: \"{server}\"}}");
    let text = format!(
        "firedrill: v1\nkind: Scenario\nname: around\nsteady_state: {{every: 100ms, stable_for: 300ms, probes: [{probe}]}}\n\
         routes: {{r: {{listen: \"127.0.0.1:0\", upstream: \"{server}\"}}}}\n\
         faults: [{{latency: 1s, target: route/r, max: 10s}}]\n"
    );
    std::fs::write(&scenario, text).unwrap();
    let ended = bench.run(&file, &["--scenario", scenario.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!bench.journal().contains("fault.apply"));
    assert_eq!(bench.results(), ["change ok", "wait ok"]);
}

const ASKS: &str = "  - id: look\n    manual: Look at the dashboard.\n    role: ops\n    questions:\n\
    \x20     - {id: bad, title: Is it bad, type: boolean}\n      - {id: errors, title: How many errors, type: number}\n\
    \x20 - {id: agree, approve: {from: [lead, duty], count: 1}}\n";

#[test]
fn without_a_terminal_it_must_be_said_what_becomes_of_steps_for_people() {
    let bench = Bench::new();
    let file = bench.write("asks", "", ASKS);
    let ended = bench.run(&file, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in ["(look, agree)", "--manual ask", "--manual skip", "--manual fail"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    // What needs somebody's word does not happen without it.
    assert_eq!(bench.run(&file, &["--manual", "skip"]).code, Some(3));
    assert_eq!(bench.results(), ["look skipped", "agree failed"]);
    std::fs::remove_dir_all(bench.path().join("out")).unwrap();
    assert_eq!(bench.run(&file, &["--manual", "fail"]).code, Some(3));
    assert_eq!(bench.results(), ["look failed"]);
}

#[test]
fn steps_are_answered_from_another_terminal_once_and_by_those_who_may() {
    let bench = Bench::new();
    let file = bench.write("asks", "", ASKS);
    let args = ["playbook", "run", file.to_str().unwrap(), "--out", "out", "--manual", "ask", "--json"];
    let playbook = Child::spawn(&mut bench.firedrill(&args));
    playbook.wait_for_line(r#""kind":"step.entered""#, PATIENCE);
    let list = bench.said(&["step"]);
    assert_eq!(list.code, Some(0), "{list:?}");
    for part in ["look", "agree", "Is it bad", "firedrill step done look"] {
        assert!(list.stdout.contains(part), "{part}: {}", list.stdout);
    }
    let refused = |args: &[&str], words: &str| {
        let ended = bench.said(args);
        assert_eq!(ended.code, Some(1), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(words), "{args:?}: {}", ended.stderr);
    };
    refused(&["step", "done", "nowhere"], "there is no step `nowhere`; the steps are look, agree");
    refused(&["step", "done", "agree", "--role", "lead"], "step `agree` does not wait for an answer");
    refused(&["step", "done", "look", "--role", "cook"], "is for the role `ops`, not `cook`");
    refused(
        &["step", "done", "look", "--answer", "bad=perhaps"],
        "is answered by yes or no, not by `perhaps`",
    );
    refused(&["step", "done", "look", "--answer", "bad=yes"], "`errors` is not answered (How many errors)");
    refused(
        &["step", "done", "look", "--answer", "bad=yes", "--answer", "errors=1", "--answer", "x=1"],
        "it does not ask `x`",
    );
    refused(&["step", "done", "look", "--answer", "bad"], "write QUESTION=ANSWER");
    refused(&["playbook", "start"], "runs already");
    assert!(!bench.journal().contains("step.answered"), "what is refused leaves no trace");
    assert_eq!(bench.said(&["step", "take", "look"]).code, Some(0));
    assert_eq!(bench.said(&["step", "stuck", "look", "--why", "no access"]).code, Some(0));
    assert_eq!(bench.said(&["note", "--action", "asked", "a", "friend"]).code, Some(0));
    // Both at once: exactly one of them is first.
    let done = ["step", "done", "look", "--answer", "bad=yes", "--answer", "errors=12.5", "--role", "ops"];
    let both = [bench.firedrill(&done), bench.firedrill(&done)].map(|mut command| Child::spawn(&mut command));
    let mut codes = both.map(|one| one.wait(PATIENCE)).map(|ended| (ended.code, ended.stderr));
    codes.sort();
    assert_eq!((codes[0].0, codes[1].0), (Some(0), Some(1)), "{codes:?}");
    assert!(codes[1].1.contains("step `look` is over already (ok by"), "{codes:?}");
    refused(&["step", "done", "agree"], "say as whom you approve `agree`: --role one of lead, duty");
    refused(&["step", "done", "agree", "--role", "ops"], "`ops` may not approve `agree`; lead, duty may");
    assert_eq!(bench.said(&["step", "done", "agree", "--role", "duty"]).code, Some(0));
    let ended = playbook.wait(PATIENCE);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(bench.results(), ["look ok", "agree ok"]);
    let journal = bench.journal();
    for part in [r#""errors":12.5"#, r#""bad":true"#, "no access", "action.taken", "asked a friend"] {
        assert!(journal.contains(part), "{part}");
    }
    refused(&["step", "done", "agree"], "no drill is running here");
}

#[test]
fn a_halt_stops_a_playbook_and_its_command() {
    let bench = Bench::new();
    let nap = format!("88.{}", std::process::id());
    let file = bench.write("long", "", &format!("  - {{id: nap, run: [sleep, \"{nap}\"], timeout: 80s}}\n"));
    let args = ["playbook", "run", file.to_str().unwrap(), "--out", "out"];
    let playbook = Child::spawn(&mut bench.firedrill(&args));
    wait_until("its command runs", PATIENCE, || !processes_with(&nap).is_empty());
    playbook.signal(Signal::SIGTERM);
    let ended = playbook.wait(PATIENCE);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert_eq!(processes_with(&nap), Vec::<u32>::new());
}

#[test]
fn when_it_is_killed_while_a_command_of_a_step_runs_nothing_remains() {
    let bench = Bench::new();
    let nap = format!("99.{}", std::process::id());
    let script = format!("setsid sleep {nap} & sleep {nap}");
    let file =
        bench.write("killed", "", &format!("  - {{id: nap, run: [sh, -c, \"{script}\"], timeout: 80s}}\n"));
    let args = ["playbook", "run", file.to_str().unwrap(), "--out", "out"];
    let playbook = Child::spawn(&mut bench.firedrill(&args));
    wait_until("its commands run", PATIENCE, || processes_with(&nap).len() >= 3);
    playbook.signal(Signal::SIGKILL);
    playbook.wait_alone(PATIENCE);
    assert!(
        happens_within(Duration::from_secs(5), || processes_with(&nap).is_empty()),
        "{:?}",
        processes_with(&nap)
    );
    let left = || std::fs::read_dir(bench.path().join("own/state/undo")).map_or(0, Iterator::count);
    wait_until("the undo journal is gone", Duration::from_secs(5), || left() == 0);
    assert_eq!(bench.said(&["verify", "out"]).code, Some(1), "its record is cut, and says so");
}

const SECRET: &str = "hunter2/\"+& sec-ret%";

/// The forms in which it could be left behind: as it is, for JSON, for URLs, and in base64 at each offset.
fn forms() -> Vec<String> {
    let json = serde_json::to_string(SECRET).unwrap();
    vec![
        SECRET.into(),
        json.trim_matches('"').into(),
        "hunter2%2F%22%2B%26%20sec-ret%25".into(),
        "hunter2%2F%22%2B%26+sec-ret%25".into(),
        "aHVudGVyMi8iKyYgc2VjLXJldC".into(),
        "h1bnRlcjIvIismIHNlYy1yZXQ".into(),
        "odW50ZXIyLyIrJiBzZWMtcmV0".into(),
        "hunter2".into(),
    ]
}

#[track_caller]
fn holds_no_secret(what: &str, text: &str) {
    for form in forms() {
        if let Some(at) = text.find(&form) {
            let around: String =
                text[..at].chars().rev().take(120).collect::<Vec<_>>().into_iter().rev().collect();
            panic!("{what} holds `{form}`, after `{around}`");
        }
    }
}

#[test]
fn no_secret_is_in_anything_that_a_playbook_leaves_behind() {
    let (bench, server) = (Bench::new(), echo());
    let print = r#"echo $T; printf %s "$T" | base64; printf %s "x$T" | base64; printf %s "$T" | sed 's/"/\\"/g'; printf %s "$T" | head -c 7; sleep 0.1; printf %s "$T" | tail -c +8"#;
    let steps = format!(
        "  - id: ask\n    http: {{method: POST, url: \"http://{server}/?q=1\", headers: {{x-key: \"${{secrets.KEY}}\"}}, body: '{{\"t\": \"${{secrets.KEY}}\"}}'}}\n\
         \x20   outputs: {{said: {{json: $.said}}, head: {{header: x-said}}}}\n\
         \x20 - {{id: again, http: {{method: POST, url: \"http://{server}/\", body: \"${{secrets.KEY}}\"}}, tolerance: {{body: nothing}}, on_failure: continue}}\n\
         \x20 - id: print\n    run: [sh, -c, '{0}']\n    env: {{T: \"${{secrets.KEY}}\"}}\n    outputs: {{all: {{stdout: \"(?s)(.*)\"}}}}\n\
         \x20 - id: complain\n    run: [sh, -c, '{{ {0}; }} >&2; exit 4']\n    env: {{T: \"${{secrets.KEY}}\"}}\n    on_failure: continue\n\
         \x20 - id: hang\n    run: [sh, -c, '{{ {0}; }} >&2; sleep 60']\n    env: {{T: \"${{secrets.KEY}}\"}}\n    timeout: 1s\n    on_failure: continue\n\
         \x20 - {{id: own, probe: {{name: own, run: [sh, -c, 'echo \"$0\"; exit 1', \"${{secrets.KEY}}\"]}}, timeout: 500ms, on_failure: continue}}\n\
         \x20 - {{id: wait, manual: Wait., timeout: 60s}}\n\
         \x20 - {{id: tell, notify: \"${{steps.ask.said}} ${{steps.print.all}}\"}}\n",
        print.replace('\'', "''"),
    );
    let file = bench.write("secretive", "secrets: {KEY: {env: TOKEN}}\n", &steps);
    let args = ["playbook", "run", file.to_str().unwrap(), "--out", "out", "--json", "--manual", "ask"];
    let playbook = Child::spawn(&mut bench.firedrill(&args));
    playbook.wait_for_line(r#""step":"wait""#, PATIENCE);
    for args in [&["status"][..], &["status", "--json"], &["step", "list"], &["step", "list", "--json"]] {
        let said = bench.said(args);
        assert_eq!(said.code, Some(0), "{said:?}");
        holds_no_secret(&format!("{args:?}"), &format!("{}{}", said.stdout, said.stderr));
    }
    assert_eq!(bench.said(&["step", "done", "wait"]).code, Some(0));
    let ended = playbook.wait(PATIENCE);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let results = bench.results();
    let wanted = [
        "ask ok",
        "again failed",
        "print ok",
        "complain failed",
        "hang timed-out",
        "own timed-out",
        "wait ok",
        "tell ok",
    ];
    assert_eq!(results, wanted, "{}", bench.journal());
    holds_no_secret("standard output", &ended.stdout);
    holds_no_secret("standard error", &ended.stderr);
    let mut files = 0;
    let mut folders = vec![bench.path().join("out"), bench.path().join("own")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.file_type().unwrap().is_file() {
                files += 1;
                let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
                holds_no_secret(&entry.path().display().to_string(), &text);
            }
        }
    }
    assert!(files >= 2, "journal and summary at least");
    let journal = bench.journal();
    assert!(journal.contains("[secret]") && journal.contains("${secrets.KEY}"), "it was used, and cut");
}
