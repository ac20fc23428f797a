//! `process_pause` makes processes stand still, and lets exactly those go on.

use firedrill::agent::AgentError;
use firedrill::fault::Period;
use nix::sys::signal::Signal;
use serde_json::json;

use crate::bench::{Bench, LONG, apply, draws, fault, pause};
use crate::support::wait_until;
use crate::victim::{SOON, Victim};

#[tokio::test]
async fn it_stands_still_until_removed_and_then_goes_on() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    let agent = bench.agent().await;
    assert_eq!(victim.state(), 'S', "it differs while the fault is on");
    apply(&agent, &pause(&victim.name)).await.unwrap();
    assert_eq!(victim.state(), 'T');
    let evidence = agent.measure("f").await;
    assert_eq!((evidence.matched, evidence.faulted), (1, 1));
    let removed = agent.remove("f").await.unwrap();
    assert_eq!((victim.state(), removed.residue.len(), removed.evidence.faulted), ('S', 0, 1));
    assert_eq!(agent.remove("f").await.unwrap(), removed, "once more changes nothing");
    assert_eq!(agent.stop().await, Vec::<String>::new());
    assert_eq!((bench.journals().len(), bench.guardian()), (0, None));
}

#[tokio::test]
async fn it_can_be_applied_again_after_it_was_removed_and_not_while_it_is_on() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    let agent = bench.agent().await;
    apply(&agent, &pause(&victim.name)).await.unwrap();
    let refusal = apply(&agent, &pause(&victim.name)).await.unwrap_err();
    assert!(matches!(refusal, AgentError::AlreadyApplied { .. }), "{refusal}");
    agent.remove("f").await.unwrap();
    apply(&agent, &pause(&victim.name)).await.unwrap();
    assert_eq!(victim.state(), 'T');
    assert_eq!(agent.stop().await, Vec::<String>::new(), "stopping removes");
    assert_eq!(victim.state(), 'S');
}

#[tokio::test]
async fn what_stood_still_before_is_left_alone() {
    let bench = Bench::new();
    let crowd = Victim::crowd(bench.path(), 2);
    crowd[0].signal(Signal::SIGSTOP);
    crowd[0].wait_for_state('T');
    let agent = bench.agent().await;
    let detail = apply(&agent, &pause(&crowd[0].name)).await.unwrap().detail;
    let named = format!("left alone: {} {}", crowd[0].name, crowd[0].pid());
    assert!(detail.contains(&named), "{detail}");
    agent.remove("f").await.unwrap();
    assert_eq!((crowd[0].state(), crowd[1].state()), ('T', 'S'));
    agent.stop().await;
}

#[tokio::test]
async fn nobody_left_to_stop_means_no_effect() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    victim.signal(Signal::SIGSTOP);
    victim.wait_for_state('T');
    let agent = bench.agent().await;
    let refusal = apply(&agent, &pause(&victim.name)).await.unwrap_err();
    assert!(refusal.to_string().contains("already stood still before"), "{refusal}");
    agent.stop().await;
    assert_eq!(victim.state(), 'T');
}

#[tokio::test]
async fn a_victim_that_ends_while_it_stands_still_leaves_nothing_and_stops_no_other() {
    let bench = Bench::new();
    let mut crowd = Victim::crowd(bench.path(), 2);
    let agent = bench.agent().await;
    apply(&agent, &pause(&crowd[0].name)).await.unwrap();
    crowd[0].signal(Signal::SIGKILL);
    wait_until("its end", SOON, || crowd[0].is_gone());
    let removed = agent.remove("f").await.unwrap();
    assert_eq!((removed.residue.len(), removed.evidence.faulted, crowd[1].state()), (0, 2, 'S'));
    agent.stop().await;
}

#[tokio::test]
async fn its_max_ends_it_and_the_agent_says_so() {
    let bench = Bench::new();
    let (short, long) = (Victim::start(bench.path()), Victim::start(bench.path()));
    let agent = bench.agent().await;
    agent.apply("long", &pause(&long.name), &mut draws(), LONG, None).await.unwrap();
    let max = Some(Period::from_millis(300));
    agent.apply("short", &pause(&short.name), &mut draws(), LONG, max).await.unwrap();
    tokio_until("the end of max", || short.state() == 'S').await;
    tokio_until("the word of it", || {
        agent.lost().iter().any(|lost| lost.fault == "short" && lost.why.contains("max"))
    })
    .await;
    assert_eq!((long.state(), agent.health()), ('T', Ok(())), "the other fault goes on");
    assert_eq!(agent.remove("short").await.unwrap().residue.len(), 0);
    assert_eq!(agent.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_lease_that_is_not_renewed_ends_everything() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    let agent = bench.agent().await;
    agent.apply("f", &pause(&victim.name), &mut draws(), Period::from_millis(500), None).await.unwrap();
    for _ in 0..5 {
        agent.renew(Period::from_millis(500)).await;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        assert_eq!(victim.state(), 'T', "renewed, it lives on");
    }
    tokio_until("the end of the lease", || victim.state() == 'S').await;
    tokio_until("the word of it", || agent.health().is_err_and(|why| why.contains("lease"))).await;
    assert_eq!(agent.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn count_pauses_so_many() {
    let bench = Bench::new();
    let crowd = Victim::crowd(bench.path(), 4);
    let agent = bench.agent().await;
    let some = fault(json!({ "process_pause": { "name": crowd[0].name, "count": 3 } }));
    apply(&agent, &some).await.unwrap();
    assert_eq!(crowd.iter().filter(|victim| victim.state() == 'T').count(), 3);
    agent.stop().await;
    assert!(crowd.iter().all(|victim| victim.state() == 'S'));
}

/// Waits without blocking the agent's own tasks.
pub async fn tokio_until(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(SOON, async {
        while !condition() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain: {what}");
}
