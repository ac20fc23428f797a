//! The pace: what is due is sent, what was answered is gathered, and neither waits for the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Ask;
use crate::coordinator::clock::DrillClock;
use crate::drill::Sample;
use crate::fault::Frequency;

/// A good size for the queue of batches between the load and the engine.
pub const LOAD_QUEUE: usize = 64;

/// A batch is handed over when it is this old …
const BATCH_AGE: Duration = Duration::from_millis(50);

/// … or this long.
const BATCH_MAX: usize = 1_000;

/// So many answers are kept for an engine that does not take them; then the oldest are thrown away and counted.
const HELD_MAX: usize = 100_000;

/// How long the last answers are offered after a stop.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// What is sent before answers are looked at again, when the pace has fallen behind.
const BURST_MAX: u32 = 256;

/// What a load did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadTotals {
    /// Requests that were due, the refused ones included.
    pub due: u64,
    /// Requests that were not sent because too many were unanswered; each is a failed sample.
    pub refused: u64,
    /// Samples thrown away because nobody took them for too long.
    pub lost: u64,
    /// The longest time between a request's being due and its being sent.
    pub late_max: Duration,
}

/// How a load runs.
pub(super) struct Pace {
    pub(super) rate: Frequency,
    pub(super) clock: DrillClock,
    pub(super) timeout: Duration,
    pub(super) in_flight_max: usize,
}

/// What was answered and not yet handed over.
#[derive(Default)]
struct Held {
    samples: VecDeque<Sample>,
    lost: u64,
}

/// Keeps the pace until it is stopped or nobody takes the answers.
pub(super) async fn keep<A: Ask>(
    pace: Pace,
    asker: Arc<A>,
    answers: Sender<Vec<Sample>>,
    stop: CancellationToken,
) -> LoadTotals {
    let start = pace.clock.now();
    let mut totals = LoadTotals::default();
    let mut held = Held::default();
    let mut in_flight: JoinSet<Sample> = JoinSet::new();
    let mut hand_over_at = None;
    loop {
        send_what_is_due(&pace, start, &asker, &mut in_flight, &mut held, &mut totals);
        if !held.samples.is_empty() && hand_over_at.is_none() {
            hand_over_at = Some(pace.clock.now() + BATCH_AGE);
        }
        let full = held.samples.len() >= BATCH_MAX;
        let old = hand_over_at.is_some_and(|at| pace.clock.now() >= at);
        let wake = pace.clock.at(start + pace.rate.due(totals.due));
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            permit = answers.reserve(), if full || old => {
                let Ok(permit) = permit else { return totals };
                permit.send(held.batch());
                hand_over_at = None;
            }
            Some(answered) = in_flight.join_next() => take(&mut held, answered),
            () = tokio::time::sleep_until(wake) => {}
            () = tokio::time::sleep_until(pace.clock.at(hand_over_at.unwrap_or_default())),
                if hand_over_at.is_some() && !old => {}
            () = answers.closed() => return totals,
        }
        while let Some(answered) = in_flight.try_join_next() {
            take(&mut held, answered);
        }
        totals.lost = held.lost;
    }
    in_flight.abort_all();
    // An engine that is stopping takes what is left, or is gone.
    let last = async {
        while !held.samples.is_empty() {
            if answers.send(held.batch()).await.is_err() {
                break;
            }
        }
    };
    if tokio::time::timeout(LAST_WAIT, last).await.is_err() {
        tracing::warn!("nobody took the last answers to the load");
    }
    totals
}

fn send_what_is_due<A: Ask>(
    pace: &Pace,
    start: Duration,
    asker: &Arc<A>,
    in_flight: &mut JoinSet<Sample>,
    held: &mut Held,
    totals: &mut LoadTotals,
) {
    for _ in 0..BURST_MAX {
        let (now, due) = (pace.clock.now(), start + pace.rate.due(totals.due));
        if due > now {
            return;
        }
        totals.due += 1;
        totals.late_max = totals.late_max.max(now - due);
        if in_flight.len() >= pace.in_flight_max {
            totals.refused += 1;
            let failure = format!("too many unanswered requests ({}); not sent", pace.in_flight_max);
            held.push(Sample { took: now - due, failure: Some(failure), ..empty(due) });
            continue;
        }
        let (asker, clock, timeout) = (Arc::clone(asker), pace.clock, pace.timeout);
        in_flight.spawn(async move {
            let failure = asker.ask().await;
            let took = clock.now().saturating_sub(due);
            // Given up at the time-out: that is how long it took, whatever giving up took.
            let took = if failure.is_some() { took.min(timeout) } else { took };
            Sample { took, failure, ..empty(due) }
        });
    }
}

fn empty(began: Duration) -> Sample {
    Sample { began, took: Duration::ZERO, failure: None, value: None, detail: None }
}

fn take(held: &mut Held, answered: Result<Sample, tokio::task::JoinError>) {
    match answered {
        Ok(sample) => held.push(sample),
        Err(error) => tracing::error!(%error, "a request of the load ended by itself"),
    }
}

impl Held {
    fn push(&mut self, sample: Sample) {
        if self.samples.len() >= HELD_MAX {
            self.samples.pop_front();
            self.lost += 1;
        }
        self.samples.push_back(sample);
    }

    fn batch(&mut self) -> Vec<Sample> {
        let length = self.samples.len().min(BATCH_MAX);
        self.samples.drain(..length).collect()
    }
}
