//! `firedrill run` as a user meets it: what is refused before the first fault, and what is left after every end.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use crate::stage::{EFFECTIVE, PATIENCE, Stage};
use crate::support::{Ended, free_port, wait_until};

/// A late route, for one second; felt by the probe.
const SLOW: &str = "  - {id: slow, target: route/svc, latency: 600ms, until: 1s, max: 30s}\n";

/// Runs to the end; nothing of it may be left, whatever the end was.
fn run(stage: &Stage, file: &Path, more: &[&str]) -> Ended {
    let ended = stage.run(file, "out", more).wait_alone(PATIENCE);
    wait_until("no process is left", Duration::from_secs(5), || stage.processes().is_empty());
    assert_eq!(stage.undo_journals(), 0);
    ended
}

#[track_caller]
fn assert_refused(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = format!("{}{}", ended.stdout, ended.stderr);
    for part in parts {
        assert!(said.contains(part), "no {part:?} in {ended:?}");
    }
    assert!(!said.contains("fault slow applied"), "{ended:?}");
}

#[test]
fn a_folder_that_cannot_be_made_is_refused_before_anything_is_touched() {
    let stage = Stage::new();
    let file = stage.write("plain", SLOW, "", "");
    std::fs::write(stage.path().join("in-the-way"), "a file").unwrap();
    for out in ["in-the-way", "in-the-way/below", "/proc/no-such-place"] {
        let ended = stage.run(&file, out, &[]).wait_alone(PATIENCE);
        assert_refused(&ended, &[out, "--out DIR"]);
        assert!(TcpListener::bind(stage.listen).is_ok());
    }
    assert_eq!(std::fs::read_to_string(stage.path().join("in-the-way")).unwrap(), "a file");
    stage.assert_no_drill("after refusals");
}

#[test]
fn an_old_record_is_never_written_over() {
    let stage = Stage::new();
    let file = stage.write("plain", SLOW, "", "");
    std::fs::create_dir(stage.path().join("out")).unwrap();
    std::fs::write(stage.path().join("out/journal.jsonl"), "old").unwrap();
    assert_refused(&run(&stage, &file, &[]), &["out/journal.jsonl", "--out DIR"]);
    assert_eq!(std::fs::read_to_string(stage.path().join("out/journal.jsonl")).unwrap(), "old");
}

#[test]
fn a_port_in_use_and_an_upstream_that_is_down_are_both_named_before_the_first_fault() {
    let mut stage = Stage::new();
    let taken = TcpListener::bind(stage.listen).unwrap();
    stage.upstream.address.set_port(free_port());
    let file = stage.write("plain", SLOW, "", "");
    let (listen, upstream) = (stage.listen.to_string(), stage.upstream.address.to_string());
    let ended = run(&stage, &file, &[]);
    assert_refused(&ended, &["route `svc`", &listen, "in use", &upstream, "cannot be reached"]);
    drop(taken);
    let summary = stage.summary("out");
    assert_eq!((&summary["exit"], &summary["clean"]), (&1.into(), &true.into()), "{summary:#}");
    assert_eq!(stage.verified("out"), "whole", "also a refusal is on record");
}

#[test]
fn a_probe_that_hangs_is_ended_at_its_time_out_and_the_gate_is_not_met() {
    let stage = Stage::new();
    let hanging = "    - {name: hanging, run: [sh, -c, \"trap '' TERM; sleep 300; true\"], timeout: 300ms}\n";
    let file = stage.write("hanging", SLOW, hanging, "  gate_within: 3s\n");
    let ended = run(&stage, &file, &[]);
    assert_eq!(ended.code, Some(6), "{ended:?}");
    let summary = stage.summary("out");
    let reasons = summary["reasons"].to_string();
    assert!(reasons.contains("hanging") && reasons.contains("time-out"), "{reasons}");
    assert!(!ended.stdout.contains("fault slow applied"), "{}", ended.stdout);
    assert_eq!(stage.verified("out"), "whole");
}

#[test]
fn a_command_that_ignores_term_is_killed_with_all_it_started_once_the_faults_are_over() {
    let stage = Stage::new();
    let file = stage.write("deaf", &SLOW.replace("until: 1s, max: 30s", "max: 1s"), "", "");
    let script = "trap '' TERM; sleep 301 & setsid sleep 302 & sleep 303; sleep 304; true";
    let ended = run(&stage, &file, &["--", "sh", "-c", script]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let summary = stage.summary("out");
    assert_eq!(
        (&summary["command"]["is"], &summary["clean"]),
        (&"failed".into(), &true.into()),
        "{summary:#}"
    );
    assert!(summary["command"].to_string().contains("still running"), "{summary:#}");
}

#[test]
fn a_command_that_cannot_be_started_is_refused_before_the_first_fault_and_named() {
    let stage = Stage::new();
    let ended = run(&stage, &stage.write("absent", SLOW, "", ""), &["--", "/no/such/program"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let summary = stage.summary("out");
    assert!(summary["reasons"].to_string().contains("/no/such/program"), "{summary:#}");
    assert_eq!(summary["times"]["applied"], serde_json::Value::Null, "{summary:#}");
}

#[test]
fn a_state_directory_that_cannot_be_used_is_named_before_the_first_fault() {
    let of = |prepare: &dyn Fn(&Path)| {
        let stage = Stage::new();
        prepare(&stage.own());
        let file = stage.scenario("1s");
        let ended = stage.run(&file, "out", &[]).wait_alone(PATIENCE);
        assert_eq!(stage.victim.state(), 'S');
        assert!(TcpListener::bind(stage.listen).is_ok());
        assert!(stage.processes().is_empty());
        (ended, stage.own().display().to_string())
    };
    let (ended, own) = of(&|own| std::fs::write(own, "a file").unwrap());
    assert_refused(&ended, &[&own]);
    let (ended, own) = of(&|own| {
        std::fs::create_dir_all(own).unwrap();
        std::fs::write(own.join("state"), "a file").unwrap();
    });
    assert_refused(&ended, &[&format!("{own}/state")]);
    let (ended, own) = of(&|own| {
        std::fs::create_dir_all(own.join("state")).unwrap();
        std::fs::write(own.join("state/undo"), "a file").unwrap();
    });
    assert_refused(&ended, &[&format!("{own}/state/undo")]);
    let (ended, own) = of(&|own| {
        std::fs::create_dir_all(own.join("run")).unwrap();
        std::fs::set_permissions(own.join("run"), PermissionsExt::from_mode(0o777)).unwrap();
    });
    assert_refused(&ended, &[&format!("chmod 700 {own}/run")]);
}

#[test]
fn a_directory_too_long_for_a_socket_is_refused_with_the_way_out() {
    let stage = Stage::new();
    let file = stage.write("plain", SLOW, "", "");
    let long = stage.path().join("x".repeat(90));
    let mut command = stage.firedrill(&["run", file.to_str().unwrap(), "--out", "out"]);
    let ended = crate::support::Child::spawn(command.env("FIREDRILL_DIR", &long)).wait(PATIENCE);
    assert_refused(&ended, &["Unix socket", "shorter"]);
}

#[test]
fn a_disk_that_fills_stops_the_drill_and_takes_everything_back() {
    let stage = Stage::new();
    let file = stage.scenario("30s");
    // No file may grow beyond 64 KiB: the undo journal fits, a drill's record does not.
    let script = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
    let mut command = std::process::Command::new("sh");
    let program = stage.firedrill(&[]).get_program().to_owned();
    command.args(["-c", script]).arg(program).arg("run").arg(&file).args(["--out", "out", "--json"]);
    command.current_dir(stage.path()).env("FIREDRILL_DIR", stage.own());
    let drill = crate::support::Child::spawn(&mut command);
    EFFECTIVE.wait(&drill, &stage);
    let ended = drill.wait_alone(PATIENCE);
    assert!(ended.stderr.contains("journal.jsonl"), "{}", ended.stderr);
    // Not 1, which would say that no fault was applied.
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    // What is known is told, though it is not on record.
    let last: serde_json::Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
    let summary = &last["data"]["summary"];
    assert_eq!((&summary["exit"], &summary["clean"]), (&5.into(), &true.into()), "{last}");
    assert!(summary["reasons"][0].as_str().unwrap().contains("journal.jsonl"), "{last}");
    stage.assert_nothing_left("a full disk");
    assert_eq!(stage.verified("out"), "cut");
}

#[test]
fn two_drills_run_side_by_side_under_two_names() {
    let [one, two] = [Stage::new(), Stage::new()];
    let drills = [&one, &two].map(|stage| {
        let mut args = vec!["run".to_owned(), stage.scenario("2s").display().to_string()];
        args.extend(["--out", "out", "--json"].map(str::to_owned));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        // Both keep their sockets and undo journals in the first one's directory.
        crate::support::Child::spawn(stage.firedrill(&args).env("FIREDRILL_DIR", one.own()))
    });
    EFFECTIVE.wait(&drills[0], &one);
    EFFECTIVE.wait(&drills[1], &two);
    let several = one.said(&["status"]);
    assert!(several.code == Some(1) && several.stderr.contains("--drill"), "{several:?}");
    for drill in drills {
        let ended = drill.wait_alone(PATIENCE);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let ids = [&one, &two].map(|stage| {
        let journal = std::fs::read_to_string(stage.path().join("out/journal.jsonl")).unwrap();
        let first: serde_json::Value = serde_json::from_str(journal.lines().next().unwrap()).unwrap();
        first["data"]["drill"].as_str().unwrap().to_owned()
    });
    assert!(!ids[0].is_empty() && ids[0] != ids[1], "{ids:?}");
    one.assert_nothing_left("two drills");
}

#[test]
fn the_seed_is_printed_first_and_last() {
    let stage = Stage::new();
    let ended = run(&stage, &stage.write("seeded", SLOW, "", ""), &["--seed", "987654"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(lines[0].contains("seed 987654"), "{}", lines[0]);
    let last = lines[lines.len() - 3..].join("\n");
    assert!(last.contains("seed 987654"), "{last}");
    assert_eq!(stage.summary("out")["seed"], 987_654);
}

#[test]
fn every_end_leaves_a_whole_journal_and_a_summary_with_its_exit_status() {
    let unfelt =
        "  - {id: slow, target: route/svc, latency: 600ms, until: 500ms, max: 30s, match: {path: /nobody}}\n";
    let open_ended = SLOW.replace("until: 1s, ", "");
    let check = |faults: &str, steady: &str, more: &[&str], expected: i32| {
        let stage = Stage::new();
        let ended = run(&stage, &stage.write("ends", faults, "", steady), more);
        assert_eq!(ended.code, Some(expected), "{faults}{more:?}: {ended:?}");
        assert_eq!(stage.summary("out")["exit"], expected);
        assert_eq!(stage.verified("out"), "whole");
        stage.assert_nothing_left("every end");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| check(SLOW, "", &[], 0));
        scope.spawn(|| check(&open_ended, "", &["--", "sleep", "2"], 0));
        scope.spawn(|| check(&open_ended, "", &["--", "sh", "-c", "sleep 2; exit 3"], 4));
        scope.spawn(|| check(unfelt, "", &[], 6));
    });
}
