//! Finding processes, and choosing among those found.

use std::collections::BTreeSet;

use nix::unistd::User;
use procfs::net::TcpState;
use procfs::process::{FDTarget, Process, all_processes};

use super::identity::Identity;
use super::refusal::AgentError;
use crate::fault::{Draws, HowMany, ProcessSelector};

/// The most processes that one fault may hit: its way back must fit into one record.
pub(super) const VICTIMS_MAX: usize = 10_000;

/// The kernel's flag of its own threads (`PF_KTHREAD`).
const KERNEL_THREAD: u32 = 0x0020_0000;

/// A process as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Which.
    pub identity: Identity,
    /// Its parent's number.
    pub parent: i32,
    /// Its name (`comm`).
    pub name: String,
    /// Its executable; unknown for kernel threads and where we may not look.
    pub exe: Option<String>,
    /// Its arguments, the program first.
    pub arguments: Vec<String>,
    /// Its effective user.
    pub user: Option<u32>,
    /// Whether it is a thread of the kernel.
    pub is_kernel_thread: bool,
}

impl Seen {
    /// Reads one process; `None` when it is gone or only waits to be reaped.
    fn read(process: &Process) -> Option<Self> {
        let stat = process.stat().ok().filter(|stat| !matches!(stat.state, 'Z' | 'X'))?;
        let exe = process.exe().ok().map(|exe| {
            let exe = exe.to_string_lossy();
            // The kernel's remark about a program that was replaced since.
            exe.strip_suffix(" (deleted)").unwrap_or(&exe).to_owned()
        });
        Some(Self {
            identity: Identity { start: stat.starttime, pid: stat.pid },
            parent: stat.ppid,
            name: stat.comm,
            exe,
            arguments: process.cmdline().unwrap_or_default(),
            user: process.status().ok().map(|status| status.euid),
            is_kernel_thread: stat.flags & KERNEL_THREAD != 0,
        })
    }

    /// The file name of its executable.
    pub fn exe_name(&self) -> Option<&str> {
        self.exe.as_deref().and_then(|exe| exe.rsplit('/').next())
    }

    /// Its command line, arguments joined by spaces.
    pub fn command(&self) -> String {
        self.arguments.join(" ")
    }

    /// Whether it is a part of the bundled shop (`firedrill demo PART …`), and not the command that runs it.
    pub fn is_demo_part(&self) -> bool {
        matches!(&self.arguments[..], [_, demo, part, ..] if demo == "demo" && !part.starts_with('-'))
    }
}

/// Every process of this host, oldest first: an order that does not depend on the order of looking.
pub(super) fn everyone() -> Result<Vec<Seen>, AgentError> {
    let processes = all_processes().map_err(|error| AgentError::Proc {
        what: "the processes in /proc".into(),
        why: error.to_string(),
    })?;
    let mut seen: Vec<Seen> = processes.flatten().filter_map(|process| Seen::read(&process)).collect();
    seen.sort_by_key(|seen| seen.identity);
    Ok(seen)
}

/// What a selector says, for messages.
pub(super) fn describe(select: &ProcessSelector) -> String {
    let ways = [
        select.name.as_ref().map(|name| format!("name `{name}`")),
        select.pattern.as_ref().map(|pattern| format!("pattern `{pattern}`")),
        select.pid.map(|pid| format!("pid {pid}")),
        select.user.as_ref().map(|user| format!("user `{user}`")),
        select.port.map(|port| format!("port {port}")),
        select.exe.as_ref().map(|exe| format!("exe `{exe}`")),
    ];
    ways.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

/// The processes that a selector means, among all.
#[derive(Debug)]
pub(super) struct Matching {
    /// Those that fit, oldest first.
    pub seen: Vec<Seen>,
    /// How many processes could not be looked into.
    pub unreadable: usize,
}

/// Looks who fits. Never ourselves by accident of `exclude`: that is the protection's business.
pub(super) fn matching(select: &ProcessSelector, everyone: &[Seen]) -> Result<Matching, AgentError> {
    let user = select.user.as_deref().map(user_number).transpose()?;
    let holders = select.port.map(|port| listeners(port, everyone)).transpose()?;
    let fits = |seen: &&Seen| {
        let command = seen.command();
        select.name.as_ref().is_none_or(|name| {
            name.matches(&seen.name) || seen.exe_name().is_some_and(|exe| name.matches(exe))
        }) && select.pattern.as_ref().is_none_or(|pattern| pattern.matches(&command))
            && select.pid.is_none_or(|pid| i64::from(pid) == i64::from(seen.identity.pid))
            && user.is_none_or(|user| seen.user == Some(user))
            && holders.as_ref().is_none_or(|(holders, _)| holders.contains(&seen.identity))
            && select.exe.as_ref().is_none_or(|glob| seen.exe.as_deref().is_some_and(|exe| glob.matches(exe)))
            && !select.exclude.iter().any(|glob| glob.matches(&command))
    };
    let unreadable = match &holders {
        Some((_, unreadable)) => *unreadable,
        None if select.exe.is_some() => {
            everyone.iter().filter(|seen| seen.exe.is_none() && !seen.is_kernel_thread).count()
        }
        None => 0,
    };
    Ok(Matching { seen: everyone.iter().filter(fits).cloned().collect(), unreadable })
}

fn user_number(user: &str) -> Result<u32, AgentError> {
    if let Ok(number) = user.parse() {
        return Ok(number);
    }
    let found = User::from_name(user)
        .map_err(|error| AgentError::Proc { what: format!("user `{user}`"), why: error.to_string() })?;
    found.map(|found| found.uid.as_raw()).ok_or_else(|| AgentError::NoSuchUser { user: user.to_owned() })
}

/// Who holds a socket that listens on a TCP port of our network namespace, and how many could not be looked into.
fn listeners(port: u16, everyone: &[Seen]) -> Result<(BTreeSet<Identity>, usize), AgentError> {
    let unread =
        |error: procfs::ProcError| AgentError::Proc { what: "/proc/net/tcp".into(), why: error.to_string() };
    let four = procfs::net::tcp().map_err(unread)?;
    // A host without IPv6 has no such table.
    let six = procfs::net::tcp6().unwrap_or_default();
    let sockets: BTreeSet<u64> = four
        .into_iter()
        .chain(six)
        .filter(|entry| entry.state == TcpState::Listen && entry.local_address.port() == port)
        .map(|entry| entry.inode)
        .collect();
    let (mut holders, mut unreadable) = (BTreeSet::new(), 0);
    if sockets.is_empty() {
        return Ok((holders, 0));
    }
    for seen in everyone.iter().filter(|seen| !seen.is_kernel_thread) {
        match Process::new(seen.identity.pid).and_then(|process| process.fd()) {
            Ok(fds) => {
                let holds = |target| matches!(target, FDTarget::Socket(inode) if sockets.contains(&inode));
                if fds.flatten().any(|fd| holds(fd.target)) {
                    holders.insert(seen.identity);
                }
            }
            Err(procfs::ProcError::NotFound(_)) => {}
            Err(_) => unreadable += 1,
        }
    }
    Ok((holders, unreadable))
}

/// Chooses as many as asked for, by the drill's draws, so that a seed repeats the choice. Keeps the order.
pub(super) fn choose(
    select: &ProcessSelector,
    mut seen: Vec<Seen>,
    draws: &mut Draws,
) -> Result<Vec<Seen>, AgentError> {
    let found = seen.len();
    let wanted = match select.how_many {
        None => found,
        Some(HowMany::Count(count)) => {
            let wanted = usize::try_from(count).unwrap_or(usize::MAX);
            if wanted > found {
                let names = names(&seen);
                return Err(AgentError::TooFew { selector: describe(select), count, found, names });
            }
            wanted
        }
        Some(HowMany::Percent(share)) => {
            // Rounded up: a share never silently means nobody.
            let parts = found as u128 * u128::from(share.parts_per_million());
            usize::try_from(parts.div_ceil(1_000_000)).unwrap_or(found).clamp(1, found.max(1))
        }
    };
    if wanted > VICTIMS_MAX {
        return Err(AgentError::TooMany { selector: describe(select), found: wanted, limit: VICTIMS_MAX });
    }
    for place in 0..wanted.min(found) {
        let drawn = draws.below((found - place) as u64);
        seen.swap(place, place + usize::try_from(drawn).unwrap_or(0));
    }
    seen.truncate(wanted);
    seen.sort_by_key(|seen| seen.identity);
    Ok(seen)
}

/// Some processes in a few words: `nginx 812, nginx 813 and 6 more`.
pub(super) fn names<'a>(seen: impl IntoIterator<Item = &'a Seen>) -> String {
    const SHOWN: usize = 8;
    let all: Vec<String> =
        seen.into_iter().map(|seen| format!("{} {}", seen.name.escape_debug(), seen.identity.pid)).collect();
    match all.len() {
        0 => "none".into(),
        n if n <= SHOWN => all.join(", "),
        n => format!("{} and {} more", all[..SHOWN].join(", "), n - SHOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Glob, Seed};

    fn crowd(count: i32) -> Vec<Seen> {
        (0..count)
            .map(|n| Seen {
                identity: Identity { start: 100 + u64::from(n.unsigned_abs()), pid: 1_000 - n },
                parent: 1,
                name: format!("api-{n}"),
                exe: Some(if n % 2 == 0 { "/opt/api".into() } else { "/opt/averyveryverylongname".into() }),
                arguments: vec!["api".into(), format!("--shard={n}")],
                user: Some(1_000 + n.unsigned_abs() % 2),
                is_kernel_thread: false,
            })
            .collect()
    }

    fn select(how_many: Option<HowMany>) -> ProcessSelector {
        ProcessSelector { name: Some(Glob("api-*".into())), how_many, ..Default::default() }
    }

    fn chosen(seed: u64, how_many: HowMany, of: i32) -> Vec<i32> {
        let mut draws = Seed(seed).of_fault("local", "f").draws(0);
        let chosen = choose(&select(Some(how_many)), crowd(of), &mut draws).unwrap();
        chosen.iter().map(|seen| seen.identity.pid).collect()
    }

    fn percent(text: &str) -> HowMany {
        HowMany::Percent(text.parse().unwrap())
    }

    #[test]
    fn a_seed_repeats_its_choice_and_another_seed_chooses_anew() {
        let by_seed = |seed| chosen(seed, HowMany::Count(5), 100);
        assert_eq!(by_seed(1), by_seed(1));
        assert_ne!(by_seed(1), by_seed(2));
    }

    #[test]
    fn every_process_can_be_chosen() {
        let hit: BTreeSet<i32> = (0..200).flat_map(|seed| chosen(seed, HowMany::Count(1), 10)).collect();
        assert_eq!(hit.len(), 10);
    }

    #[test]
    fn a_share_is_rounded_up_and_never_means_nobody() {
        for (share, of, expected) in
            [("1%", 3, 1), ("50%", 3, 2), ("100%", 3, 3), ("34%", 3, 2), ("0.01%", 1, 1)]
        {
            assert_eq!(chosen(1, percent(share), of).len(), expected, "{share} of {of}");
        }
    }

    #[test]
    fn fewer_than_asked_for_is_refused_with_what_was_found() {
        let mut draws = Seed(1).of_fault("local", "f").draws(0);
        let refusal = choose(&select(Some(HowMany::Count(3))), crowd(2), &mut draws).unwrap_err().to_string();
        assert!(refusal.contains("needs 3 processes and 2 fit (api-0 1000, api-1 999)"), "{refusal}");
    }

    #[test]
    fn each_way_of_selecting_finds_its_own() {
        let all = ProcessSelector::default;
        let glob = |text: &str| Some(Glob(text.to_owned()));
        for (select, expected) in [
            (ProcessSelector { name: glob("api-1"), ..all() }, 1),
            (ProcessSelector { name: glob("averyveryverylongname"), ..all() }, 2),
            (ProcessSelector { pattern: glob("api --shard=*"), ..all() }, 4),
            (ProcessSelector { pattern: glob("--shard=*"), ..all() }, 0),
            (ProcessSelector { pid: Some(1_000), ..all() }, 1),
            (ProcessSelector { user: Some("1001".into()), ..all() }, 2),
            (ProcessSelector { exe: glob("/opt/api"), ..all() }, 2),
            (ProcessSelector { name: glob("api-*"), exclude: vec![Glob("*shard=0".into())], ..all() }, 3),
        ] {
            assert_eq!(matching(&select, &crowd(4)).unwrap().seen.len(), expected, "{select:?}");
        }
    }

    #[test]
    fn a_user_that_the_host_does_not_know_is_named() {
        let select = ProcessSelector { user: Some("no-such-user-here".into()), ..Default::default() };
        let refusal = matching(&select, &[]).unwrap_err().to_string();
        assert!(refusal.contains("no user `no-such-user-here`"), "{refusal}");
    }
}
