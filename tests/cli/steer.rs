//! The commands that see and steer a running drill, against a control socket that this test serves.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firedrill::coordinator::control::{Request, SocketFile, Status, bind, serve};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::{Child, Ended, firedrill, temp_dir};

const SOON: Duration = Duration::from_secs(20);

fn run(dir: &Path, args: &[&str]) -> Ended {
    Child::spawn(firedrill().env("FIREDRILL_DIR", dir).args(args)).wait(SOON)
}

/// A drill that does what it is told, on threads that end with the value.
struct Drill {
    asked: Arc<Mutex<Vec<String>>>,
    _stop: DropGuard,
    _runtime: tokio::runtime::Runtime,
    _socket: SocketFile,
}

fn status(id: &str, folder: &Path) -> Status {
    serde_json::from_value(json!({
        "drill": id, "scenario": "slow-payments", "seed": 42, "phase": "active", "elapsed": "12s", "left": "30s",
        "probes": [{"name": "checkout", "judgement": {"is": "violated", "why": "p95 is 2s"}, "last": "2s"}],
        "faults": [{
            "id": "slow", "kind": "latency", "target": "route/payments", "state": "effective",
            "matched": 10, "faulted": 9
        }],
        "recent": ["+1.0s  fault slow applied"], "folder": folder
    }))
    .unwrap()
}

fn drill(dir: &Path, id: &str) -> Drill {
    drill_with(dir, id, status(id, dir))
}

fn drill_with(dir: &Path, id: &str, mut status: Status) -> Drill {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (asked, stop) = (Arc::new(Mutex::new(Vec::new())), CancellationToken::new());
    let (sender, mut requests) = mpsc::channel(8);
    let kept = Arc::clone(&asked);
    let socket = runtime.block_on(async {
        let (listener, socket) = bind(&dir.join("run"), id).unwrap();
        tokio::spawn(serve(listener, sender, stop.clone()));
        tokio::spawn(async move {
            while let Some(request) = requests.recv().await {
                let words = match request {
                    Request::Status { reply } => {
                        let _ = reply.send(status.clone());
                        // The removal takes a moment: the second look after a halt finds it done.
                        if serde_json::to_value(&status).unwrap()["phase"] == "stopping" {
                            let mut value = serde_json::to_value(&status).unwrap();
                            value["faults"][0]["state"] = "clean".into();
                            status = serde_json::from_value(value).unwrap();
                        }
                        continue;
                    }
                    Request::Halt { reason, reply, .. } => {
                        let mut value = serde_json::to_value(&status).unwrap();
                        value["phase"] = "stopping".into();
                        status = serde_json::from_value(value).unwrap();
                        let _ = reply.send(());
                        format!("halt {reason}")
                    }
                    Request::Note { text, action, reply, .. } => {
                        let _ = reply.send(());
                        format!("{} {text}", if action { "action" } else { "note" })
                    }
                    Request::Answer { step, reply, .. } => {
                        let _ = reply.send(Err("this drill has no playbook".into()));
                        format!("answer {step}")
                    }
                    Request::StartPlaybook { reply, .. } => {
                        let _ = reply.send(Err("this drill has no playbook".into()));
                        "start".to_owned()
                    }
                    Request::SetFault { fault, changes, reply, .. } => {
                        let _ = reply.send(Ok("delay 2s → 500ms".into()));
                        format!("set {fault} {changes:?}")
                    }
                };
                kept.lock().unwrap().push(words);
            }
        });
        socket
    });
    Drill { asked, _stop: stop.drop_guard(), _runtime: runtime, _socket: socket }
}

#[test]
fn with_nothing_running_every_command_says_where_it_looked() {
    let dir = temp_dir();
    for args in [&["status"][..], &["halt"], &["note", "x"], &["fault", "set", "slow", "delay=1s"]] {
        let ended = run(dir.path(), args);
        assert_eq!(ended.code, Some(1), "{args:?}");
        let looked = format!("no drill is running here (looked in `{}`)", dir.path().join("run").display());
        assert!(ended.stderr.contains(&looked), "{args:?}: {}", ended.stderr);
    }
    assert!(!dir.path().join("state/halted").exists(), "nothing was halted, so nothing is locked");
}

#[test]
fn status_shows_the_drill_in_words_and_as_json() {
    let dir = temp_dir();
    let _drill = drill(dir.path(), "d-1");
    let ended = run(dir.path(), &["status"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for part in
        ["drill d-1", "seed 42", "phase active", "violated: p95 is 2s", "effective", "+1.0s  fault slow"]
    {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    let ended = run(dir.path(), &["status", "--json"]);
    let read: Status = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(read, status("d-1", dir.path()));
}

#[test]
fn status_shows_the_playbook_and_what_is_asked_of_people() {
    let dir = temp_dir();
    let step = |id: &str, state: &str, extra: serde_json::Value| {
        let mut step = json!({
            "id": id, "title": "Title of it", "role": "sre", "kind": "manual", "state": state, "entered_at": null,
            "ended_at": null, "left": null, "attempts": 0, "attempts_max": 1, "visits": 1, "who": null,
            "why": null, "way_back": {"is": "not-taken"}
        });
        step.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        step
    };
    let mut status = serde_json::to_value(status("d-1", dir.path())).unwrap();
    status["playbook"] = json!({
        "name": "payments-degraded", "title": "Restore payments", "state": "running", "start": "alarm",
        "started_by": "alarm HighLatency", "started_at": "2s", "ended_at": null, "ending": null,
        "steps": [
            step("check", "verified", json!({"entered_at": "2s", "ended_at": "5s200ms", "who": "ana (1000)"})),
            step("switch", "asking", json!({"entered_at": "6s", "left": "4m12s"})),
            step("again", "retrying", json!({"attempts": 1, "attempts_max": 3, "left": "5s", "why": "status 500"})),
            step("last", "pending", json!({"visits": 0})),
        ],
        "asks": {
            "step": "switch", "title": "Switch over", "is_approval": false, "text": "Press it.\nThen wait.",
            "links": ["https://wiki/switch"], "roles": ["sre"], "who": null, "stuck": 0, "agreed": [],
            "questions": [{"id": "side", "title": "Which side?", "kind": {"choice": ["left", "right"]}}],
            "needed": 1, "since": "6s", "left": "4m12s", "budget_left": "0s"
        }
    });
    let status: Status = serde_json::from_value(status).unwrap();
    let _drill = drill_with(dir.path(), "d-1", status.clone());
    let ended = run(dir.path(), &["status"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let expected = "\
PLAYBOOK  Restore payments (payments-degraded)
  running for 10s, started by alarm HighLatency
  check   verified      took 3.20s, ana (1000)
> switch  asks people   for sre, 4m12s left
> again   retrying      attempt 2 of 3 in 5s, status 500
  last    pending       Title of it

ASKED OF PEOPLE  switch: Switch over
  Press it.
  Then wait.
  see https://wiki/switch
  side: Which side? (1 left, 2 right)
  4m12s left, longer than it should take, for sre
  firedrill step done switch --answer side=…
";
    assert!(ended.stdout.contains(expected), "{}", ended.stdout);
    let read: Status = serde_json::from_str(&run(dir.path(), &["status", "--json"]).stdout).unwrap();
    assert_eq!(read, status);
}

#[test]
fn notes_and_changes_reach_the_drill_that_is_named() {
    let dir = temp_dir();
    let (one, two) = (drill(dir.path(), "d-1"), drill(dir.path(), "d-2"));
    let unclear = run(dir.path(), &["note", "which?"]);
    assert_eq!(unclear.code, Some(1));
    assert!(unclear.stderr.contains("--drill: d-1, d-2"), "{}", unclear.stderr);
    assert_eq!(run(dir.path(), &["note", "--drill", "d-2", "pager", "rang"]).code, Some(0));
    let set = run(dir.path(), &["fault", "set", "--drill", "d-2", "slow", "delay=500ms"]);
    assert_eq!((set.code, set.stdout.trim()), (Some(0), "fault slow: delay 2s → 500ms"));
    assert!(one.asked.lock().unwrap().is_empty());
    assert_eq!(*two.asked.lock().unwrap(), ["note pager rang", "set slow [(\"delay\", \"500ms\")]"]);
}

#[test]
fn a_halt_stops_every_drill_waits_and_engages_the_lever_until_it_is_released() {
    let dir = temp_dir();
    let drills = [drill(dir.path(), "d-1"), drill(dir.path(), "d-2")];
    let ended = run(dir.path(), &["halt", "--reason", "smoke"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for part in
        ["drill d-1: every fault is gone (slow clean)", "drill d-2: every fault", "halt release --reason"]
    {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    for drill in &drills {
        assert_eq!(*drill.asked.lock().unwrap(), ["halt smoke"]);
    }
    let lever = std::fs::read_to_string(dir.path().join("state/halted")).unwrap();
    assert!(lever.contains("smoke"), "{lever}");
    assert_eq!(run(dir.path(), &["halt", "release"]).code, Some(1), "a release needs a reason");
    assert_eq!(run(dir.path(), &["halt", "release", "--reason", " "]).code, Some(1));
    assert!(dir.path().join("state/halted").exists());
    let released = run(dir.path(), &["halt", "release", "--reason", "it was toast"]);
    assert_eq!(released.code, Some(0), "{}", released.stderr);
    assert!(released.stdout.contains("smoke") && !dir.path().join("state/halted").exists());
}

#[test]
fn verify_tells_whole_from_cut_and_broken_and_passes_only_the_whole() {
    use firedrill::drill::journal::{CLOSED, Chain};
    let dir = temp_dir();
    let path = dir.path().join("journal.jsonl");
    let mut chain = Chain::default();
    let mut lines = Vec::new();
    for n in 0..4u64 {
        let (kind, data) =
            if n == 3 { (CLOSED, json!({"lines": n})) } else { ("note.written", json!({"n": n})) };
        lines.push(chain.seal(jiff::Timestamp::UNIX_EPOCH, Duration::from_secs(n), kind, &data));
    }
    let whole = lines.join("\n") + "\n";
    let check = |text: &str, head: Option<&str>, code: i32, says: &str| {
        std::fs::write(&path, text).unwrap();
        let mut args = vec!["verify", path.to_str().unwrap()];
        args.extend(head.iter().flat_map(|head| ["--head", head]));
        let ended = run(dir.path(), &args);
        assert_eq!(ended.code, Some(code), "{} {}", ended.stdout, ended.stderr);
        assert!(ended.stdout.contains(says), "{says}: {}", ended.stdout);
    };
    check(&whole, None, 0, "whole: 4 lines");
    check(&whole, Some(chain.head()), 0, "that was given");
    check(&whole, Some("00"), 1, "broken at line 3");
    check(&lines[..2].join("\n"), None, 1, "cut: 1 lines");
    check(&whole.replace("{\"n\":1}", "{\"n\":2}"), None, 1, "broken at line 1");
    std::fs::write(&path, &whole).unwrap();
    let ended = run(dir.path(), &["verify", "--json", dir.path().to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "a drill's folder will do: {}", ended.stderr);
    let read: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&read["state"], &read["lines"]), (&json!("whole"), &json!(4)));
}
