//! SIGTERM and Ctrl-C, whenever: the drill stops in order, takes everything back and closes its record.

use nix::sys::signal::Signal;

use crate::stage::{
    ACTIVE, EFFECTIVE, Moment, PATIENCE, PREFLIGHT, RECOVERING, SLOW, STEADY, STILL, Stage, VERIFYING,
    at_each, now, signal,
};

fn stop_at(moment: Moment, signals: &[Signal]) {
    let what = format!("{signals:?} at {}", moment.name);
    let stage = Stage::new();
    let lasting = if moment.paused { "30s" } else { "1s" };
    let drill = stage.run(&stage.scenario(lasting), "out", &["--json"]);
    moment.wait(&drill, &stage);
    let pid = i32::try_from(drill.pid()).unwrap();
    signals.iter().for_each(|each| signal(pid, *each));
    let told = now();
    let ended = drill.wait_alone(PATIENCE);
    println!("{what}: over after {:?}", told.elapsed());
    let summary = stage.summary("out");
    // Once the last look has begun, everything is over already and there is nothing to stop.
    let expected = if moment.name == VERIFYING.name { 0 } else { 5 };
    assert_eq!((ended.code, &summary["exit"]), (Some(expected), &expected.into()), "{what}: {summary:#}");
    assert_eq!(summary["clean"], true, "{what}: {summary:#}");
    if expected == 5 {
        let reasons = summary["reasons"].to_string();
        assert!(reasons.contains("SIGTERM") || reasons.contains("SIGINT"), "{what}: {reasons}");
    }
    assert_eq!(stage.verified("out"), "whole", "{what}");
    stage.assert_nothing_left(&what);
}

const ALL: [Moment; 8] = [PREFLIGHT, STEADY, ACTIVE, SLOW, STILL, EFFECTIVE, RECOVERING, VERIFYING];

#[test]
fn a_drill_told_to_end_in_any_phase_ends_in_order() {
    at_each(&ALL[..4], |moment| stop_at(moment, &[Signal::SIGTERM]));
    at_each(&ALL[4..], |moment| stop_at(moment, &[Signal::SIGTERM]));
}

#[test]
fn ctrl_c_in_any_phase_ends_a_drill_in_order() {
    at_each(&ALL[..4], |moment| stop_at(moment, &[Signal::SIGINT]));
    at_each(&ALL[4..], |moment| stop_at(moment, &[Signal::SIGINT]));
}

#[test]
fn ctrl_c_twice_does_not_cut_the_way_back_short() {
    let all = [Signal::SIGINT, Signal::SIGINT, Signal::SIGTERM, Signal::SIGINT];
    at_each(&[STEADY, EFFECTIVE, RECOVERING], |moment| stop_at(moment, &all));
}

#[test]
fn a_stop_ends_the_command_under_test_and_what_it_started() {
    let stage = Stage::new();
    let script = "sleep 301 & setsid sleep 302 & sleep 303; true";
    let drill = stage.run(&stage.scenario(""), "out", &["--json", "--", "sh", "-c", script]);
    EFFECTIVE.wait(&drill, &stage);
    drill.signal(Signal::SIGTERM);
    let ended = drill.wait_alone(PATIENCE);
    let summary = stage.summary("out");
    assert_eq!(ended.code, Some(5), "{summary:#}");
    assert_eq!(stage.verified("out"), "whole");
    stage.assert_nothing_left("a stop with a command");
}
