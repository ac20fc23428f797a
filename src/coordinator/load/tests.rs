use std::sync::Mutex;

use tokio::sync::mpsc;

use super::pace::{Pace, keep};
use super::*;
use crate::coordinator::test_server::{TestServer, get};
use crate::fault::{Frequency, Period};
use crate::scenario::plan::StatusRange;

/// Answers in memory: everything that is asked before `stalls_until` is answered then, later requests after `delay`.
struct InMemory {
    clock: DrillClock,
    stalls_until: Duration,
    delay: Duration,
    timeout: Duration,
    asked: Mutex<Vec<Duration>>,
}

impl InMemory {
    fn new(clock: DrillClock, stalls_until_ms: u64, delay_ms: u64) -> Arc<Self> {
        Arc::new(Self {
            clock,
            stalls_until: Duration::from_millis(stalls_until_ms),
            delay: Duration::from_millis(delay_ms),
            timeout: Duration::from_secs(2),
            asked: Mutex::default(),
        })
    }
}

impl Ask for InMemory {
    async fn ask(&self) -> Option<String> {
        let now = self.clock.now();
        self.asked.lock().unwrap().push(now);
        let answered_at = self.stalls_until.max(now + self.delay);
        let late = answered_at > now + self.timeout;
        tokio::time::sleep_until(self.clock.at(answered_at.min(now + self.timeout))).await;
        late.then(|| "timed out".to_owned())
    }
}

fn pace(rate: &str, clock: DrillClock, in_flight_max: usize) -> Pace {
    Pace { rate: rate.parse().unwrap(), clock, timeout: Duration::from_secs(2), in_flight_max }
}

/// Runs a load for a while and takes its answers as they come.
async fn run_for(
    pace: Pace,
    asker: Arc<InMemory>,
    lasting: Duration,
) -> (Vec<(Duration, Vec<Sample>)>, LoadTotals) {
    let (sender, mut answers) = mpsc::channel(LOAD_QUEUE);
    let (stop, clock) = (CancellationToken::new(), pace.clock);
    let running = tokio::spawn(keep(pace, asker, sender, stop.clone()));
    let ending = tokio::spawn(async move {
        tokio::time::sleep(lasting).await;
        stop.cancel();
    });
    let mut batches = Vec::new();
    while let Some(batch) = answers.recv().await {
        batches.push((clock.now(), batch));
    }
    ending.await.unwrap();
    (batches, running.await.unwrap())
}

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn requests_leave_when_they_are_due_though_nothing_is_answered() {
    let clock = DrillClock::start();
    let asker = InMemory::new(clock, 1_000, 10);
    let (batches, totals) = run_for(pace("20/s", clock, 1_000), Arc::clone(&asker), 3_020 * MS).await;
    let asked = asker.asked.lock().unwrap().clone();
    assert_eq!(asked, (0..61).map(|n| n * 50 * MS).collect::<Vec<_>>());
    assert_eq!((totals.due, totals.refused, totals.lost), (61, 0, 0));

    let mut samples: Vec<Sample> = batches.into_iter().flat_map(|(_, batch)| batch).collect();
    samples.sort_by_key(|sample| sample.began);
    assert_eq!(samples.len(), 61);
    for (n, sample) in samples.iter().enumerate() {
        let due = n as u32 * 50 * MS;
        assert_eq!(sample.began, due);
        // The stall is charged to every request that was due while it lasted.
        assert_eq!(sample.took, (1_000 * MS).saturating_sub(due).max(10 * MS), "due at {due:?}");
        assert_eq!(sample.failure, None);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_answered_in_time_is_a_failure_as_long_as_the_time_out() {
    let clock = DrillClock::start();
    let asker = InMemory::new(clock, 60_000, 10);
    let (batches, _) = run_for(pace("2/s", clock, 1_000), asker, 3_100 * MS).await;
    let samples: Vec<Sample> = batches.into_iter().flat_map(|(_, batch)| batch).collect();
    assert_eq!(samples.len(), 3);
    for sample in samples {
        assert_eq!((sample.took, sample.failure.as_deref()), (2_000 * MS, Some("timed out")));
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_unanswered_requests_are_failures_at_once() {
    let clock = DrillClock::start();
    let asker = InMemory::new(clock, 60_000, 10);
    let (batches, totals) = run_for(pace("100/s", clock, 5), Arc::clone(&asker), 505 * MS).await;
    assert_eq!(asker.asked.lock().unwrap().len(), 5);
    assert_eq!((totals.due, totals.refused), (51, 46));
    let samples: Vec<Sample> = batches.into_iter().flat_map(|(_, batch)| batch).collect();
    assert_eq!(samples.len(), 46);
    for sample in samples {
        assert_eq!(sample.failure.as_deref(), Some("too many unanswered requests (5); not sent"));
    }
}

#[tokio::test(start_paused = true)]
async fn answers_are_handed_over_in_small_young_batches() {
    let clock = DrillClock::start();
    let asker = InMemory::new(clock, 1_000, 1);
    let (batches, totals) = run_for(pace("5000/s", clock, 10_000), asker, 2_000 * MS).await;
    let count: usize = batches.iter().map(|(_, batch)| batch.len()).sum();
    assert!(totals.due >= 9_990 && count >= 9_900, "{totals:?} {count}");
    for (at, batch) in &batches {
        assert!((1..=1_000).contains(&batch.len()), "{}", batch.len());
        let oldest = batch.iter().map(|sample| sample.began + sample.took).min().unwrap();
        assert!(*at <= oldest + 55 * MS, "answered at {oldest:?}, handed over at {at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_takes_nothing_does_not_change_the_pace() {
    let clock = DrillClock::start();
    let asker = InMemory::new(clock, 0, 1);
    let (sender, mut answers) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let running = tokio::spawn(keep(pace("100/s", clock, 1_000), Arc::clone(&asker), sender, stop.clone()));
    tokio::time::sleep(5_005 * MS).await;
    assert_eq!(asker.asked.lock().unwrap().len(), 501);
    stop.cancel();
    let mut count = 0;
    while let Some(batch) = answers.recv().await {
        count += batch.len();
    }
    assert_eq!((count, running.await.unwrap().lost), (501, 0));
}

async fn answers_of(load: Load, tolerance: Option<&Tolerance>, count: usize) -> Vec<Sample> {
    let (sender, mut answers) = mpsc::channel(LOAD_QUEUE);
    let stop = CancellationToken::new();
    let runner = spawn_load(&load, tolerance, DrillClock::start(), &Secrets::default(), sender, stop.clone())
        .await
        .unwrap();
    let mut samples = Vec::new();
    while samples.len() < count {
        samples.extend(answers.recv().await.unwrap());
    }
    stop.cancel();
    let totals = runner.ended().await;
    assert!(totals.due >= count as u64, "{totals:?}");
    samples
}

fn load(request: crate::scenario::plan::HttpRequest, rate: &str, timeout_ms: u64) -> Load {
    let rate: Frequency = rate.parse().unwrap();
    Load { request, rate, timeout: Period::from_millis(timeout_ms) }
}

#[tokio::test]
async fn a_load_reaches_a_real_server_over_few_connections() {
    let server = TestServer::start().await;
    let samples = answers_of(load(server.get("/ok"), "200/s", 10_000), None, 100).await;
    assert!(samples.iter().all(|sample| sample.failure.is_none()), "{samples:?}");
    let connections = server.accepted.load(std::sync::atomic::Ordering::SeqCst);
    assert!(connections < 50, "{connections} connections for 100 requests one after the other");
}

#[tokio::test]
async fn statuses_time_outs_and_refusals_are_samples() {
    let server = TestServer::start().await;
    let a_probe = Tolerance::default();
    let only_503 = Tolerance { status: vec![StatusRange { from: 503, to: 503 }], ..Tolerance::default() };
    for (path, good, failure) in [
        ("/status/503", None, Some("status 503")),
        ("/status/503", Some(&only_503), None),
        ("/ok", Some(&only_503), Some("status 200")),
        // What counts for a probe is good when the probe calls it good, its default included.
        ("/redirect", Some(&a_probe), Some("status 302")),
        ("/redirect", None, None),
        ("/hang", None, Some("timed out after 100ms while waiting for the first byte")),
    ] {
        let samples = answers_of(load(server.get(path), "100/s", 100), good, 3).await;
        assert_eq!(samples[0].failure.as_deref(), failure, "{path}");
        assert!(samples[0].took <= Duration::from_millis(100) || failure.is_none(), "{samples:?}");
    }
    let address = server.address;
    drop(server);
    let samples = answers_of(load(get(&format!("http://{address}/")), "100/s", 1_000), None, 3).await;
    let words = format!("could not connect to {address}: connection refused");
    assert_eq!(samples[0].failure.as_deref(), Some(words.as_str()));
}
