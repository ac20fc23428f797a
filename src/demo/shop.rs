//! The shop as a whole: starts its processes and ends them.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpSocket;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{Role, Watch};

const START_WITHIN: Duration = Duration::from_secs(10);
const END_WITHIN: Duration = Duration::from_secs(3);

/// Why the shop does not run.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// A process could not be started.
    #[error("cannot start the shop's {role}: {source}")]
    Start {
        /// Which.
        role: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A process did not say where it listens.
    #[error("the shop's {role} did not come up: {why}")]
    NotUp {
        /// Which.
        role: &'static str,
        /// Why.
        why: String,
    },
    /// No address could be reserved.
    #[error("cannot reserve an address on 127.0.0.1: {0}")]
    Reserve(io::Error),
}

/// An address of 127.0.0.1 that is kept for somebody who will listen there later.
///
/// The socket is bound and does not listen: the kernel gives the port to nobody who did not ask for it by number, and a
/// listener that does ask for it may have it.
#[derive(Debug)]
pub struct Address {
    held: TcpSocket,
}

impl Address {
    /// Lets the kernel choose.
    pub fn reserve() -> Result<Self, ShopError> {
        let reserve = || {
            let held = TcpSocket::new_v4()?;
            held.set_reuseaddr(true)?;
            held.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
            Ok(Self { held })
        };
        reserve().map_err(ShopError::Reserve)
    }

    /// The address.
    pub fn get(&self) -> Result<SocketAddr, ShopError> {
        self.held.local_addr().map_err(ShopError::Reserve)
    }
}

/// Where front looks for the others first: addresses at which a route may stand in between. Where nobody listens there,
/// it goes straight to the process.
#[derive(Clone, Copy, Debug)]
pub struct SeenAt<'a> {
    /// Payments.
    pub payments: &'a [SocketAddr],
    /// Stock.
    pub stock: &'a [SocketAddr],
}

/// Running processes. They die with it, and with this process.
#[derive(Debug)]
pub struct Shop {
    /// Where customers shop.
    pub front: SocketAddr,
    /// Where payments in fact listens; front was told of other addresses first.
    pub payments: SocketAddr,
    /// Where the second payments listens.
    pub replica: SocketAddr,
    /// Where stock listens.
    pub stock: SocketAddr,
    processes: Vec<Child>,
    companions: Vec<Child>,
}

impl Shop {
    /// Starts the shop from this program's own file.
    ///
    /// The parent-death signal is sent when the starting *thread* ends: call it on a thread that lives as long as the
    /// shop.
    pub async fn start(program: PathBuf, seen_at: SeenAt<'_>) -> Result<Self, ShopError> {
        let mut processes = Vec::new();
        let mut start = async |role| -> Result<SocketAddr, ShopError> {
            let (child, address) = start(&program, role).await?;
            processes.push(child);
            Ok(address)
        };
        let stock = start(Role::Stock).await?;
        let payments = start(Role::Payments).await?;
        let replica = start(Role::Replica).await?;
        let list = |routes: &[SocketAddr], process| {
            routes.iter().chain([process]).map(ToString::to_string).collect()
        };
        let front = start(Role::Front {
            payments: list(seen_at.payments, &payments),
            stock: list(seen_at.stock, &stock),
            replica: Some(replica.to_string()),
        });
        let front = front.await?;
        Ok(Self { front, payments, replica, stock, processes, companions: Vec::new() })
    }

    /// Starts a watchman beside it; returns where its page and its API are.
    ///
    /// # Errors
    /// It does not come up, for example because its rules cannot be read; it says why on standard error.
    pub async fn watch(&mut self, program: &Path, watch: Watch) -> Result<SocketAddr, ShopError> {
        let (child, address) = start(program, Role::Watchman(Box::new(watch))).await?;
        self.processes.push(child);
        Ok(address)
    }

    /// Starts a foreign program beside it, such as a real Prometheus, that ends with it; what it says goes to `log`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn beside(&mut self, program: &Path, command: &[String], log: File) -> Result<(), ShopError> {
        let wrong = |source| ShopError::Start { role: "companion", source };
        let mut tied = Command::new(program);
        tied.args(["demo", "companion", "--parent", &std::process::id().to_string(), "--"]).args(command);
        tied.stdin(Stdio::null()).stdout(log.try_clone().map_err(wrong)?).stderr(log);
        let child = tied.process_group(0).kill_on_drop(true).spawn().map_err(wrong)?;
        self.companions.push(child);
        Ok(())
    }

    /// Where each process says what it measures.
    pub fn targets(&self) -> [SocketAddr; 4] {
        [self.front, self.payments, self.replica, self.stock]
    }

    /// Ends the shop and waits for it: gently first.
    pub async fn end(mut self) {
        for process in &mut self.processes {
            drop(process.stdin.take());
        }
        for companion in &self.companions {
            let pid = companion.id().and_then(|pid| i32::try_from(pid).ok());
            let _ = pid.map(|pid| kill(Pid::from_raw(pid), Signal::SIGTERM));
        }
        for mut process in self.processes.into_iter().chain(self.companions) {
            if timeout(END_WITHIN, process.wait()).await.is_err() {
                let _ = process.kill().await;
            }
        }
    }
}

async fn start(program: &Path, role: Role) -> Result<(Child, SocketAddr), ShopError> {
    let name = role.name();
    let mut command = Command::new(program);
    command.args(["demo", name, "--listen", "127.0.0.1:0", "--parent", &std::process::id().to_string()]);
    if let Role::Front { payments, stock, replica } = &role {
        command.args(["--payments", &payments.join(","), "--stock", &stock.join(",")]);
        command.args(replica.iter().flat_map(|replica| ["--replica", replica]));
    }
    if let Role::Watchman(watch) = &role {
        command.arg("--rules").arg(&watch.rules).args(["--webhook", &watch.webhook]);
        command.args(["--targets", &watch.targets.join(","), "--receiver", &watch.receiver]);
        let times = [
            ("--scrape-interval", watch.scrape_interval),
            ("--evaluation-interval", watch.evaluation_interval),
            ("--group-wait", watch.group_wait),
            ("--group-interval", watch.group_interval),
            ("--repeat-interval", watch.repeat_interval),
        ];
        command.args(
            times.iter().flat_map(|(name, time)| [(*name).to_owned(), format!("{}ms", time.as_millis())]),
        );
    }
    // A group of its own: Ctrl-C is for the drill, which needs the shop until the faults are gone.
    command.process_group(0).kill_on_drop(true).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|source| ShopError::Start { role: name, source })?;
    let not_up = |why: String| ShopError::NotUp { role: name, why };
    let stdout = child.stdout.take().ok_or_else(|| not_up("it has no output".to_owned()))?;
    let mut line = String::new();
    match timeout(START_WITHIN, BufReader::new(stdout).read_line(&mut line)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(not_up(error.to_string())),
        Err(_) => return Err(not_up(format!("it said nothing for {START_WITHIN:?}"))),
    }
    let address = line.trim().rsplit(' ').next().and_then(|word| word.parse().ok());
    let address = address.ok_or_else(|| not_up(format!("it said {line:?} instead of its address")))?;
    Ok((child, address))
}
