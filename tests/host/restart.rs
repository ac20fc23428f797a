//! `process_restart` ends a process and starts it again as it was, or refuses before it ends.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use firedrill::agent::{Agent, AgentError, Options, Policy};
use firedrill::fault::{Glob, HostFault};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::bench::{Bench, apply, draws, fault, signal};
use crate::support::wait_until;
use crate::victim::{SOON, Victim, program, unique_name};

fn restart(select: serde_json::Value) -> HostFault {
    fault(json!({ "process_restart": select }))
}

/// Whoever has this name or this command line: those alive, and those that only wait to be reaped.
fn everyone(command: &str) -> (Vec<i32>, usize) {
    let (mut alive, mut zombies) = (Vec::new(), 0);
    for process in procfs::process::all_processes().unwrap().flatten() {
        let Ok(stat) = process.stat() else { continue };
        let fits = stat.comm == command
            || process.cmdline().is_ok_and(|line| line.iter().any(|part| part.contains(command)));
        match stat.state {
            'Z' | 'X' => zombies += usize::from(stat.comm == command),
            _ if fits => alive.push(stat.pid),
            _ => {}
        }
    }
    (alive, zombies)
}

/// Ends whoever has the name when the test ends.
struct Sweep(String);

impl Drop for Sweep {
    fn drop(&mut self) {
        everyone(&self.0).0.into_iter().for_each(|pid| {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL);
        });
    }
}

/// A service that says who it is on standard output, and reads what it is told on standard input.
fn service(folder: &Path, script: &str, adjust: impl FnOnce(&mut Command)) -> (Child, String, Sweep) {
    let name = unique_name();
    let mut command = Command::new(program("sh"));
    let script = format!("{script}\nwhile :; do sleep 0.02; done");
    command.args(["-c", &script, &name]).current_dir(folder).stdin(Stdio::null());
    adjust(&mut command);
    (command.spawn().unwrap(), name.clone(), Sweep(name))
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_process_is_started_again_as_it_was_and_outlives_the_agent() {
    let bench = Bench::new();
    let log = bench.path().join("log");
    let script = "echo \"$$ $0 $(pwd) $(umask) $COLOUR $# $*\"; echo oops >&2";
    let file = std::fs::OpenOptions::new().append(true).create(true).open(&log).unwrap();
    let (mut old, name, _sweep) = service(bench.path(), script, |command| {
        command
            .args(["one", "two words"])
            .env("COLOUR", "blue  green")
            .stdout(file.try_clone().unwrap())
            .stderr(file);
        // SAFETY: one system call between fork and exec, which allocates nothing.
        unsafe {
            command.pre_exec(|| {
                nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o027));
                Ok(())
            })
        };
    });
    wait_until("it says who it is", SOON, || lines(&log).len() == 2);
    let agent = bench.agent().await;
    let applied = apply(&agent, &restart(json!({ "pattern": format!("*{name}*") }))).await.unwrap();
    assert!(old.try_wait().unwrap().is_some(), "the old one is gone");
    wait_until("the new one says who it is", SOON, || lines(&log).len() == 4);
    let said = lines(&log);
    let (first, second) = (said[0].split_once(' ').unwrap(), said[2].split_once(' ').unwrap());
    assert_eq!(first.1, second.1, "all but its number is the same");
    assert!(first.1.ends_with("0027 blue  green 2 one two words"), "{}", first.1);
    assert_ne!(first.0, second.0);
    let now = format!("restarted 1 of 1 found: sh {}; now sh {}", first.0, second.0);
    assert!(applied.detail.starts_with(&now), "{}", applied.detail);
    let pid: i32 = second.0.parse().unwrap();
    let stat = procfs::process::Process::new(pid).unwrap().stat().unwrap();
    assert_eq!((stat.session, stat.pgrp), (pid, pid), "a session of its own");
    let environment = procfs::process::Process::new(pid).unwrap().environ().unwrap();
    assert!(!environment.contains_key(std::ffi::OsStr::new("FIREDRILL_CHILD")));
    let removed = agent.remove("f").await.unwrap();
    assert_eq!((removed.evidence.matched, removed.evidence.faulted, removed.residue.len()), (1, 1, 0));
    assert_eq!(agent.stop().await, Vec::<String>::new());
    assert_eq!(bench.journals(), Vec::<std::path::PathBuf>::new());
    assert_eq!(everyone(&name).0, [pid], "it outlives the agent, and nobody else is there");
    signal(pid, Signal::SIGKILL);
    wait_until("it is gone for good", SOON, || procfs::process::Process::new(pid).is_err());
}

#[tokio::test]
async fn it_can_be_restarted_again_and_again_by_its_name() {
    let bench = Bench::new();
    let mut victim = Victim::start(bench.path());
    let (name, agent) = (victim.name.clone(), bench.agent().await);
    let _sweep = Sweep(name.clone());
    let mut known = vec![victim.pid()];
    for round in 0..3 {
        let id = format!("f{round}");
        let wanted = restart(json!({ "name": name }));
        agent.apply(&id, &wanted, &mut draws(), crate::bench::LONG, None).await.unwrap();
        assert!(victim.is_gone());
        let alive = everyone(&name).0;
        assert!(alive.len() == 1 && !known.contains(&alive[0]), "{alive:?} after {known:?}");
        known.extend(alive);
    }
    wait_until("no zombie is left", SOON, || everyone(&name).1 == 0);
    assert_eq!(agent.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn one_that_is_deaf_to_term_is_killed_after_its_grace() {
    let bench = Bench::new();
    let (mut old, name, _sweep) = service(bench.path(), "trap '' TERM; : > deaf", |_| {});
    wait_until("it is deaf", SOON, || bench.path().join("deaf").exists());
    let agent = bench.agent().await;
    let wanted = restart(json!({ "pattern": format!("*{name}*"), "grace": "200ms" }));
    apply(&agent, &wanted).await.unwrap();
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(old.try_wait().unwrap().and_then(|status| status.signal()), Some(9));
    let alive = everyone(&name).0;
    assert_eq!(alive.len(), 1, "{alive:?}");
    assert_eq!(agent.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn pipes_and_files_are_opened_again_and_a_socket_is_not() {
    let bench = Bench::new();
    let (reader, writer) = std::io::pipe().unwrap();
    let (held, feed) = std::io::pipe().unwrap();
    let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    let (mut old, name, _sweep) =
        service(bench.path(), "ls -l /proc/$$/fd/2 >&1; read line; echo \"got $line\"", |command| {
            command
                .stdin(held.try_clone().unwrap())
                .stdout(writer)
                .stderr(std::os::fd::OwnedFd::from(socket));
        });
    drop(held);
    let mut said = std::io::BufReader::new(reader);
    let mut line = || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut said, &mut line).unwrap();
        line
    };
    assert!(line().contains("socket:"));
    let agent = bench.agent().await;
    apply(&agent, &restart(json!({ "pattern": format!("*{name}*") }))).await.unwrap();
    old.wait().unwrap();
    assert!(line().trim_end().ends_with("/dev/null"));
    std::io::Write::write_all(&mut &feed, b"hello\n").unwrap();
    assert_eq!(line(), "got hello\n");
    assert_eq!(agent.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_process_whose_program_was_deleted_is_refused_and_lives() {
    let bench = Bench::new();
    let copy = bench.path().join(unique_name());
    std::fs::copy(program("sleep"), &copy).unwrap();
    let mut victim = Victim::start_from(&copy);
    std::fs::remove_file(&copy).unwrap();
    let agent = bench.agent().await;
    let refusal = apply(&agent, &restart(json!({ "name": victim.name }))).await.unwrap_err();
    assert!(matches!(refusal, AgentError::NotRestartable { .. }), "{refusal}");
    let deleted = format!("its program {} was deleted; install it again first", copy.display());
    assert!(refusal.to_string().contains(&deleted), "{refusal}");
    assert!(!victim.is_gone());
    assert_eq!(agent.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn one_that_has_rewritten_its_command_line_is_refused_and_lives() {
    let bench = Bench::new();
    let name = unique_name();
    let mut child =
        Command::new(program("sleep")).arg0(format!("{name}: master process")).arg("120").spawn().unwrap();
    let agent = bench.agent().await;
    let refusal = apply(&agent, &restart(json!({ "pattern": format!("{name}: *") }))).await.unwrap_err();
    assert!(refusal.to_string().contains("it has rewritten its command line"), "{refusal}");
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(agent.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn one_that_does_not_come_back_means_no_effect() {
    let bench = Bench::new();
    let script = "test -e once && { echo again >&2; exit 3; }; : > once";
    let (mut old, name, _sweep) = service(bench.path(), script, |_| {});
    wait_until("it runs", SOON, || bench.path().join("once").exists());
    let agent = bench.agent().await;
    let refusal = apply(&agent, &restart(json!({ "pattern": format!("*{name}*") }))).await.unwrap_err();
    assert!(matches!(refusal, AgentError::NoEffect { .. }), "{refusal}");
    assert!(refusal.to_string().contains("was started and ended at once"), "{refusal}");
    old.wait().unwrap();
    assert_eq!(everyone(&name), (vec![], 0));
    assert_eq!(agent.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_protected_and_what_the_hosts_owner_denies_are_left_alone() {
    let bench = Bench::new();
    let mut victim = Victim::start(bench.path());
    let protect = Policy { protect_processes: vec![Glob(victim.name.clone())], ..Policy::default() };
    let deny = Policy { deny: vec!["process_restart".into()], ..Policy::default() };
    for (policy, words) in [(protect, "protected by this host's policy"), (deny, "forbids `process_restart`")]
    {
        let agent = Agent::start(Options { policy, ..bench.options() }).await.unwrap();
        let refusal = apply(&agent, &restart(json!({ "name": victim.name }))).await.unwrap_err().to_string();
        assert!(refusal.contains(words), "{refusal}");
        assert_eq!(agent.stop().await, Vec::<String>::new());
    }
    assert!(!victim.is_gone());
    let init = bench.agent().await;
    let refusal = apply(&init, &restart(json!({ "pid": 1 }))).await.unwrap_err().to_string();
    assert!(refusal.contains("the init process"), "{refusal}");
    assert_eq!(init.stop().await, Vec::<String>::new());
}
