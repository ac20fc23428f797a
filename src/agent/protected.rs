//! Who is never touched, whatever a scenario says: those without whom the host, or the way back, would be lost.

use std::collections::BTreeSet;

use super::identity::Identity;
use super::policy::Policy;
use super::processes::Seen;
use crate::fault::Glob;

/// Names of programs that are never touched, and what they are.
const ALWAYS: [(&str, &str); 19] = [
    ("sshd", "remote access"),
    ("sshd-*", "remote access"),
    ("dropbear", "remote access"),
    ("init", "the service manager"),
    ("systemd", "the service manager"),
    ("systemd-*", "the service manager"),
    ("(sd-pam)", "the service manager"),
    ("runit", "the service manager"),
    ("openrc-*", "the service manager"),
    ("s6-*", "the service manager"),
    ("dbus-*", "the message bus"),
    ("dockerd", "the container runtime"),
    ("containerd", "the container runtime"),
    ("containerd-shim*", "the container runtime"),
    ("runc", "the container runtime"),
    ("crio", "the container runtime"),
    ("podman", "the container runtime"),
    ("conmon", "the container runtime"),
    ("kubelet", "the container runtime"),
];

/// Our own program. Its bundled shop is there to be hurt, all else of it is not.
const OWN_NAME: &str = "firedrill";

/// Who is protected on this host now.
#[derive(Debug)]
pub(super) struct Protected {
    ours: BTreeSet<i32>,
    names: Vec<(Glob, &'static str)>,
    units: Vec<Glob>,
}

impl Protected {
    /// For this process, its guardian and whoever started them.
    pub fn new(guardian: Option<Identity>, policy: &Policy, everyone: &[Seen]) -> Self {
        let own = i32::try_from(std::process::id()).unwrap_or(i32::MAX);
        let mut ours: BTreeSet<i32> = guardian.into_iter().map(|guardian| guardian.pid).collect();
        // Up the tree: the shell, the terminal or multiplexer, the remote session that started us.
        let mut next = Some(own);
        while let Some(pid) = next {
            let new = ours.insert(pid);
            next = everyone
                .iter()
                .find(|seen| seen.identity.pid == pid)
                .map(|seen| seen.parent)
                .filter(|parent| new && *parent > 1);
        }
        let names = ALWAYS
            .iter()
            .map(|(name, what)| (Glob((*name).to_owned()), *what))
            .chain(
                policy.protect_processes.iter().map(|name| (name.clone(), "protected by this host's policy")),
            )
            .collect();
        Self { ours, names, units: policy.protect_units.clone() }
    }

    /// Why a process is never touched; `None` when it may be.
    pub fn why(&self, seen: &Seen) -> Option<&'static str> {
        if seen.identity.pid == 1 {
            return Some("the init process");
        }
        if seen.is_kernel_thread {
            return Some("a kernel thread");
        }
        if self.ours.contains(&seen.identity.pid) {
            return Some("firedrill or what started it");
        }
        let exe_name = seen.exe_name();
        if (exe_name == Some(OWN_NAME) || (exe_name.is_none() && seen.name == OWN_NAME))
            && !seen.is_demo_part()
        {
            return Some("firedrill");
        }
        let by_name = self
            .names
            .iter()
            .find(|(name, _)| name.matches(&seen.name) || exe_name.is_some_and(|exe| name.matches(exe)))
            .map(|(_, what)| *what);
        by_name.or_else(|| {
            self.is_in_unit(seen.identity).then_some("in a unit that this host's policy protects")
        })
    }

    fn is_in_unit(&self, process: Identity) -> bool {
        if self.units.is_empty() {
            return false;
        }
        // A process whose groups cannot be read may be in any unit, so it counts as protected; one that is gone is
        // nobody's victim.
        std::fs::read_to_string(format!("/proc/{}/cgroup", process.pid))
            .map_or(true, |groups| in_unit(&groups, &self.units))
    }
}

/// Whether a list of control groups (`/proc/PID/cgroup`) lies in one of these units: systemd names a group after each.
fn in_unit(groups: &str, units: &[Glob]) -> bool {
    let paths = groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths.flat_map(|path| path.split('/')).any(|name| units.iter().any(|unit| unit.matches(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pid: i32, parent: i32, name: &str, exe: &str, arguments: &[&str]) -> Seen {
        Seen {
            identity: Identity { start: 5, pid },
            parent,
            name: name.into(),
            exe: Some(exe.to_owned()).filter(|exe| !exe.is_empty()),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            user: Some(0),
            is_kernel_thread: false,
        }
    }

    #[track_caller]
    fn check(process: &Seen, expected: Option<&str>) {
        let policy = Policy { protect_processes: vec![Glob("ledger*".into())], ..Policy::default() };
        let protected = Protected::new(Some(Identity { start: 1, pid: 77 }), &policy, &[]);
        assert_eq!(protected.why(process), expected, "{process:?}");
    }

    #[test]
    fn those_without_whom_the_host_would_be_lost_are_protected() {
        check(&seen(1, 0, "my-app", "/usr/bin/my-app", &[]), Some("the init process"));
        check(
            &Seen { is_kernel_thread: true, ..seen(9, 2, "kworker/0:1", "", &[]) },
            Some("a kernel thread"),
        );
        check(&seen(77, 1, "x", "/x", &[]), Some("firedrill or what started it"));
        check(&seen(500, 1, "sshd", "/usr/sbin/sshd", &[]), Some("remote access"));
        check(&seen(500, 1, "renamed", "/usr/sbin/sshd", &[]), Some("remote access"));
        check(
            &seen(500, 1, "systemd-journal", "/lib/systemd/systemd-journald", &[]),
            Some("the service manager"),
        );
        check(
            &seen(500, 1, "containerd-shim", "/usr/bin/containerd-shim-runc-v2", &[]),
            Some("the container runtime"),
        );
        check(&seen(500, 1, "ledger-writer", "/opt/l", &[]), Some("protected by this host's policy"));
        check(&seen(500, 1, "nginx", "/usr/sbin/nginx", &[]), None);
    }

    #[test]
    fn firedrill_is_protected_and_the_shop_that_it_brings_to_be_hurt_is_not() {
        let exe = "/usr/bin/firedrill";
        check(&seen(500, 1, "firedrill", exe, &[exe, "run", "a.yaml"]), Some("firedrill"));
        check(&seen(500, 1, "firedrill", "", &[]), Some("firedrill"));
        check(&seen(500, 1, "firedrill", exe, &[exe, "demo"]), Some("firedrill"));
        check(&seen(500, 1, "firedrill", exe, &[exe, "demo", "payments", "--listen", "127.0.0.1:0"]), None);
    }

    #[test]
    fn a_unit_is_found_in_the_groups_of_its_processes() {
        let groups = "12:pids:/system.slice/payments.service\n0::/system.slice/payments.service/worker\n";
        for (unit, is_in) in
            [("payments.service", true), ("pay*", true), ("payments", false), ("worker", true)]
        {
            assert_eq!(in_unit(groups, &[Glob(unit.into())]), is_in, "{unit}");
        }
    }

    #[test]
    fn whoever_started_us_is_protected_up_the_tree() {
        let own = std::process::id() as i32;
        let tree = [
            seen(own, 900_001, "me", "/me", &[]),
            seen(900_001, 900_000, "sh", "/sh", &[]),
            seen(900_000, 1, "tmux", "/tmux", &[]),
        ];
        let protected = Protected::new(None, &Policy::default(), &tree);
        for process in &tree {
            assert_eq!(protected.why(process), Some("firedrill or what started it"), "{}", process.name);
        }
        assert_eq!(protected.why(&seen(900_002, 900_001, "sibling", "/sibling", &[])), None);
    }
}
