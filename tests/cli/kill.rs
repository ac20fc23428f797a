//! kill -9, whenever: what stood still goes on, ports and processes are gone, and the record says that it was cut.

use std::sync::Mutex;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::stage::{
    ACTIVE, EFFECTIVE, Moment, PATIENCE, PREFLIGHT, RECOVERING, SLOW, STEADY, STILL, Stage, VERIFYING,
    at_each, now, signal,
};
use crate::support::wait_until;

/// How long the victims stood still after a kill.
#[derive(Default)]
struct Times(Mutex<Vec<Duration>>);

impl Times {
    fn add(&self, time: Duration) {
        self.0.lock().unwrap().push(time);
    }

    fn print(&self, what: &str) {
        let mut times = self.0.lock().unwrap();
        times.sort();
        let (Some(least), Some(most)) = (times.first(), times.last()) else { return };
        let median = times[times.len() / 2];
        println!("{what}: the victim goes on after {least:?} / {median:?} / {most:?} (of {})", times.len());
    }
}

/// Kills a drill at a moment; everything is taken back, and the same scenario runs again.
fn kill_at(moment: Moment, times: &Times) {
    let stage = Stage::new();
    let lasting = if moment.paused { "30s" } else { "1s" };
    let drill = stage.run(&stage.scenario(lasting), "out", &["--json"]);
    moment.wait(&drill, &stage);
    drill.signal(Signal::SIGKILL);
    let killed = now();
    let time = stage.victim_goes_on(moment.name, killed);
    if moment.paused {
        times.add(time);
    }
    let ended = drill.wait_alone(PATIENCE);
    stage.assert_nothing_left(moment.name);
    match ended.code {
        None => assert_eq!(stage.verified("out"), "cut", "at {}", moment.name),
        // The last look is short: it may be over before the signal comes.
        Some(code) => {
            assert_eq!((moment.name, code), (VERIFYING.name, 0));
            assert_eq!(stage.verified("out"), "whole");
        }
    }
    stage.assert_runs_again(moment.name, &stage.scenario("1s"));
}

#[test]
fn a_drill_killed_in_any_phase_leaves_nothing() {
    let times = Times::default();
    let early = [PREFLIGHT, STEADY, ACTIVE, SLOW];
    at_each(&early, |moment| kill_at(moment, &times));
    let late = [STILL, EFFECTIVE, RECOVERING, VERIFYING];
    at_each(&late, |moment| kill_at(moment, &times));
    times.print("kill -9 of the drill");
}

#[test]
fn a_drill_killed_while_its_command_runs_leaves_neither_the_command_nor_what_that_started() {
    let times = Times::default();
    std::thread::scope(|scope| {
        for script in ["sleep 300", "sleep 301 & sleep 302; true", "setsid sleep 303 & sleep 304; true"] {
            let times = &times;
            scope.spawn(move || {
                let stage = Stage::new();
                let file = stage.scenario("");
                let drill = stage.run(&file, "out", &["--json", "--", "sh", "-c", script]);
                EFFECTIVE.wait(&drill, &stage);
                wait_until("the command", PATIENCE, || stage.processes().len() > 2);
                drill.signal(Signal::SIGKILL);
                let killed = now();
                times.add(stage.victim_goes_on(script, killed));
                assert_eq!(drill.wait_alone(PATIENCE).signal, Some(9));
                stage.assert_nothing_left(script);
                assert_eq!(stage.verified("out"), "cut");
            });
        }
    });
    times.print("kill -9 of the drill with a command under test");
}

#[test]
fn what_a_probe_started_ends_with_a_killed_drill_that_has_no_host_fault() {
    let stage = Stage::new();
    let fault = "  - {id: slow, target: route/svc, latency: 50ms, max: 30s}\n";
    let family =
        "    - {name: family, run: [sh, -c, \"setsid sleep 305 & sleep 306; true\"], timeout: 60s}\n";
    let drill = stage.run(&stage.write("probing", fault, family, ""), "out", &["--json"]);
    STEADY.wait(&drill, &stage);
    // The drill, its guardian, the shell and its two children.
    wait_until("the probe's family", PATIENCE, || stage.processes().len() >= 5);
    drill.signal(Signal::SIGKILL);
    assert_eq!(drill.wait_alone(PATIENCE).signal, Some(9));
    stage.assert_nothing_left("a probe's family");
}

#[test]
fn a_drill_whose_guardian_is_killed_takes_everything_back_and_says_why() {
    at_each(&[STEADY, STILL, EFFECTIVE], |moment| {
        let stage = Stage::new();
        let drill = stage.run(&stage.scenario("30s"), "out", &["--json"]);
        moment.wait(&drill, &stage);
        signal(stage.guardian().unwrap(), Signal::SIGKILL);
        let killed = now();
        let time = stage.victim_goes_on(moment.name, killed);
        println!("kill -9 of the guardian at {}: the victim goes on after {time:?}", moment.name);
        let ended = drill.wait(PATIENCE);
        let summary = stage.summary("out");
        assert_eq!(ended.code, Some(5), "at {}: {summary:#}\n{}", moment.name, ended.stderr);
        assert!(summary["reasons"].to_string().contains("guardian"), "{summary:#}");
        assert_eq!(summary["clean"], true, "{summary:#}");
        stage.assert_nothing_left(moment.name);
        assert_eq!(stage.verified("out"), "whole");
    });
}

#[test]
fn when_drill_and_guardian_die_together_heal_takes_everything_back() {
    // Once the guardian stands still first, so that the drill's end cannot reach it; once they only die together.
    std::thread::scope(|scope| {
        for asleep in [true, false] {
            scope.spawn(move || {
                let stage = Stage::new();
                let file = stage.scenario("30s");
                let drill = stage.run(&file, "out", &["--json"]);
                EFFECTIVE.wait(&drill, &stage);
                let guardian = stage.guardian().unwrap();
                if asleep {
                    signal(guardian, Signal::SIGSTOP);
                }
                drill.signal(Signal::SIGKILL);
                // It may have done its work already.
                let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(guardian), Signal::SIGKILL);
                assert_eq!(drill.wait_alone(PATIENCE).signal, Some(9));
                wait_until("the guardian's death", PATIENCE, || stage.guardian().is_none());
                if asleep {
                    assert_eq!(stage.victim.state(), 'T');
                }
                let healed = stage.said(&["agent", "heal"]);
                assert_eq!(healed.code, Some(0), "{healed:?}");
                let undone = healed.stdout.contains("undone: process_pause `still`");
                assert!(undone || !asleep, "{healed:?}");
                stage.assert_nothing_left("after heal");
                assert_eq!(stage.verified("out"), "cut");
                stage.assert_runs_again("after heal", &stage.scenario("1s"));
            });
        }
    });
}

#[test]
fn the_next_drill_takes_back_what_a_dead_one_left() {
    let stage = Stage::new();
    let drill = stage.run(&stage.scenario("30s"), "out", &["--json"]);
    EFFECTIVE.wait(&drill, &stage);
    let guardian = stage.guardian().unwrap();
    signal(guardian, Signal::SIGSTOP);
    drill.signal(Signal::SIGKILL);
    signal(guardian, Signal::SIGKILL);
    drill.wait_alone(PATIENCE);
    wait_until("the guardian's death", PATIENCE, || stage.guardian().is_none());
    assert_eq!(stage.victim.state(), 'T');
    stage.assert_runs_again("after both died", &stage.scenario("1s"));
    stage.assert_nothing_left("after the next drill");
}

/// The stage with a scenario whose playbook raises a flag, and a way back that takes it down.
fn with_playbook(secrets: &str) -> (Stage, std::path::PathBuf) {
    let stage = Stage::new();
    let book = format!(
        "firedrill: v1\nkind: Playbook\nname: mend\n{secrets}steps:\n\
         \x20 - id: flag\n    run: [touch, flag]\n    undo: {{run: [rm, flag]}}\n    verify: svc\n"
    );
    std::fs::create_dir(stage.path().join("playbooks")).unwrap();
    std::fs::write(stage.path().join("playbooks/mend.yaml"), book).unwrap();
    let fault = "  - {id: slow, target: route/svc, latency: 600ms, max: 60s}\nplaybook: {name: mend, start: impact}\n";
    let file = stage.write("mended", fault, "", "");
    (stage, file)
}

/// Runs it and kills it once the flag is up; the folder of its record is `out`.
fn killed_with_its_flag_up(stage: &Stage, file: &std::path::Path) {
    let drill = stage.run(file, "out", &["--json"]);
    let flag = stage.path().join("flag");
    wait_until("the flag", PATIENCE, || flag.exists());
    drill.signal(Signal::SIGKILL);
    assert_eq!(drill.wait_alone(PATIENCE).signal, Some(9));
    assert!(flag.exists(), "nobody has taken it back yet");
}

#[test]
fn what_the_playbook_of_a_killed_run_changed_is_taken_back_by_heal_from_anywhere() {
    let (stage, file) = with_playbook("");
    killed_with_its_flag_up(&stage, &file);
    assert_eq!(stage.verified("out"), "cut");
    let elsewhere = crate::support::temp_dir();
    let heal = || {
        let mut command = stage.firedrill(&["agent", "heal"]);
        crate::support::Child::spawn(command.current_dir(elsewhere.path())).wait(PATIENCE)
    };
    let healed = heal();
    assert_eq!(healed.code, Some(0), "{healed:?}");
    assert!(healed.stdout.contains("what its playbook had changed is taken back"), "{healed:?}");
    assert!(!stage.path().join("flag").exists(), "its way back was gone where it was meant: {healed:?}");
    assert_eq!(stage.verified("out"), "whole");
    let summary = stage.summary("out");
    assert_eq!(
        (summary["exit"].as_u64(), &summary["clean"]),
        (Some(5), &serde_json::json!(true)),
        "{summary:#}"
    );
    assert!(stage.path().join("out/report.html").exists());
    let again = heal();
    assert!(again.code == Some(0) && again.stdout.starts_with("nothing to undo"), "{again:?}");
}

#[test]
fn the_next_run_takes_back_what_the_playbook_of_a_killed_one_changed() {
    let (stage, file) = with_playbook("");
    killed_with_its_flag_up(&stage, &file);
    let flag = stage.path().join("flag");
    let next = stage.run(&stage.scenario("1s"), "next", &["--json"]).wait(PATIENCE);
    assert_eq!(next.code, Some(0), "{}\n{}", next.stderr, next.stdout);
    assert!(next.stderr.contains("an earlier run had died"), "{}", next.stderr);
    assert!(!flag.exists() && stage.verified("out") == "whole" && stage.verified("next") == "whole");
}

#[test]
fn a_way_back_that_lacks_its_secret_is_told_and_gone_once_it_is_there() {
    let secrets = "secrets: {TOKEN: {env: FLAG_TOKEN}}\n";
    let (stage, file) = with_playbook(secrets);
    let run = ["run", file.to_str().unwrap(), "--out", "out", "--json"];
    let drill = crate::support::Child::spawn(stage.firedrill(&run).env("FLAG_TOKEN", "a long secret"));
    let flag = stage.path().join("flag");
    wait_until("the flag", PATIENCE, || flag.exists());
    drill.signal(Signal::SIGKILL);
    assert_eq!(drill.wait_alone(PATIENCE).signal, Some(9));
    let without = stage.said(&["agent", "heal"]);
    assert_eq!(without.code, Some(7), "{without:?}");
    assert!(
        without.stdout.contains("`FLAG_TOKEN` is not set") && without.stdout.contains("flag"),
        "{without:?}"
    );
    assert!(flag.exists() && stage.verified("out") == "cut");
    let mut heal = stage.firedrill(&["agent", "heal"]);
    let with = crate::support::Child::spawn(heal.env("FLAG_TOKEN", "a long secret")).wait(PATIENCE);
    assert_eq!(with.code, Some(0), "{with:?}");
    assert!(!flag.exists() && stage.verified("out") == "whole");
}
