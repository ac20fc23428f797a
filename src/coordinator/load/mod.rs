//! Open-loop load: request n leaves when it is due, whether or not earlier ones were answered, and its time counts
//! from when it was due. A service that stalls is charged for every request that would have come meanwhile.

mod pace;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

pub use pace::{LOAD_QUEUE, LoadTotals};

use super::clock::DrillClock;
use super::http::{HttpFailure, Pool, PreparedRequest};
use super::secrets::Secrets;
use crate::drill::Sample;
use crate::scenario::plan::{Load, Tolerance};

/// At most so many requests wait for an answer at once, where the process may open that many files.
const IN_FLIGHT_MAX: usize = 10_000;

/// At most so many connections stay open unused.
const IDLE_MAX: usize = 512;

/// A load at work. Dropping it ends it at once.
pub struct LoadRunner {
    task: AbortOnDropHandle<LoadTotals>,
}

/// Starts a load. Answers go to `answers`, gathered into batches; when `stop` is cancelled, nothing more is sent,
/// unanswered requests are given up unrecorded, and the last batch is handed over.
///
/// An answer that counts for a probe is good when the probe's `tolerance` allows its status; without one, 200 to 399
/// are good.
pub async fn spawn_load(
    load: &Load,
    tolerance: Option<&Tolerance>,
    clock: DrillClock,
    secrets: &Secrets,
    answers: Sender<Vec<Sample>>,
    stop: CancellationToken,
) -> Result<LoadRunner, HttpFailure> {
    let timeout = load.timeout.duration();
    let request = PreparedRequest::new(&load.request, secrets).await?;
    let asker = HttpAsker {
        pool: Pool::new(request, IDLE_MAX),
        tolerance: tolerance.cloned(),
        timeout,
        secrets: secrets.clone(),
    };
    let pace = pace::Pace { rate: load.rate, clock, timeout, in_flight_max: in_flight_max() };
    let task: JoinHandle<LoadTotals> = tokio::spawn(pace::keep(pace, Arc::new(asker), answers, stop));
    Ok(LoadRunner { task: AbortOnDropHandle::new(task) })
}

impl LoadRunner {
    /// Waits until the load has ended: it was stopped, or nobody takes its answers.
    pub async fn ended(self) -> LoadTotals {
        self.task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "the load ended by itself");
            LoadTotals::default()
        })
    }
}

/// Sends one request; the seam at which tests put a server without sockets.
trait Ask: Send + Sync + 'static {
    /// Why it is a failure; `None`: it is none. Ends within the time-out.
    fn ask(&self) -> impl Future<Output = Option<String>> + Send;
}

struct HttpAsker {
    pool: Pool,
    tolerance: Option<Tolerance>,
    timeout: Duration,
    secrets: Secrets,
}

impl Ask for HttpAsker {
    async fn ask(&self) -> Option<String> {
        match self.pool.ask(self.timeout).await {
            Ok(status) if self.is_good(status) => None,
            Ok(status) => Some(format!("status {status}")),
            Err(failure) => Some(self.secrets.cut_from(&failure.to_string())),
        }
    }
}

impl HttpAsker {
    fn is_good(&self, status: u16) -> bool {
        match &self.tolerance {
            Some(tolerance) => tolerance.allows(status),
            None => (200..=399).contains(&status),
        }
    }
}

/// Half of the files that this process may open; the other half is for everything else it does.
fn in_flight_max() -> usize {
    let files = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE);
    let half = files.map_or(IN_FLIGHT_MAX as u64, |(soft, _)| soft / 2);
    usize::try_from(half).unwrap_or(IN_FLIGHT_MAX).clamp(16, IN_FLIGHT_MAX)
}

#[cfg(test)]
mod tests;
