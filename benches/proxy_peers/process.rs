//! A process tree pinned to a core, and what it costs.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The core of the backend and of the load, and the core of what is measured.
pub const LOAD_CORE: &str = "0";
pub const PROXY_CORE: &str = "1";

const PATIENCE: Duration = Duration::from_secs(10);

/// Ends with the bench, whatever happens.
pub struct Process(Child);

impl Process {
    /// Starts it on its core and waits until all its ports answer.
    pub fn start(name: &str, core: &str, command: &[&str], ports: &[SocketAddr], dir: &Path) -> Self {
        let log = std::fs::File::create(dir.join(format!("{name}.log"))).unwrap();
        let child = Command::new("taskset")
            .args(["-c", core])
            .args(command)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let mut process = Self(child);
        for port in ports {
            process.wait_for(name, *port, dir);
        }
        process
    }

    fn wait_for(&mut self, name: &str, port: SocketAddr, dir: &Path) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(port).is_err() {
            let ended = self.0.try_wait().unwrap();
            let log = || std::fs::read_to_string(dir.join(format!("{name}.log"))).unwrap_or_default();
            assert!(ended.is_none(), "{name} ended: {}", log());
            assert!(Instant::now() < until, "{name} does not listen on {port}: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// CPU seconds of it and of its children, in user and kernel mode; the kernel counts in steps of 10 ms.
    pub fn cpu_seconds(&self) -> f64 {
        let tree = self.tree().into_iter().filter_map(|process| process.stat().ok());
        let ticks: u64 = tree.map(|stat| stat.utime + stat.stime).sum();
        ticks as f64 / procfs::ticks_per_second() as f64
    }

    /// Resident memory of it and of its children.
    pub fn resident_kib(&self) -> u64 {
        let status = self.tree().into_iter().filter_map(|process| process.status().ok());
        status.filter_map(|status| status.vmrss).sum()
    }

    fn tree(&self) -> Vec<procfs::process::Process> {
        let root = self.0.id() as i32;
        let mut tree: Vec<_> = procfs::process::Process::new(root).into_iter().collect();
        let mut at = 0;
        while at < tree.len() && tree.len() < 64 {
            let tasks = tree[at].tasks().into_iter().flatten().flatten();
            let children: Vec<u32> = tasks.filter_map(|task| task.children().ok()).flatten().collect();
            tree.extend(
                children.into_iter().filter_map(|pid| procfs::process::Process::new(pid as i32).ok()),
            );
            at += 1;
        }
        tree
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id() as i32), Signal::SIGTERM);
        let until = Instant::now() + Duration::from_secs(3);
        while Instant::now() < until {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Pins this process, and the threads it will start, to a core.
pub fn pin_self(core: &str) {
    let pid = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-cp", core, &pid]).stdout(Stdio::null()).status();
    assert!(pinned.is_ok_and(|status| status.success()), "taskset (util-linux) is needed");
}
