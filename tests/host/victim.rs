//! A process that is there to be hit.

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::{state_of, wait_until};

/// How long anything about a victim may take; what is promised is a fifth of it.
pub const SOON: Duration = Duration::from_secs(5);

/// A sleeping process; killed when dropped.
pub struct Victim {
    child: Child,
    /// Its name, which no other process has.
    pub name: String,
}

/// A name that no other process has, of at most 15 bytes.
pub fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("fdv{:x}x{:x}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Victim {
    /// With a name of its own.
    pub fn start(folder: &Path) -> Self {
        Self::named(folder, &unique_name())
    }

    /// Several with one name.
    pub fn crowd(folder: &Path, count: usize) -> Vec<Self> {
        let name = unique_name();
        (0..count).map(|_| Self::named(folder, &name)).collect()
    }

    /// With this name.
    pub fn named(folder: &Path, name: &str) -> Self {
        Self::spawn(folder, name, |_| {})
    }

    /// From a program of its own.
    pub fn start_from(path: &Path) -> Self {
        // A copy that another thread of this test held open while it forked is busy for a moment.
        let mut child = None;
        wait_until("a program that is not busy", SOON, || {
            child = Command::new(path).arg("120").stdin(Stdio::null()).spawn().ok();
            child.is_some()
        });
        Self { child: child.unwrap(), name: path.file_name().unwrap().to_str().unwrap().to_owned() }
    }

    /// That runs as this user.
    pub fn of_user(folder: &Path, user: u32) -> Self {
        Self::spawn(folder, &unique_name(), |command| {
            command.uid(user).gid(user);
        })
    }

    /// That holds a socket.
    pub fn holding(folder: &Path, socket: impl Into<OwnedFd>) -> Self {
        let socket = socket.into();
        Self::spawn(folder, &unique_name(), |command| {
            command.stdin(Stdio::from(socket));
        })
    }

    /// That ignores SIGTERM.
    pub fn deaf(folder: &Path) -> Self {
        let name = unique_name();
        let path = linked(folder, "sh", &name);
        let child = Command::new(path).args(["-c", "trap '' TERM; exec sleep 120"]).spawn().unwrap();
        let victim = Self { child, name };
        wait_until("the trap", SOON, || victim.command().starts_with("sleep"));
        victim
    }

    fn spawn(folder: &Path, name: &str, adjust: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(linked(folder, "sleep", name));
        command.arg("120").stdin(Stdio::null());
        adjust(&mut command);
        Self { child: command.spawn().unwrap(), name: name.to_owned() }
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// The letter of its state in /proc: `S` sleeps, `T` stands still, `Z` waits to be reaped.
    pub fn state(&self) -> char {
        state_of(self.child.id()).unwrap()
    }

    pub fn is_gone(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub fn into_status(mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// Waits until another process sees it in this state.
    #[track_caller]
    pub fn wait_for_state(&self, state: char) {
        wait_until(&format!("{} in state {state}", self.name), SOON, || self.state() == state);
    }

    fn command(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/cmdline", self.child.id())).unwrap_or_default()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The path of a program that every Linux host has.
pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file()).unwrap()
}

/// A link to a program: the kernel names the process after it.
fn linked(folder: &Path, of: &str, name: &str) -> PathBuf {
    let link = folder.join(name);
    match std::os::unix::fs::symlink(program(of), &link) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => panic!("{error}"),
        _ => link,
    }
}
