//! A build whose faults do nothing must say that they had no effect.

use firedrill::agent::AgentError;
use serde_json::json;

use crate::bench::{Bench, apply, fault};
use crate::victim::Victim;

#[tokio::test]
async fn a_fault_that_does_nothing_is_no_fault() {
    let bench = Bench::new();
    for kind in ["process_pause", "process_kill", "process_restart"] {
        let mut victim = Victim::start(bench.path());
        let agent = bench.agent().await;
        let mut wanted = json!({ kind: { "name": victim.name } });
        if kind == "process_restart" {
            wanted[kind]["grace"] = "200ms".into();
        }
        let refusal = apply(&agent, &fault(wanted)).await.unwrap_err();
        assert!(matches!(refusal, AgentError::NoEffect { .. }), "{refusal}");
        assert!(!victim.is_gone() && victim.state() == 'S');
        assert_eq!(agent.stop().await, Vec::<String>::new());
    }
}
