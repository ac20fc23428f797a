//! What the probes and the load of a simulated drill measure.

use std::time::Duration;

use firedrill::coordinator::clock::DrillClock;
use firedrill::drill::Sample;
use firedrill::fault::Seed;
use firedrill::scenario::plan::Probe;
use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until};

use crate::world::World;

/// Every probe on its grid.
pub async fn probes(world: &World, clock: DrillClock, samples: &mpsc::Sender<(String, Sample)>) {
    let probes = world.plan.steady_state.probes.iter().enumerate();
    join_all(probes.map(|(n, probe)| repeat(world, n, probe, clock, samples))).await;
}

async fn repeat(
    world: &World,
    n: usize,
    probe: &Probe,
    clock: DrillClock,
    samples: &mpsc::Sender<(String, Sample)>,
) {
    let (feels, silent_from) = world.fate.probes[n];
    let mut due = clock.now();
    for ordinal in 0.. {
        sleep_until(clock.at(due)).await;
        if silent_from.is_some_and(|from| clock.now() >= from) {
            std::future::pending::<()>().await;
        }
        let mut draws = Seed(world.seed).of_fault("probe", &probe.name).draws(ordinal);
        let began = clock.now();
        let bad = feels && world.is_bad() || draws.below(400) == 0;
        let (took, failure) = match draws.below(4) {
            _ if !bad => (Duration::from_millis(2 + draws.below(30)), None),
            0 => (probe.timeout.duration(), Some("timed out".to_owned())),
            1 => (probe.timeout.duration() * 9 / 10, None),
            _ => (Duration::from_millis(20), Some("status 500".to_owned())),
        };
        sleep(took).await;
        let sample = Sample { began, took, failure, value: None, detail: None };
        if samples.send((probe.name.clone(), sample)).await.is_err() {
            return;
        }
        while due <= clock.now() {
            due += probe.every.duration();
        }
    }
}

/// Answers to the load, five at a time.
pub async fn load(world: &World, clock: DrillClock, answers: mpsc::Sender<Vec<Sample>>) {
    let feels = world.fate.probes[0].0;
    for ordinal in 0.. {
        sleep(Duration::from_millis(250)).await;
        let bad = feels && world.is_bad();
        let mut draws = Seed(world.seed).of_fault("load", "answers").draws(ordinal);
        let one = |draws: &mut firedrill::fault::Draws| {
            let took = if bad { 300 + draws.below(1_500) } else { 2 + draws.below(60) };
            Sample {
                began: clock.now().saturating_sub(Duration::from_millis(took)),
                took: Duration::from_millis(took),
                failure: (bad && draws.below(3) == 0).then(|| "status 500".to_owned()),
                value: None,
                detail: None,
            }
        };
        let samples = (0..5).map(|_| one(&mut draws)).collect();
        if answers.send(samples).await.is_err() {
            return;
        }
    }
}
