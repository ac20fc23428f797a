//! When probes measure: each on its own fixed grid, never twice at once, until told to stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::measure;
use crate::coordinator::clock::DrillClock;
use crate::coordinator::secrets::Secrets;
use crate::drill::Sample;
use crate::scenario::plan::Probe;

/// A good size for the queue of samples between the probes and the engine.
pub const PROBE_QUEUE: usize = 256;

/// Probes at work. Dropping it ends them at once, with whatever they were doing.
pub struct ProbeRunner {
    tasks: JoinSet<()>,
    skipped: BTreeMap<String, Arc<AtomicU64>>,
}

/// Starts every probe: its first measurement is now, the others follow every `every` on the drill's clock, so that
/// no delay adds up. A point of the grid that comes while the one before is still being measured is skipped and
/// counted. Samples go to `samples` with the probe's name. When `stop` is cancelled, measurements in flight are
/// given up unrecorded and their commands killed.
pub fn spawn_probes(
    probes: &[Probe],
    clock: DrillClock,
    secrets: &Arc<Secrets>,
    samples: &Sender<(String, Sample)>,
    stop: &CancellationToken,
) -> ProbeRunner {
    let start = clock.now();
    let mut runner = ProbeRunner { tasks: JoinSet::new(), skipped: BTreeMap::new() };
    for probe in probes {
        let skipped = Arc::new(AtomicU64::new(0));
        runner.skipped.insert(probe.name.clone(), Arc::clone(&skipped));
        let (probe, secrets, samples) = (probe.clone(), Arc::clone(secrets), samples.clone());
        let stop = stop.clone();
        runner.tasks.spawn(async move {
            let repeated = repeat(&probe, clock, start, &secrets, &samples, &skipped);
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = repeated => {}
            }
        });
    }
    runner
}

impl ProbeRunner {
    /// How many points of its grid each probe has skipped so far because the measurement before outlasted them.
    pub fn skipped(&self) -> BTreeMap<String, u64> {
        self.skipped.iter().map(|(name, count)| (name.clone(), count.load(Ordering::Relaxed))).collect()
    }

    /// Waits until every probe has ended; they do when they are stopped or when nobody takes their samples.
    pub async fn ended(&mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a probe ended by itself");
            }
        }
    }
}

/// Measures at every point of the grid until nobody takes the samples.
async fn repeat(
    probe: &Probe,
    clock: DrillClock,
    start: Duration,
    secrets: &Secrets,
    samples: &Sender<(String, Sample)>,
    skipped: &AtomicU64,
) {
    // A plan has no probe without a pause; without this floor one would spin.
    let every = probe.every.duration().max(Duration::from_millis(1));
    let mut point = start;
    loop {
        tokio::time::sleep_until(clock.at(point)).await;
        let sample = measure(probe, &clock, secrets).await;
        if samples.send((probe.name.clone(), sample)).await.is_err() {
            return;
        }
        let (next, missed) = next_point(point, every, clock.now());
        if missed > 0 {
            skipped.fetch_add(missed, Ordering::Relaxed);
            tracing::debug!(probe = probe.name, missed, "a measurement outlasted the next ones");
        }
        point = next;
    }
}

/// The first point of the grid after `point` that has not passed, and how many have.
fn next_point(point: Duration, every: Duration, now: Duration) -> (Duration, u64) {
    let behind = now.saturating_sub(point).as_nanos();
    let every_ns = every.as_nanos();
    // The point that is due this very moment is not missed.
    let steps = behind.div_ceil(every_ns).max(1);
    let steps = u64::try_from(steps).unwrap_or(u64::MAX);
    let ahead = Duration::from_nanos(u64::try_from(every_ns).unwrap_or(u64::MAX).saturating_mul(steps));
    (point + ahead, steps - 1)
}
