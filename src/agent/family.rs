//! What this process starts (probes' commands, the command under test), and all that these start: marked in their
//! environment, so that they are found wherever they went and ended by whoever is left when we are not.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use procfs::process::all_processes;

use super::clock::wait_until;
use super::identity::Identity;
use super::refusal::AgentError;

/// The variable that holds the mark.
pub const MARK: &str = "FIREDRILL_CHILD";

/// A family may fork while it is being killed; this many rounds end every one that is not a fork bomb.
const ROUNDS_MAX: usize = 50;

/// A process that is just becoming another program has no environment for a moment; so nobody is met twice.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// How the marks begin that this process gives to what it starts; no other process, earlier or later, has the same.
pub fn mark() -> Result<String, AgentError> {
    Identity::of_self().map(of)
}

fn of(starter: Identity) -> String {
    format!("{}.{}-", starter.pid, starter.start)
}

/// Kills everything that a process which is gone had started; gives how many there were, and what is left.
pub(super) fn end_family(starter: Identity) -> (usize, Vec<String>) {
    let mark = of(starter);
    let mut met = std::collections::BTreeSet::new();
    let mut nobody = false;
    for _ in 0..ROUNDS_MAX {
        let members = members(&mark);
        match (members.is_empty(), nobody) {
            (true, true) => return (met.len(), Vec::new()),
            (true, false) => {
                wait_until(LOOK_AGAIN_AFTER, || false);
            }
            (false, _) => {}
        }
        nobody = members.is_empty();
        for member in members {
            met.insert(member);
            // One that cannot be killed is met again.
            let _ = member.kill();
        }
    }
    let left = members(&mark).into_iter();
    let left = left.map(|member| format!("process {} that the drill had started still runs", member.pid));
    (met.len(), left.collect())
}

fn members(mark: &str) -> Vec<Identity> {
    let Ok(processes) = all_processes() else { return Vec::new() };
    let mut found = Vec::new();
    for process in processes.flatten() {
        let marked = process.environ().is_ok_and(|environment| {
            let value = environment.get(OsStr::new(MARK));
            value.is_some_and(|value| value.as_bytes().starts_with(mark.as_bytes()))
        });
        let lives = || process.stat().ok().filter(|stat| !matches!(stat.state, 'Z' | 'X'));
        if marked && let Some(stat) = lives() {
            found.push(Identity { start: stat.starttime, pid: stat.pid });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn all_that_carry_the_mark_of_a_process_end_and_no_others() {
        // Nobody has these numbers, not even the tests that run beside this one and end families of their own.
        let own = 1_000_000 + 10 * u64::from(std::process::id());
        let [gone, other] = [own, own + 1].map(|start| Identity { start, pid: i32::MAX });
        let start = |script: &str, starter| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).env(MARK, format!("{}0", of(starter)));
            command.stdin(Stdio::null()).spawn().unwrap()
        };
        let mut family = start("setsid sleep 60 & sleep 60; true", gone);
        let mut stranger = start("exec sleep 60", other);
        while members(&of(gone)).len() < 3 {
            std::thread::yield_now();
        }
        let (met, left) = end_family(gone);
        let stranger_lives = stranger.try_wait().unwrap().is_none();
        let _ = stranger.kill();
        let _ = stranger.wait();
        assert!(!family.wait().unwrap().success());
        assert!(met >= 3 && left.is_empty() && stranger_lives, "{met} {left:?}");
        assert_eq!(end_family(gone), (0, Vec::new()));
    }
}
