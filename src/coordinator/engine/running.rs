//! Everything of a drill that runs beside its loop, and its end.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::outside::Outside;

/// How long parts of ours may take to end.
const END_WITHIN: Duration = Duration::from_secs(8);

/// Everything that is running.
#[derive(Default)]
pub(super) struct Running {
    pub(super) probes: JoinSet<()>,
    pub(super) intake: JoinSet<()>,
    pub(super) stop: CancellationToken,
    /// The operators of faults, the preflight, the load, the command under test, the renewal of leases.
    pub(super) tasks: JoinSet<()>,
}

impl Running {
    /// Ends everything; says what is left behind.
    pub(super) async fn take_down(mut self, outside: &dyn Outside) -> Vec<String> {
        self.stop.cancel();
        // At the same time: the drill waits for the whole answer only so long.
        let (probes, intake, _) =
            tokio::join!(end(&mut self.probes), end(&mut self.intake), end(&mut self.tasks));
        let mut residue = Vec::new();
        if !probes {
            residue.push("a probe did not end".into());
        }
        if !intake {
            residue.push("the intake of alarms did not end".into());
        }
        residue.extend(outside.put_away().await);
        residue
    }
}

/// Waits for the end of these tasks; false when it had to be forced.
async fn end(tasks: &mut JoinSet<()>) -> bool {
    let in_time = timeout(END_WITHIN, async { while tasks.join_next().await.is_some() {} }).await.is_ok();
    if !in_time {
        tasks.shutdown().await;
    }
    in_time
}
