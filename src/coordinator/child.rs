//! A process that we start, with everything it starts: none of it outlives us, and all of it can be ended.
//!
//! Three nets, because each has a hole. The kernel kills the child when we die, even by `kill -9`
//! (`PR_SET_PDEATHSIG`); it does so when the *thread* that forked ends, so that one thread, which never ends, forks
//! them all. A process group reaches what the child forked, unless it left the group. A mark in the environment is
//! inherited by all descendants, and so finds those that left the group or lost their parent; by the mark the
//! guardian ends them when we could not.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::process::{PidfdFlags, Signal, pidfd_open};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

use crate::agent::{self, Identity, MARK};

/// Between two looks at what is left of a family that was asked to end.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Which process group a child gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Its own: a terminal's Ctrl-C does not reach it.
    Own,
    /// Its own, in a session of its own: it has no terminal, so that whoever asks there for a password fails at once.
    Session,
    /// Ours: a terminal treats it as it treats us.
    Ours,
}

/// A running child. Dropping it kills it and all that it started.
pub struct Child {
    child: Option<std::process::Child>,
    pidfd: AsyncFd<OwnedFd>,
    family: Family,
}

/// How to find a child's descendants.
#[derive(Clone)]
struct Family {
    leader: i32,
    own_group: bool,
    mark: String,
}

/// A child that nobody has taken over yet; dropped, it ends with all that it started.
struct Newborn {
    child: Option<std::process::Child>,
    own_group: bool,
    mark: String,
}

impl Newborn {
    fn family(&self, child: &std::process::Child) -> io::Result<Family> {
        let leader = i32::try_from(child.id()).map_err(io::Error::other)?;
        Ok(Family { leader, own_group: self.own_group, mark: self.mark.clone() })
    }
}

impl Drop for Newborn {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if let Ok(family) = self.family(&child) {
            family.end();
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

struct Order {
    command: Command,
    own_group: bool,
    mark: String,
    answer: tokio::sync::oneshot::Sender<io::Result<Newborn>>,
}

/// Hands a command to the thread that forks; it lives as long as the process.
fn spawner() -> io::Result<&'static SyncSender<Order>> {
    static SPAWNER: OnceLock<SyncSender<Order>> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    let _one = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(spawner) = SPAWNER.get() {
        return Ok(spawner);
    }
    let (sender, orders) = sync_channel::<Order>(64);
    std::thread::Builder::new().name("spawner".into()).spawn(move || {
        for Order { mut command, own_group, mark, answer } in orders {
            let newborn = command.spawn().map(|child| Newborn { child: Some(child), own_group, mark });
            // Whether it is unwanted before it is sent or before it is received: it ends when it is dropped.
            let _ = answer.send(newborn);
        }
    })?;
    Ok(SPAWNER.get_or_init(|| sender))
}

impl Child {
    /// Starts a command. What its standard streams are is the caller's choice.
    pub async fn start(mut command: Command, group: Group) -> io::Result<Self> {
        static STARTED: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let ordinal = STARTED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let us = std::process::id();
        let mark = format!("{}{ordinal}", agent::mark().map_err(io::Error::other)?);
        command.env(MARK, &mark);
        if group == Group::Own {
            command.process_group(0);
        }
        // SAFETY: between fork and exec only `setsid`, `prctl` and `getppid` run, which are async-signal-safe and
        // allocate nothing.
        unsafe {
            command.pre_exec(move || {
                if group == Group::Session {
                    nix::unistd::setsid()?;
                }
                nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
                // We may have died before the line above; then nobody would ever kill the child.
                if nix::unistd::getppid().as_raw() as u32 == us {
                    Ok(())
                } else {
                    Err(io::ErrorKind::NotConnected.into())
                }
            });
        }
        let (answer, child) = tokio::sync::oneshot::channel();
        let order = Order { command, own_group: group != Group::Ours, mark, answer };
        spawner()?.try_send(order).map_err(|_| {
            io::Error::new(io::ErrorKind::ResourceBusy, "too many commands are being started at once")
        })?;
        Self::adopt(child.await.map_err(io::Error::other)??)
    }

    fn adopt(mut newborn: Newborn) -> io::Result<Self> {
        let gone = || io::Error::other("the child was taken over before");
        let family = newborn.family(newborn.child.as_ref().ok_or_else(gone)?)?;
        let pidfd = open_pidfd(family.leader)?;
        // SAFETY: an `OwnedFd` is open and stays the same descriptor until it is dropped with the `AsyncFd`.
        let pidfd = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }?;
        Ok(Self { child: newborn.child.take(), pidfd, family })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.family.leader.unsigned_abs()
    }

    /// The pipes that the caller asked for, once each.
    pub fn take_pipes(&mut self) -> (Option<std::process::ChildStdout>, Option<std::process::ChildStderr>) {
        self.child.as_mut().map_or((None, None), |child| (child.stdout.take(), child.stderr.take()))
    }

    /// Waits until the child itself has ended, but leaves it to be reaped: its process and group id stay its own.
    pub async fn ended(&self) -> io::Result<()> {
        self.pidfd.readable().await.map(drop)
    }

    /// Waits until the child has ended, kills what it left running, and tells how it ended.
    pub async fn wait(mut self) -> io::Result<ExitStatus> {
        self.ended().await?;
        self.finish().await
    }

    /// Asks the child and all that it started to end (TERM); what is left after `grace` is killed.
    pub async fn stop(mut self, grace: Duration) -> io::Result<ExitStatus> {
        let family = self.family.clone();
        off_thread(move || {
            for member in family.members() {
                // One that is gone meanwhile needs no signal.
                let _ = member.send(Signal::TERM);
            }
        })
        .await?;
        let until = Instant::now() + grace;
        let mut nobody = false;
        loop {
            let (family, nobody_before) = (self.family.clone(), nobody);
            nobody = off_thread(move || family.members().is_empty()).await?;
            // One look is not enough: a process that is just becoming another program cannot be told for a moment.
            if (nobody && nobody_before) || Instant::now() >= until {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.finish().await
    }

    /// Kills what is left of the family and reaps the child.
    async fn finish(&mut self) -> io::Result<ExitStatus> {
        let family = self.family.clone();
        off_thread(move || family.end()).await?;
        // Killed or ended, it is readable; a process that the kernel cannot end yet is waited for here.
        self.ended().await?;
        match self.child.take() {
            Some(mut child) => child.wait(),
            None => Err(io::Error::other("the child was reaped before")),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let family = self.family.clone();
        // At once, should there be no thread or this process end before it; the thread that drops us shall not wait
        // for more: the second look, and the moment that the kernel may need.
        for member in family.members() {
            let _ = member.kill();
        }
        let _ = std::thread::Builder::new().name("reaper".into()).spawn(move || {
            family.end();
            child.wait()
        });
    }
}

/// Looking through `/proc` takes milliseconds, which timers on this thread should not feel.
async fn off_thread<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(look).await.map_err(io::Error::other)
}

fn open_pidfd(pid: i32) -> io::Result<OwnedFd> {
    let pid = rustix::process::Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

impl Family {
    /// Everyone who is alive.
    fn members(&self) -> Vec<Identity> {
        let own = std::ffi::OsStr::new(&self.mark);
        agent::members(|stat, mark| {
            stat.pid == self.leader || (self.own_group && stat.pgrp == self.leader) || mark == Some(own)
        })
    }

    /// Kills everyone until nobody is found twice.
    fn end(&self) {
        let (_, left) = agent::end(|| self.members());
        if !left.is_empty() {
            tracing::warn!(?left, "what a command had started cannot be ended");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufRead;

    use super::*;

    fn sleeping() -> Command {
        let mut command = Command::new("sleep");
        command.arg("1000");
        command
    }

    fn alive(pid: u32) -> bool {
        let stat = procfs::process::Process::new(pid as i32).and_then(|process| process.stat());
        stat.is_ok_and(|stat| !matches!(stat.state, 'Z' | 'X'))
    }

    async fn gone(pid: u32) {
        let ending = async {
            while alive(pid) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), ending).await.expect("it is alive");
    }

    #[tokio::test]
    async fn a_child_outlives_the_thread_that_asked_for_it() {
        let child = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(Child::start(sleeping(), Group::Own)).unwrap()
        })
        .join()
        .unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(alive(child.id()));
        let pid = child.id();
        drop(child);
        gone(pid).await;
    }

    #[tokio::test]
    async fn a_child_that_ends_when_asked_is_not_killed() {
        let mut command = Command::new("sh");
        command.args(["-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done"]);
        let mut child = Child::start(
            {
                command.stdout(std::process::Stdio::piped());
                command
            },
            Group::Own,
        )
        .await
        .unwrap();
        let mut line = String::new();
        std::io::BufReader::new(child.take_pipes().0.unwrap()).read_line(&mut line).unwrap();
        let status = child.stop(Duration::from_secs(10)).await.unwrap();
        assert_eq!(status.code(), Some(7));
    }

    /// The test runs itself once more as the process that is killed.
    #[tokio::test]
    async fn when_we_are_killed_so_is_the_child() {
        const ROLE: &str = "FIREDRILL_TEST_IS_KILLED";
        if std::env::var_os(ROLE).is_some() {
            let child = Child::start(sleeping(), Group::Ours).await.unwrap();
            println!("\nchild={}", child.id());
            std::future::pending::<()>().await;
        }
        let this = "coordinator::child::tests::when_we_are_killed_so_is_the_child";
        let mut we = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", this, "--nocapture"])
            .env(ROLE, "1")
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = std::io::BufReader::new(we.stdout.take().unwrap()).lines();
        let pid = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("child=").map(|pid| pid.parse::<u32>().unwrap()))
            .unwrap();
        let was_alive = alive(pid);
        we.kill().unwrap();
        we.wait().unwrap();
        assert!(was_alive);
        gone(pid).await;
    }
}
