//! What this process starts (probes' commands, the command under test), and all that these start: marked in their
//! environment, so that they are found wherever they went and ended by whoever is left when we are not.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use procfs::process::{Stat, all_processes};

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
    let (met, left) = end(|| marked(&mark));
    let left = left.into_iter();
    let left = left.map(|member| format!("process {} that the drill had started still runs", member.pid));
    (met, left.collect())
}

fn marked(mark: &str) -> Vec<Identity> {
    members(|_, value| value.is_some_and(|value| value.as_bytes().starts_with(mark.as_bytes())))
}

/// Everyone who lives and fits; `fits` is shown how they are, and the mark in their environment.
pub fn members(fits: impl Fn(&Stat, Option<&OsStr>) -> bool) -> Vec<Identity> {
    let Ok(processes) = all_processes() else { return Vec::new() };
    let mut found = Vec::new();
    for process in processes.flatten() {
        let mark = process.environ().ok().and_then(|mut environment| environment.remove(OsStr::new(MARK)));
        let lives = process.stat().ok().filter(|stat| !matches!(stat.state, 'Z' | 'X'));
        if let Some(stat) = lives.filter(|stat| fits(stat, mark.as_deref())) {
            found.push(Identity { start: stat.starttime, pid: stat.pid });
        }
    }
    found
}

/// Kills everyone whom `look` finds, until it has found nobody twice; gives how many there were, and who is left.
pub fn end(look: impl Fn() -> Vec<Identity>) -> (usize, Vec<Identity>) {
    let mut met = BTreeSet::new();
    let mut nobody = false;
    for _ in 0..ROUNDS_MAX {
        let members = look();
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
    (met.len(), look())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// As it is while a process is just becoming another program: it lives, and nobody can read its mark.
    #[test]
    fn whoever_is_not_seen_at_the_first_look_is_ended_at_the_second() {
        let mut sleeper = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        let hidden = Identity::of(sleeper.id() as i32).unwrap();
        let looks = std::cell::Cell::new(0);
        let (met, left) = end(|| {
            looks.set(looks.get() + 1);
            if looks.get() == 2 { vec![hidden] } else { Vec::new() }
        });
        let ended = !hidden.lives() || wait_until(Duration::from_secs(5), || !hidden.lives());
        let _ = sleeper.kill();
        let _ = sleeper.wait();
        assert_eq!((met, left, ended, looks.get()), (1, Vec::new(), true, 4));
    }

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
        while marked(&of(gone)).len() < 3 {
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
