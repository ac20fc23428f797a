//! Processes that a test starts: in a group of their own, ended as a group when the guard is dropped.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::{happens_within, wait_until};

/// The program under test, with nothing to read on its standard input.
pub fn firedrill() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
    command.stdin(Stdio::null());
    command
}

/// A running process with its whole group; dropping it kills the group.
pub struct Child {
    child: std::process::Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
    /// The group is somebody else's care.
    released: bool,
}

/// How a process ended and what it said.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; absent: a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// All it wrote to its standard output.
    pub stdout: String,
    /// All it wrote to its standard error.
    pub stderr: String,
}

impl Child {
    /// Starts it in a process group of its own and reads all that it says.
    pub fn spawn(command: &mut Command) -> Self {
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let readers = vec![
            read_into(child.stdout.take().expect("piped"), Arc::clone(&stdout)),
            read_into(child.stderr.take().expect("piped"), Arc::clone(&stderr)),
        ];
        Self { child, stdout, stderr, readers, released: false }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on its standard output by now.
    pub fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    /// What it has said on its standard error by now.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits for the first line on its standard output that holds `text`.
    pub fn wait_for_line(&self, text: &str, deadline: Duration) -> String {
        let mut found = None;
        happens_within(deadline, || {
            // Asked first: what it said before it closed its output is looked at once more.
            let silent = self.readers.iter().all(std::thread::JoinHandle::is_finished);
            found = self.stdout().lines().find(|line| line.contains(text)).map(str::to_owned);
            found.is_some() || silent
        });
        assert!(found.is_some(), "no line with `{text}`:\n{}\n{}", self.stdout(), self.stderr());
        found.unwrap_or_default()
    }

    /// Sends the process, and it alone, a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid_t(), signal).expect("the process is ours and not yet reaped");
    }

    /// Waits for its end, and then ends what it left running.
    pub fn wait(self, deadline: Duration) -> Ended {
        self.wait_for_end(deadline, true)
    }

    /// Waits for its end and touches nobody else, so that a test can look at what is left, and must end it.
    pub fn wait_alone(self, deadline: Duration) -> Ended {
        self.wait_for_end(deadline, false)
    }

    fn wait_for_end(mut self, deadline: Duration, with_group: bool) -> Ended {
        let mut status: Option<ExitStatus> = None;
        let what = format!("the end of {}", self.pid());
        wait_until(&what, deadline, || {
            status = self.child.try_wait().expect("a child of ours");
            status.is_some()
        });
        let status = status.expect("waited for");
        if with_group {
            // A grandchild that holds the pipe would keep the readers; it would be residue, and so is killed first.
            let _ = killpg(self.pid_t(), Signal::SIGKILL);
            for reader in self.readers.drain(..) {
                let _ = reader.join();
            }
        } else {
            // All that it said itself is read soon; somebody who holds its output is not waited for.
            let read = || self.readers.iter().all(std::thread::JoinHandle::is_finished);
            happens_within(Duration::from_secs(2), read);
        }
        self.released = true;
        Ended { code: status.code(), signal: status.signal(), stdout: self.stdout(), stderr: self.stderr() }
    }

    fn pid_t(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.released {
            return;
        }
        let _ = killpg(self.pid_t(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

fn read_into(from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut into = into.lock().unwrap();
            into.push_str(&line);
            into.push('\n');
        }
    })
}

/// The ids of the living processes whose command line holds `text`; zombies are not living.
pub fn processes_with(text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // The command line of a zombie is empty.
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).replace('\0', " ").contains(text) {
            found.push(pid);
        }
    }
    found
}

/// The letter of a process's state in /proc: `S` sleeps, `T` stands still, `Z` waits to be reaped; nothing: it is gone.
pub fn state_of(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
