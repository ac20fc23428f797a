//! The guardian: who ends it, who cannot, and what follows.

use nix::sys::signal::Signal;

use crate::bench::{Bench, apply, pause, signal};
use crate::pause::tokio_until;
use crate::victim::Victim;

#[tokio::test]
async fn without_its_guardian_the_agent_takes_everything_back_and_refuses_more() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    let agent = bench.agent().await;
    apply(&agent, &pause(&victim.name)).await.unwrap();
    signal(bench.guardian().unwrap(), Signal::SIGKILL);
    tokio_until("the way back", || victim.state() == 'S').await;
    tokio_until("the word of it", || agent.lost().iter().any(|lost| lost.fault == "f")).await;
    assert!(agent.health().unwrap_err().contains("guardian died"));
    let refusal = apply(&agent, &pause(&victim.name)).await.unwrap_err().to_string();
    assert!(refusal.contains("no guardian, so no fault"), "{refusal}");
    assert_eq!(victim.state(), 'S');
    assert_eq!(agent.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_guardian_that_is_told_to_end_takes_everything_back_first() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    let agent = bench.agent().await;
    apply(&agent, &pause(&victim.name)).await.unwrap();
    signal(bench.guardian().unwrap(), Signal::SIGTERM);
    tokio_until("the way back", || victim.state() == 'S').await;
    tokio_until("the word of it", || agent.health().is_err_and(|why| why.contains("SIGTERM"))).await;
    assert_eq!(agent.stop().await, Vec::<String>::new());
    assert_eq!(bench.journals().len(), 0);
}

#[tokio::test]
async fn ctrl_c_and_a_closed_terminal_do_not_reach_it() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    let agent = bench.agent().await;
    let guardian = bench.guardian().unwrap();
    let session = nix::unistd::getsid(Some(nix::unistd::Pid::from_raw(guardian))).unwrap();
    assert_eq!(session.as_raw(), guardian, "it leads a session of its own");
    for terminal in [Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGPIPE] {
        signal(guardian, terminal);
    }
    apply(&agent, &pause(&victim.name)).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    assert_eq!((victim.state(), agent.health()), ('T', Ok(())));
    assert_eq!(agent.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_agent_that_is_dropped_leaves_the_way_back_to_its_guardian() {
    let bench = Bench::new();
    let victim = Victim::start(bench.path());
    let agent = bench.agent().await;
    apply(&agent, &pause(&victim.name)).await.unwrap();
    drop(agent);
    tokio_until("the way back", || victim.state() == 'S').await;
    tokio_until("the guardian's end", || bench.guardian().is_none()).await;
    assert_eq!(bench.journals().len(), 0);
}

#[tokio::test]
async fn a_guardian_that_cannot_be_started_means_no_agent_and_leaves_no_file() {
    let bench = Bench::new();
    for program in ["/no/such/program", "/bin/true"] {
        let mut options = bench.options();
        options.guardian.program = program.into();
        let refusal = firedrill::agent::Agent::start(options).await.unwrap_err().to_string();
        assert!(refusal.contains("no guardian, so no fault") && refusal.contains(program), "{refusal}");
        assert_eq!(bench.journals().len(), 0);
    }
}

#[tokio::test]
async fn two_runs_of_one_name_do_not_share_an_undo_journal() {
    let bench = Bench::new();
    let agent = bench.agent().await;
    let refusal = firedrill::agent::Agent::start(bench.options()).await.unwrap_err().to_string();
    assert!(refusal.contains("another run of this name holds"), "{refusal}");
    assert_eq!(agent.health(), Ok(()));
    agent.stop().await;
}
