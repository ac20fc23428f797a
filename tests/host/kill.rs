//! `process_kill` ends as many as asked for, and says when it did not.

use firedrill::agent::AgentError;
use firedrill::fault::HostFault;
use serde_json::json;

use crate::bench::{Bench, apply, draws, fault};
use crate::victim::Victim;

fn kill(select: serde_json::Value) -> HostFault {
    fault(json!({ "process_kill": select }))
}

fn gone(crowd: &mut [Victim]) -> usize {
    crowd.iter_mut().map(Victim::is_gone).filter(|gone| *gone).count()
}

#[tokio::test]
async fn all_that_fit_are_gone_when_apply_returns() {
    let bench = Bench::new();
    let mut crowd = Victim::crowd(bench.path(), 3);
    let agent = bench.agent().await;
    let applied = apply(&agent, &kill(json!({ "name": crowd[0].name }))).await.unwrap();
    assert!(applied.detail.starts_with("SIGKILL to 3 of 3 found"), "{}", applied.detail);
    assert_eq!(gone(&mut crowd), 3);
    let removed = agent.remove("f").await.unwrap();
    assert_eq!((removed.evidence.matched, removed.evidence.faulted, removed.residue.len()), (3, 3, 0));
    assert_eq!(agent.stop().await, Vec::<String>::new());
    assert_eq!(bench.journals(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn count_and_percent_hit_so_many_and_leave_the_rest() {
    for (how_many, expected) in [(json!({ "count": 2 }), 2), (json!({ "percent": "50%" }), 3)] {
        let bench = Bench::new();
        let mut crowd = Victim::crowd(bench.path(), 5);
        let mut select = how_many.clone();
        select["name"] = json!(crowd[0].name);
        let agent = bench.agent().await;
        apply(&agent, &kill(select)).await.unwrap();
        assert_eq!(gone(&mut crowd), expected, "{how_many} of 5");
        let evidence = agent.measure("f").await;
        assert_eq!((evidence.matched, evidence.faulted), (5, expected as u64));
        agent.stop().await;
    }
}

#[tokio::test]
async fn more_than_there_are_is_refused_and_nobody_is_hit() {
    let bench = Bench::new();
    let mut crowd = Victim::crowd(bench.path(), 2);
    let agent = bench.agent().await;
    let refusal = apply(&agent, &kill(json!({ "name": crowd[0].name, "count": 3 }))).await.unwrap_err();
    assert!(matches!(refusal, AgentError::TooFew { count: 3, found: 2, .. }), "{refusal}");
    assert_eq!(gone(&mut crowd), 0);
    agent.stop().await;
}

#[tokio::test]
async fn an_orderly_end_is_asked_for_by_its_signal() {
    use std::os::unix::process::ExitStatusExt;
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    let agent = bench.agent().await;
    apply(&agent, &kill(json!({ "pid": victim.pid(), "signal": "TERM" }))).await.unwrap();
    assert_eq!(victim.into_status().signal(), Some(15));
    agent.stop().await;
}

#[tokio::test]
async fn a_process_that_does_not_obey_means_no_effect() {
    let bench = Bench::new();
    let victim = Victim::deaf(bench.path());
    let agent = bench.agent().await;
    let fault = kill(json!({ "pid": victim.pid(), "signal": "TERM" }));
    let refusal = agent.apply("f", &fault, &mut draws(), crate::bench::LONG, None).await.unwrap_err();
    assert!(matches!(refusal, AgentError::NoEffect { .. }), "{refusal}");
    assert!(refusal.to_string().contains("still there 5 s after SIGTERM"), "{refusal}");
    assert_eq!(agent.stop().await, Vec::<String>::new());
}
