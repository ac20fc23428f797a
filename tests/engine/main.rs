//! Whole drills through the engine: real sockets, a real proxy, a real journal.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;
mod world;

use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::Duration;

use firedrill::coordinator::control::Request;
use firedrill::drill::Summary;
use firedrill::drill::journal::{Verified, verify};
use firedrill::drill::replay::replay;
use firedrill::drill::summary::{CommandResult, Effect, Impact, RestoredBy, Validity};
use firedrill::fault::Period;
use firedrill::scenario::plan::{AbortRule, SecretSource, Until};
use firedrill::score::{AlarmWord, Scorecard};
use tokio::sync::oneshot;

use support::Upstream;
use world::{Onlooker, World, latency, plan};

fn verified(world: &World) -> Verified {
    verify(&std::fs::read(world.folder().join("journal.jsonl")).unwrap(), None)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_is_felt_and_taken_back() {
    let (upstream, mut world) = (Upstream::start(), World::new());
    let plan = plan(upstream.address);
    let listen = plan.routes[0].spec.listen.clone();
    let outcome = world.run(plan).await.unwrap();
    let summary = &outcome.summary;
    assert_eq!((summary.exit, &summary.reasons[..]), (0, &[][..]));
    assert_eq!((summary.effect, summary.impact), (Effect::Confirmed, Impact::Seen));
    assert_eq!(
        (summary.restored_by, summary.clean, summary.drill),
        (RestoredBy::FaultEnd, true, Validity::Valid)
    );
    assert!(summary.faults[0].evidence.faulted > 0);
    let Verified::Whole { head, .. } = verified(&world) else { panic!("{:?}", verified(&world)) };
    assert_eq!(head, outcome.head);
    let written: serde_json::Value =
        serde_json::from_slice(&std::fs::read(world.folder().join("summary.json")).unwrap()).unwrap();
    assert_eq!(written["journal"]["head"], head);
    TcpListener::bind(listen).expect("the route is gone");
    let journal = std::fs::read(world.folder().join("journal.jsonl")).unwrap();
    assert_eq!(&Summary::of(&replay(&journal).unwrap()), summary, "the journal alone gives the same results");
    let kept = std::fs::read(world.folder().join("scorecard.json")).unwrap();
    assert_eq!(kept, Scorecard::of(&journal).unwrap().to_json_bytes().unwrap(), "and the same scorecard");
    let card = Scorecard::of(&journal).unwrap();
    assert_eq!((&card.summary, card.complete, card.alarms.word), (summary, true, AlarmWord::None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_nobody_feels_proves_nothing_and_the_idle_route_is_named_before_it() {
    let (upstream, mut world) = (Upstream::start(), World::new());
    let mut plan = plan(upstream.address);
    let mut idle = plan.routes[0].clone();
    idle.spec.name = "idle".into();
    idle.spec.listen = "127.0.0.1:0".into();
    plan.routes.push(idle);
    plan.faults = vec![latency("unfelt", "route/idle", Period::from_millis(500))];
    let summary = world.run(plan).await.unwrap().summary;
    assert_eq!((summary.exit, summary.effect, summary.drill), (6, Effect::None, Validity::Invalid));
    assert_eq!(summary.reasons, ["no effect was measured of: unfelt"]);
    let seen = world.seen();
    let place = |kind: &str| seen.iter().position(|other| other == kind);
    assert!(place("note.written").unwrap() < place("fault.applied").unwrap(), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_wrong_is_said_before_the_first_fault() {
    let mut world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut plan = plan("127.0.0.1:1".parse().unwrap());
    plan.routes[0].spec.listen = taken.local_addr().unwrap().to_string();
    plan.command = Some(vec!["no-such-program".into()]);
    let summary = world.run(plan).await.unwrap().summary;
    assert_eq!(summary.exit, 1);
    let said = summary.reasons.join("\n");
    assert!(said.contains(&taken.local_addr().unwrap().to_string()), "{said}");
    assert!(said.contains("127.0.0.1:1 cannot be reached"), "{said}");
    assert!(said.contains("`no-such-program`"), "{said}");
    assert!(!world.seen().contains(&"fault.apply".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_nothing_can_act_on_is_refused_by_name() {
    let (upstream, mut world) = (Upstream::start(), World::new());
    let mut plan = plan(upstream.address);
    plan.faults.push(latency("lost", "route/nowhere", Period::from_millis(100)));
    let summary = world.run(plan).await.unwrap().summary;
    assert_eq!(summary.exit, 1);
    let said = summary.reasons.join("\n");
    assert!(said.contains("`lost`") && said.contains("route/nowhere") && said.contains("shop"), "{said}");
    assert!(!world.seen().contains(&"fault.apply".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_too_short_to_be_cut_is_named_before_it_is_used() {
    let (upstream, mut world) = (Upstream::start(), World::new());
    let file = |name: &str, value: &str| {
        let path = world.dir.path().join(name);
        std::fs::write(&path, value).unwrap();
        SecretSource::File(path.to_str().unwrap().into())
    };
    let mut plan = plan(upstream.address);
    plan.secrets = [("pin".into(), file("pin", "123\n")), ("word".into(), file("word", "passé"))].into();
    plan.faults[0].until = Until::For(Period::from_millis(300));
    world.run(plan).await.unwrap();
    let journal = std::fs::read_to_string(world.folder().join("journal.jsonl")).unwrap();
    let finished = journal.lines().find(|line| line.contains("preflight.finished")).unwrap();
    assert!(
        finished.contains("secret `pin` is shorter than 4 characters and cannot be cut from outputs"),
        "{finished}"
    );
    assert!(!finished.contains("`word`"), "{finished}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gate_that_is_never_met_ends_without_a_fault() {
    let (upstream, mut world) = (Upstream::start(), World::new());
    upstream.broken.store(true, Ordering::Relaxed);
    let mut plan = plan(upstream.address);
    plan.steady_state.gate_within = Period::from_secs(1);
    let summary = world.run(plan).await.unwrap().summary;
    assert_eq!(summary.exit, 6);
    assert!(
        summary.reasons[0].contains("shop") && summary.reasons[0].contains("500"),
        "{:?}",
        summary.reasons
    );
    assert!(!world.seen().contains(&"fault.apply".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guardrail_takes_the_fault_back_at_once() {
    let (upstream, mut world) = (Upstream::start(), World::new());
    let mut plan = plan(upstream.address);
    plan.faults[0].until = Until::Max;
    plan.abort = vec![AbortRule { probe: "shop".into(), tolerance: None, lasting: Period::ZERO }];
    let probe = &plan.steady_state.probes[0];
    let claim = probe.every.duration() + probe.timeout.duration();
    let summary = world.run(plan).await.unwrap().summary;
    assert_eq!((summary.exit, summary.restored_by, summary.clean), (5, RestoredBy::Abort, true));
    let lived = summary.times.removed.unwrap() - summary.times.applied.unwrap();
    // A probe's period and its time-out are what it may take; five times that, for a busy machine.
    assert!(lived < 5 * claim, "{lived:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_of_ours_takes_the_fault_back_and_the_record_is_whole() {
    let (upstream, mut world) = (Upstream::start(), World::new());
    world.onlooker = Onlooker { panics_at: Some("fault.applied"), ..Onlooker::default() };
    let mut plan = plan(upstream.address);
    plan.faults[0].until = Until::Max;
    let listen = plan.routes[0].spec.listen.clone();
    let summary = world.run(plan).await.unwrap().summary;
    assert_eq!((summary.exit, summary.clean), (5, true));
    assert!(summary.reasons[0].contains("internal failure"), "{:?}", summary.reasons);
    assert!(matches!(verified(&world), Verified::Whole { .. }));
    TcpListener::bind(listen).expect("the route is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_stops_in_any_phase() {
    for (phase, exit) in [("preflight", 5), ("steady", 5), ("active", 5), ("recovering", 5)] {
        let (upstream, mut world) = (Upstream::start(), World::new());
        world.onlooker.signals_in = Some((phase, world.signals.clone()));
        let summary = world.run(plan(upstream.address)).await.unwrap().summary;
        assert_eq!((summary.exit, summary.clean), (exit, true), "in {phase}: {summary:?}");
        assert!(summary.reasons[0].contains("SIGTERM"), "in {phase}: {:?}", summary.reasons);
        assert!(matches!(verified(&world), Verified::Whole { .. }), "in {phase}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halt_engages_the_lever_and_the_next_drill_is_refused() {
    let (upstream, mut world) = (Upstream::start(), World::new());
    let mut first = plan(upstream.address);
    first.faults[0].until = Until::Max;
    let requests = world.requests.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(800)).await;
        let (reply, _answer) = oneshot::channel();
        let (who, reason) = ("ana (0)".to_owned(), "customers call".to_owned());
        requests.send(Request::Halt { who, reason, reply }).await.unwrap();
    });
    let summary = world.run(first).await.unwrap().summary;
    assert_eq!(summary.exit, 5);
    assert_eq!(summary.reasons, ["stopped by ana (0): customers call"]);

    let mut again = World::new();
    let second = plan(upstream.address);
    let mut setup_dir = again.setup(second.clone(), &again.folder());
    setup_dir.state_dir = world.dir.path().join("state");
    std::mem::swap(&mut again.dir, &mut world.dir);
    let folder = again.dir.path().join("second");
    let summary = again.run_in(second, &folder).await.unwrap().summary;
    assert_eq!(summary.exit, 1);
    assert!(summary.reasons[0].contains("customers call"), "{:?}", summary.reasons);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_under_test_runs_while_the_fault_is_on_and_its_status_counts() {
    for (script, exit, passed) in [("exit 0", 0, true), ("exit 3", 4, false), ("sleep 60", 4, false)] {
        let (upstream, mut world) = (Upstream::start(), World::new());
        let mut plan = plan(upstream.address);
        let touched = world.dir.path().join("touched");
        // The command's own requests would be faulted; here it only leaves a mark and waits for the effect.
        let script = format!("sleep 0.7; touch {}; {script}", touched.display());
        plan.command = Some(vec!["sh".into(), "-c".into(), script.clone()]);
        plan.faults[0].until = Until::Max;
        plan.faults[0].max = Some(Period::from_secs(3));
        let summary = world.run(plan).await.unwrap().summary;
        assert_eq!(summary.exit, exit, "{script}: {:?}", summary.reasons);
        assert_eq!(summary.command == CommandResult::Passed {}, passed, "{script}");
        assert!(touched.exists() && summary.clean, "{script}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_place_for_its_record_a_drill_does_not_begin() {
    let (upstream, mut world) = (Upstream::start(), World::new());
    let file = world.dir.path().join("a-file");
    std::fs::write(&file, "x").unwrap();
    let error = world.run_in(plan(upstream.address), &file.join("out")).await.unwrap_err().to_string();
    assert!(error.contains("a-file") && error.contains("--out"), "{error}");
    assert!(world.seen().is_empty(), "nothing began");
}
