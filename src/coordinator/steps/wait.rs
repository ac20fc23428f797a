//! A step, or what verifies one, that waits until a probe of the playbook's own is good.

use std::time::Duration;

use super::{Done, Unsuccessful};
use crate::coordinator::clock::DrillClock;
use crate::coordinator::probe::measure;
use crate::coordinator::secrets::Secrets;
use crate::drill::Judge;
use crate::drill::event::Judgement;
use crate::playbook::event::Job;
use crate::scenario::plan::Probe;

/// Waits for it within the job's time.
pub(super) async fn wait(
    job: &Job,
    probe: &Probe,
    clock: DrillClock,
    secrets: &Secrets,
) -> Result<Done, Unsuccessful> {
    let mut last = "not measured yet".to_owned();
    let good = tokio::time::timeout(job.timeout.duration(), good(probe, clock, secrets, &mut last)).await;
    let measurements = good.map_err(|_| {
        let (name, timeout) = (&probe.name, job.timeout);
        Unsuccessful::TimedOut(format!("`{name}` was not good within {timeout}: {last}"))
    })?;
    let measurements = match measurements {
        1 => "the first measurement".to_owned(),
        n => format!("{n} measurements"),
    };
    Ok(Done { detail: format!("`{}` is good after {measurements}", probe.name), ..Done::default() })
}

/// Measures a probe until it is good, however long that takes.
pub async fn until_good(probe: &Probe, clock: DrillClock, secrets: &Secrets) {
    good(probe, clock, secrets, &mut String::new()).await;
}

/// The same; says after how many measurements, and meanwhile why it is not.
async fn good(probe: &Probe, clock: DrillClock, secrets: &Secrets, why_not: &mut String) -> u64 {
    let mut judge = Judge::new(probe.tolerance.clone());
    // A plan has no probe without a pause; without this floor one would spin.
    let every = probe.every.duration().max(Duration::from_millis(1));
    for measurements in 1.. {
        let next = clock.at(clock.now() + every);
        judge.take(&measure(probe, &clock, secrets).await);
        match judge.judge(clock.now()) {
            Judgement::Good {} => return measurements,
            Judgement::Violated { why } | Judgement::Unknown { why } => *why_not = why,
        }
        tokio::time::sleep_until(next).await;
    }
    u64::MAX
}
