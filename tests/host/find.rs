//! Each way of selecting finds its own, and never the protected.

use std::net::TcpListener;

use firedrill::agent::{AgentError, Policy};
use firedrill::fault::Glob;
use serde_json::json;

use crate::bench::{Bench, apply, fault, pause};
use crate::support::requires_that;
use crate::victim::{Victim, program, unique_name};

/// Finds exactly this victim.
async fn check(bench: &Bench, select: serde_json::Value, victim: &Victim) {
    let agent = bench.agent().await;
    let found = agent.find(&fault(json!({ "process_kill": select }))).unwrap();
    let pids: Vec<i32> = found.iter().map(|found| found.pid).collect();
    assert_eq!(pids, [victim.pid()], "{select}: {found:?}");
    assert_eq!(agent.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn by_name() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    check(&bench, json!({ "name": victim.name }), &victim).await;
}

#[tokio::test]
async fn by_pattern_of_the_command_line() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    check(&bench, json!({ "pattern": format!("*{} 12*", victim.name) }), &victim).await;
}

#[tokio::test]
async fn by_pid() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    check(&bench, json!({ "pid": victim.pid() }), &victim).await;
}

#[tokio::test]
async fn by_the_path_of_the_executable() {
    let bench = Bench::new();
    let path = bench.path().join(unique_name());
    std::fs::copy(program("sleep"), &path).unwrap();
    let victim = Victim::start_from(&path);
    check(&bench, json!({ "exe": path }), &victim).await;
}

#[tokio::test]
async fn by_the_port_it_listens_on() {
    let bench = Bench::new();
    for address in ["127.0.0.1:0", "[::1]:0"] {
        // A host without IPv6 has no second case.
        let Ok(listener) = TcpListener::bind(address) else { continue };
        let port = listener.local_addr().unwrap().port();
        let victim = Victim::holding(bench.path(), listener);
        check(&bench, json!({ "port": port }), &victim).await;
    }
}

#[tokio::test]
async fn by_user() {
    if !requires_that(nix::unistd::geteuid().is_root(), "needs root, to run a process as another user") {
        return;
    }
    let bench = Bench::new();
    // The user must be able to reach the program through the folder.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bench.path(), open).unwrap();
    let user = 1_000_000 + std::process::id();
    let victim = Victim::of_user(bench.path(), user);
    check(&bench, json!({ "user": user.to_string() }), &victim).await;
}

#[tokio::test]
async fn what_is_excluded_is_left_out() {
    let bench = Bench::new();
    let (first, second) = (Victim::start(bench.path()), Victim::start(bench.path()));
    let select = json!({ "pattern": format!("{}/fdv*", bench.path().display()), "exclude": [format!("*{}*", second.name)] });
    check(&bench, select, &first).await;
}

#[tokio::test]
async fn nobody_found_is_refused() {
    let bench = Bench::new();
    let agent = bench.agent().await;
    let refusal = agent.find(&pause("no-such-process")).unwrap_err();
    assert!(matches!(refusal, AgentError::NoTarget { .. }), "{refusal}");
    assert!(refusal.to_string().contains("name `no-such-process`"), "{refusal}");
    agent.stop().await;
}

#[tokio::test]
async fn the_init_process_a_kernel_thread_whoever_started_us_and_our_guardian_are_refused_by_name() {
    let bench = Bench::new();
    let agent = bench.agent().await;
    let parent = nix::unistd::getppid().as_raw();
    for select in [
        json!({ "pid": 1 }),
        json!({ "pid": parent }),
        json!({ "pid": std::process::id() }),
        json!({ "pid": bench.guardian().unwrap() }),
        json!({ "pattern": format!("*{}*", bench.state_dir().display()) }),
    ] {
        let refusal = apply(&agent, &fault(json!({ "process_pause": select }))).await.unwrap_err();
        assert!(
            matches!(&refusal, AgentError::OnlyProtected { names, .. } if names.len() == 1),
            "{select}: {refusal}"
        );
    }
    agent.stop().await;
}

#[tokio::test]
async fn the_hosts_owner_protects_more_and_forbids_kinds() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    let policy = Policy {
        deny: vec!["process_kill".into()],
        protect_processes: vec![Glob(victim.name.clone())],
        ..Policy::default()
    };
    let agent = firedrill::agent::Agent::start(firedrill::agent::Options { policy, ..bench.options() })
        .await
        .unwrap();
    let refusal = apply(&agent, &pause(&victim.name)).await.unwrap_err().to_string();
    assert!(refusal.contains("protected by this host's policy"), "{refusal}");
    let kill = fault(json!({ "process_kill": { "name": victim.name } }));
    assert!(matches!(agent.find(&kill).unwrap_err(), AgentError::Denied { kind: "process_kill" }));
    agent.stop().await;
}

#[tokio::test]
async fn the_protected_among_those_found_are_left_out_and_named() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    let agent = bench.agent().await;
    // Fits the victim and the guardian: both have the folder in their command lines.
    let both = fault(json!({ "process_pause": { "pattern": format!("*{}*", bench.path().display()) } }));
    let detail = apply(&agent, &both).await.unwrap().detail;
    assert!(detail.contains("protected and left out: firedrill"), "{detail}");
    assert_eq!((victim.state(), agent.health()), ('T', Ok(())));
    assert_eq!(agent.stop().await, Vec::<String>::new());
}
