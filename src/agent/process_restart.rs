//! `process_restart`: processes are ended and started again as they were. Class C: there is no way back.
//!
//! All that is needed to start them is read before the first signal, so that what could not be started again is refused
//! and lives on.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid, setsid};
use procfs::process::Process;
use rustix::process::Signal as Number;

use super::clock::wait_until;
use super::identity::Identity;
use super::process_kill;
use super::processes::Seen;
use super::refusal::AgentError;
use crate::fault::ProcessRestart;

/// How long a killed process may take to be gone.
const KILLED_WITHIN: Duration = Duration::from_secs(5);
/// One that ends within this time after its start has not been restarted.
const SETTLES_WITHIN: Duration = Duration::from_millis(300);
/// How long the effect may take to be seen: the deed itself has waited for it.
pub(super) const SEEN_WITHIN: Duration = Duration::from_millis(500);
/// The most processes that one fault may restart: it ends them together and starts them one after the other.
const RESTARTS_MAX: usize = 64;
/// What the kernel writes behind the path of a file that is no more.
const DELETED: &str = " (deleted)";

/// One process, and how it is started again.
#[derive(Debug)]
pub(super) struct Restart {
    pub victim: Identity,
    name: String,
    image: Image,
    again: OnceLock<Identity>,
}

/// What a process was started from.
#[derive(Debug)]
struct Image {
    /// What is started: the name by which it was called, where that still leads to the same program.
    program: PathBuf,
    exe: PathBuf,
    arguments: Vec<OsString>,
    directory: PathBuf,
    environment: Vec<(OsString, OsString)>,
    umask: Mode,
    /// Whom it ran as; absent: as we do.
    ids: Option<Ids>,
}

/// Real, effective and saved ids, and the further groups.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ids {
    users: [Uid; 3],
    groups: [Gid; 3],
    further: Vec<Gid>,
}

/// Reads what is needed to start each of them again.
///
/// # Errors
/// The first that could not be.
pub(super) fn prepare(victims: &[Seen]) -> Result<Vec<Arc<Restart>>, AgentError> {
    if victims.len() > RESTARTS_MAX {
        let (found, limit) = (victims.len(), RESTARTS_MAX);
        return Err(AgentError::TooMany { selector: "the selector".into(), found, limit });
    }
    let one = |seen: &Seen| {
        let image = Image::of(seen).map_err(|why| AgentError::NotRestartable {
            pid: seen.identity.pid,
            name: seen.name.clone(),
            why,
        })?;
        let (victim, name) = (seen.identity, seen.name.clone());
        Ok(Arc::new(Restart { victim, name, image, again: OnceLock::new() }))
    };
    victims.iter().map(one).collect()
}

/// Ends them all, then starts them again; says what failed. `hit` is told of each that was started.
pub(super) fn act(restarts: &[Arc<Restart>], fault: &ProcessRestart, mut hit: impl FnMut()) -> Vec<String> {
    let mut failures = Vec::new();
    // Opened while they still hold them; afterwards nobody knows what they were.
    let streams: Vec<[Stdio; 3]> = restarts.iter().map(|restart| restart.streams()).collect();
    for restart in restarts {
        if let Err(error) = process_kill::hit(restart.victim, fault.signal) {
            failures.push(format!("{}: {error}", restart.who()));
        }
    }
    let gone = || restarts.iter().all(|restart| !restart.victim.lives());
    if !wait_until(fault.grace.duration(), gone) {
        for restart in restarts.iter().filter(|restart| restart.victim.lives()) {
            if let Err(error) = restart.victim.signal(Number::KILL) {
                failures.push(format!("{}: {error}", restart.who()));
            }
        }
        wait_until(KILLED_WITHIN, gone);
    }
    for (restart, streams) in restarts.iter().zip(streams) {
        if restart.victim.lives() {
            failures.push(format!("{}: it did not end, so it is not started a second time", restart.who()));
            continue;
        }
        match restart.image.start(streams) {
            Ok(again) => drop(restart.again.set(again)),
            Err(error) => failures.push(format!("{} ended and does not start: {error}", restart.who())),
        }
        hit();
    }
    let ended = || restarts.iter().any(|restart| restart.again.get().is_some() && !restart.is_done());
    if wait_until(SETTLES_WITHIN, ended) {
        let dead = restarts.iter().filter(|restart| restart.again.get().is_some() && !restart.is_done());
        failures.extend(dead.map(|restart| format!("{} was started and ended at once", restart.who())));
    }
    failures
}

impl Restart {
    fn who(&self) -> String {
        format!("{} {}", self.name.escape_debug(), self.victim.pid)
    }

    /// Whether the effect is seen: the old one is gone, and its program runs anew with the same arguments. One that
    /// goes into the background is another process by then.
    pub fn is_done(&self) -> bool {
        let Some(again) = self.again.get().filter(|_| !self.victim.lives()) else { return false };
        if again.lives() {
            return self.image.is_run_by(again.pid);
        }
        let later = |process: Process| {
            let identity = Identity::of(process.pid)?;
            (identity.start >= again.start && identity.lives() && self.image.is_run_by(process.pid))
                .then_some(())
        };
        procfs::process::all_processes().is_ok_and(|all| all.flatten().find_map(later).is_some())
    }

    /// Which process took its place, in words.
    pub fn words(&self) -> Option<String> {
        let again = self.again.get().filter(|_| self.is_done())?;
        Some(format!("{} {}", self.name.escape_debug(), again.pid))
    }

    /// The three standard streams, opened once more.
    fn streams(&self) -> [Stdio; 3] {
        [0, 1, 2].map(|number| match stream(self.victim.pid, number) {
            Some(opened) => Stdio::from(opened),
            None => Stdio::null(),
        })
    }
}

/// A file, terminal or pipe that a process holds; sockets and what we may not open have no other end for us.
fn stream(pid: i32, number: i32) -> Option<OwnedFd> {
    let path = format!("/proc/{pid}/fd/{number}");
    let about = std::fs::metadata(&path).ok()?;
    let kind = about.file_type();
    if !(kind.is_file() || kind.is_char_device() || kind.is_fifo()) {
        return None;
    }
    let flags = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).ok()?;
    let flags = flags.lines().find_map(|line| line.strip_prefix("flags:"))?;
    let flags = OFlag::from_bits_truncate(i32::from_str_radix(flags.trim(), 8).ok()?);
    let mode = flags & OFlag::O_ACCMODE;
    // What was written stays: a file is written on at its end.
    let append = if kind.is_file() && mode != OFlag::O_RDONLY { OFlag::O_APPEND } else { OFlag::empty() };
    let kept = (flags & (OFlag::O_APPEND | OFlag::O_NONBLOCK)) | append;
    let file = OpenOptions::new()
        .read(mode != OFlag::O_WRONLY)
        .write(mode != OFlag::O_RDONLY)
        // A pipe without its other end must not make us wait, nor a terminal become ours.
        .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
        .open(path)
        .ok()?;
    fcntl(&file, FcntlArg::F_SETFL(kept)).ok()?;
    Some(File::into(file))
}

impl Image {
    fn of(seen: &Seen) -> Result<Self, String> {
        let pid = seen.identity.pid;
        let unread = |what: &str| {
            let what = what.to_owned();
            move |error: io::Error| format!("its {what} cannot be read ({error}); root could")
        };
        let link = |name: &str| std::fs::read_link(format!("/proc/{pid}/{name}"));
        let bytes = |name: &str| std::fs::read(format!("/proc/{pid}/{name}"));
        lives_with_us(pid)?;
        let exe = without_mark(link("exe").map_err(unread("program"))?)?;
        let directory = link("cwd").map_err(unread("directory"))?;
        let arguments = split(&bytes("cmdline").map_err(unread("command line"))?);
        let called = arguments.first().ok_or("its command line is empty; start it again by its own means")?;
        if called.to_string_lossy().contains(": ") {
            let called = called.to_string_lossy();
            return Err(format!(
                "it has rewritten its command line (`{}`); start it again by its own means",
                called.chars().take(60).flat_map(char::escape_debug).collect::<String>()
            ));
        }
        let environment = bytes("environ").map_err(unread("environment"))?;
        let environment: Vec<_> = split(&environment).into_iter().filter_map(name_and_value).collect();
        let program = called_program(called, &exe, &directory, &environment);
        let status = Process::new(pid).and_then(|process| process.status());
        let status = status.map_err(|error| format!("its status cannot be read ({error})"))?;
        Ok(Self {
            program,
            exe,
            directory,
            environment,
            umask: Mode::from_bits_truncate(status.umask.unwrap_or(0o022)),
            ids: Ids::of(&status).needed()?,
            arguments,
        })
    }

    /// Starts it in a session of its own. It is nobody's family: it outlives us.
    fn start(&self, [input, output, error]: [Stdio; 3]) -> io::Result<Identity> {
        let mut command = Command::new(&self.program);
        if let Some((called, arguments)) = self.arguments.split_first() {
            command.arg0(called).args(arguments);
        }
        command.current_dir(&self.directory).env_clear();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(input).stdout(output).stderr(error);
        let (mask, ids) = (self.umask, self.ids.clone());
        // SAFETY: between fork and exec only `setsid`, `umask` and the calls that set ids run, which are system calls
        // and allocate nothing.
        unsafe {
            command.pre_exec(move || {
                setsid()?;
                umask(mask);
                if let Some(Ids { users, groups, further }) = &ids {
                    setgroups(further)?;
                    setresgid(groups[0], groups[1], groups[2])?;
                    setresuid(users[0], users[1], users[2])?;
                }
                Ok(())
            });
        }
        let mut child = command.spawn()?;
        let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        // Not reaped yet, so its number is its own, whether it lives or has ended.
        let identity = Identity::of(pid).ok_or_else(|| io::Error::other("it is not in /proc"))?;
        // Should it end while we live, it must not stay in the table of processes.
        std::thread::Builder::new().name("reaper".into()).spawn(move || child.wait())?;
        Ok(identity)
    }

    /// Whether a process runs this program with these arguments.
    fn is_run_by(&self, pid: i32) -> bool {
        let exe = std::fs::read_link(format!("/proc/{pid}/exe"));
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline"));
        exe.is_ok_and(|exe| exe == self.exe) && arguments.is_ok_and(|bytes| split(&bytes) == self.arguments)
    }
}

/// A process in a container, or one that the service manager watches, is restarted by those.
fn lives_with_us(pid: i32) -> Result<(), String> {
    for name in ["ns/mnt", "ns/pid", "ns/net", "ns/user", "root"] {
        let of = |whom: &str| std::fs::read_link(format!("/proc/{whom}/{name}")).ok();
        if let (Some(its), Some(ours)) = (of(&pid.to_string()), of("self"))
            && its != ours
        {
            return Err("it runs in a container or a root of its own; restart it there".into());
        }
    }
    let groups = |whom: &str| std::fs::read_to_string(format!("/proc/{whom}/cgroup")).unwrap_or_default();
    let its = groups(&pid.to_string());
    match service(&its).filter(|unit| service(&groups("self")).as_ref() != Some(unit)) {
        None => Ok(()),
        Some(unit) => Err(format!(
            "it is the service {unit}, which its manager starts again; use a `run` step: [systemctl, restart, {unit}]"
        )),
    }
}

/// The service whose own control group this is.
fn service(groups: &str) -> Option<String> {
    let paths = groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let mut last = paths.filter_map(|path| path.rsplit('/').next());
    last.find(|name| name.ends_with(".service")).map(str::to_owned)
}

/// The path of a program, which must still be there: it may have been replaced, but not only deleted.
fn without_mark(exe: PathBuf) -> Result<PathBuf, String> {
    let path = match exe.as_os_str().as_bytes().strip_suffix(DELETED.as_bytes()) {
        Some(path) => PathBuf::from(OsStr::from_bytes(path)),
        None => exe,
    };
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("its program {} was deleted; install it again first", path.display()))
    }
}

/// The name by which it was called, if that leads to the same file: the kernel names a process after it.
fn called_program(
    called: &OsStr,
    exe: &Path,
    directory: &Path,
    environment: &[(OsString, OsString)],
) -> PathBuf {
    let same = |path: &PathBuf| match (std::fs::metadata(path), std::fs::metadata(exe)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    };
    let candidates: Vec<PathBuf> = if called.as_bytes().contains(&b'/') {
        vec![directory.join(called)]
    } else {
        let path = environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value);
        path.into_iter().flat_map(std::env::split_paths).map(|folder| folder.join(called)).collect()
    };
    candidates.into_iter().find(same).unwrap_or_else(|| exe.to_owned())
}

/// Texts that each end with a zero.
fn split(bytes: &[u8]) -> Vec<OsString> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|byte| *byte == 0).map(|part| OsString::from_vec(part.to_vec())).collect()
}

fn name_and_value(variable: OsString) -> Option<(OsString, OsString)> {
    let bytes = variable.as_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=').filter(|at| *at > 0)?;
    Some((OsStr::from_bytes(&bytes[..at]).to_owned(), OsStr::from_bytes(&bytes[at + 1..]).to_owned()))
}

impl Ids {
    fn of(status: &procfs::process::Status) -> Self {
        let further = status.groups.iter().map(|group| Gid::from_raw(*group)).collect();
        Self {
            users: [status.ruid, status.euid, status.suid].map(Uid::from_raw),
            groups: [status.rgid, status.egid, status.sgid].map(Gid::from_raw),
            further,
        }
    }

    /// Nothing when we run as the same; else we must be allowed to become them.
    fn needed(self) -> Result<Option<Self>, String> {
        let ours = Process::myself().and_then(|process| process.status());
        let ours = Self::of(&ours.map_err(|error| format!("our own status cannot be read ({error})"))?);
        match ours == self {
            true => Ok(None),
            false if Uid::effective().is_root() => Ok(Some(self)),
            false => {
                let (user, group) = (self.users[1], self.groups[1]);
                Err(format!(
                    "it runs as user {user} and group {group}; run firedrill as the same, or as root"
                ))
            }
        }
    }
}
