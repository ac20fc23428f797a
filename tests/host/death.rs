//! Whoever dies, and whenever: what stood still goes on, and nothing is left behind.

use std::os::unix::fs::FileExt;
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::bench::{Bench, is_dead, pause, signal};
use crate::support::{firedrill, wait_until};
use crate::victim::{SOON, Victim};
use crate::worker::Worker;

/// The steps of a fault's life, in order, as the agent reports them; `removal` are those after the second line.
const APPLYING: [&str; 6] =
    ["chosen", "intent-written", "one-hit", "all-hit", "effect-seen", "applied-written"];
const REMOVING: [&str; 2] = ["undone", "undone-written"];

fn heal(bench: &Bench) -> (Option<i32>, String) {
    let out = firedrill().args(["agent", "heal", "--state-dir"]).arg(bench.state_dir()).output().unwrap();
    (out.status.code(), String::from_utf8(out.stdout).unwrap())
}

/// Starts a worker that kills itself at a step, and takes it there.
fn dies_at(bench: &Bench, victims: &[Victim], step: &str) -> Worker {
    let mut worker = Worker::start(bench, &pause(&victims[0].name), Some((step, Signal::SIGKILL)));
    worker.go();
    if REMOVING.contains(&step) {
        worker.wait_for("applied: Ok");
        assert!(victims.iter().all(|victim| victim.state() == 'T'));
        worker.go();
    }
    worker
}

#[expect(clippy::disallowed_methods, reason = "prints how long the way back took")]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn a_worker_killed_at_any_step_leaves_the_way_back_to_its_guardian() {
    for step in APPLYING.into_iter().chain(REMOVING) {
        let bench = Bench::new();
        let victims = Victim::crowd(bench.path(), 3);
        let worker = dies_at(&bench, &victims, step);
        assert_eq!(worker.child.wait(SOON).signal, Some(9), "it died at {step}");
        let died = now();
        wait_until(&format!("the guardian's end after {step}"), SOON, || bench.guardian().is_none());
        println!("killed at {step}: everything undone after {:?}", died.elapsed());
        let states: String = victims.iter().map(Victim::state).collect();
        assert_eq!((states.as_str(), bench.journals().len()), ("SSS", 0), "killed at {step}");
    }
}

#[test]
fn a_worker_and_a_guardian_that_die_together_leave_the_way_back_to_the_next_life() {
    for step in APPLYING.into_iter().chain(REMOVING) {
        let bench = Bench::new();
        let victims = Victim::crowd(bench.path(), 2);
        let mut worker = Worker::start(&bench, &pause(&victims[0].name), Some((step, Signal::SIGKILL)));
        let guardian = bench.guardian().unwrap();
        if REMOVING.contains(&step) {
            worker.go();
            worker.wait_for("applied: Ok");
        }
        // It stands still, so that it cannot act before it is killed too.
        signal(guardian, Signal::SIGSTOP);
        worker.go();
        assert_eq!(worker.child.wait(SOON).signal, Some(9), "it died at {step}");
        signal(guardian, Signal::SIGKILL);
        wait_until("the guardian's death", SOON, || is_dead(guardian));
        if ["all-hit", "effect-seen", "applied-written"].contains(&step) {
            victims.iter().for_each(|victim| victim.wait_for_state('T'));
        }
        let (code, said) = heal(&bench);
        assert_eq!(code, Some(0), "{said}");
        let states: String = victims.iter().map(Victim::state).collect();
        assert_eq!((states.as_str(), bench.journals().len()), ("SS", 0), "killed at {step}: {said}");
        assert_eq!(heal(&bench).0, Some(0), "once more changes nothing");
    }
}

#[tokio::test]
async fn the_next_agent_undoes_first_what_dead_lives_left() {
    let bench = Bench::new();
    let victims = [Victim::start(bench.path())];
    let mut worker = Worker::start(&bench, &pause(&victims[0].name), None);
    worker.go();
    worker.wait_for("applied: Ok");
    let guardian = bench.guardian().unwrap();
    signal(guardian, Signal::SIGSTOP);
    worker.child.signal(Signal::SIGKILL);
    assert_eq!(worker.child.wait(SOON).signal, Some(9));
    signal(guardian, Signal::SIGKILL);
    wait_until("the guardian's death", SOON, || is_dead(guardian));
    assert_eq!(victims[0].state(), 'T');
    let agent = bench.agent().await;
    assert_eq!(victims[0].state(), 'S');
    assert_eq!(agent.healed().undone, ["process_pause `f` of drill-1: taken back"]);
    assert_eq!(agent.stop().await, Vec::<String>::new());
    assert_eq!(bench.journals().len(), 0);
}

#[test]
fn a_torn_end_of_the_undo_journal_does_not_hide_what_stands_before_it() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    let mut worker = Worker::start(&bench, &pause(&victim.name), None);
    worker.go();
    worker.wait_for("applied: Ok");
    let guardian = bench.guardian().unwrap();
    signal(guardian, Signal::SIGSTOP);
    worker.child.signal(Signal::SIGKILL);
    worker.child.wait(SOON);
    signal(guardian, Signal::SIGKILL);
    wait_until("the guardian's death", SOON, || is_dead(guardian));
    let path = bench.journals().remove(0);
    let bytes = std::fs::read(&path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[200, 0, 0, 0, 1, 2, 3, 4, b'{', b'"'], end).unwrap();
    let (code, said) = heal(&bench);
    assert_eq!((code, victim.state(), bench.journals().len()), (Some(0), 'S', 0), "{said}");
}

#[test]
fn a_stuck_worker_is_not_waited_for_and_takes_its_own_late_deed_back_when_it_wakes() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    // It stands still with its way back written and its deed not yet done: the worst moment.
    let mut worker = Worker::start(&bench, &pause(&victim.name), Some(("intent-written", Signal::SIGSTOP)));
    worker.go();
    wait_until("the guardian's end", SOON * 2, || bench.guardian().is_none());
    assert_eq!(victim.state(), 'S');
    worker.child.signal(Signal::SIGCONT);
    worker.wait_for("applied: Err");
    victim.wait_for_state('S');
    worker.go();
    worker.wait_for("stopped: []");
    assert_eq!((victim.state(), bench.journals().len()), ('S', 0));
}

#[test]
fn a_worker_that_gets_stuck_during_a_fault_is_not_waited_for() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    let mut worker = Worker::start(&bench, &pause(&victim.name), None);
    worker.go();
    worker.wait_for("applied: Ok");
    worker.child.signal(Signal::SIGSTOP);
    wait_until("the way back", SOON * 2, || victim.state() == 'S');
}

#[test]
fn what_lives_is_not_healed() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    let mut worker = Worker::start(&bench, &pause(&victim.name), None);
    worker.go();
    worker.wait_for("applied: Ok");
    let (code, said) = heal(&bench);
    assert!(code == Some(0) && said.contains("belongs to a run that lives"), "{said}");
    assert_eq!(victim.state(), 'T');
    worker.go();
    worker.wait_for("stopped: []");
    assert_eq!(victim.state(), 'S');
}
