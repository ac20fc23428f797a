//! The watchman: a small Prometheus and Alertmanager in one process. It scrapes the shop's `/metrics`, holds them
//! against a file of alerting rules, and posts what fires to a webhook.
//!
//! It is written for the demo alone and on purpose shares nothing with what reads its messages. A rules file that it
//! takes, Prometheus takes too, and both judge alike; the other way round it refuses what it cannot do.

mod api;
mod eval;
mod lengths;
mod page;
mod pager;
mod post;
mod promql;
mod rules;
mod series;
mod standing;
mod state;
mod webhook;
mod yaml;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::pager::{Message, Times};
use self::state::State;
use super::metrics::Metrics;
use super::page::Page;
use super::server::{Handler, Question, Said};

/// How often is looked whether a message is due.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const POST_WITHIN: Duration = Duration::from_secs(5);
const SCRAPE_WITHIN_MAX: Duration = Duration::from_secs(5);

/// What a watchman watches, and whom it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The file of alerting rules; it is read again when it changes.
    pub rules: PathBuf,
    /// Where `/metrics` is: `address:port`.
    pub targets: Vec<String>,
    /// Where messages are posted.
    pub webhook: String,
    /// The name of the receiver, as it stands in messages.
    pub receiver: String,
    /// How often targets are asked.
    pub scrape_interval: Duration,
    /// How often rules are evaluated whose group does not say it.
    pub evaluation_interval: Duration,
    /// How long a new group of alarms waits for more of them.
    pub group_wait: Duration,
    /// The least time between two messages of one group.
    pub group_interval: Duration,
    /// When a group that did not change is told again.
    pub repeat_interval: Duration,
}

impl Watch {
    /// A length of time as the watchman's options take it: `1s`, `500ms`, `1m30s`; at least 100 ms.
    ///
    /// # Errors
    /// It is written in another way, or too short.
    pub fn length(text: &str) -> Result<Duration, String> {
        match lengths::read(text) {
            Some(length) if length >= LOOK_EVERY => Ok(length),
            Some(_) => Err(format!("`{text}` is too short; at least {}", lengths::write(LOOK_EVERY))),
            None => Err(format!("`{text}` is no length of time; write for example `1s` or `500ms`")),
        }
    }
}

/// Wall time that follows one monotonic clock.
#[derive(Clone, Copy, Debug)]
struct Clock {
    wall: Timestamp,
    began: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the watchman asks what time it is")]
    fn start() -> Self {
        Self { wall: Timestamp::now(), began: Instant::now() }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn text(&self, at: Duration) -> String {
        self.wall.saturating_add(at).map_or_else(|_| self.wall.to_string(), |time| time.to_string())
    }
}

/// The watchman at work.
pub(super) struct Watchman {
    watch: Watch,
    webhook: (String, String),
    url: String,
    clock: Clock,
    state: Mutex<State>,
    metrics: Arc<Metrics>,
}

impl Watchman {
    /// Reads the rules; what is wrong with them is said at once.
    pub(super) fn new(watch: Watch, here: SocketAddr, metrics: Arc<Metrics>) -> io::Result<Self> {
        let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let webhook = post::parts(&watch.webhook).ok_or_else(|| {
            wrong(format!("`{}` is no webhook; write `http://ADDRESS:PORT/PATH`", watch.webhook))
        })?;
        let times =
            Times { wait: watch.group_wait, interval: watch.group_interval, repeat: watch.repeat_interval };
        let mut state = State::new(times, &watch.targets);
        state.read_rules(&watch.rules, Duration::ZERO);
        if let Some(why) = &state.file_error {
            return Err(wrong(format!("the rules file {}: {why}", watch.rules.display())));
        }
        let url = format!("http://{here}/");
        Ok(Self { watch, webhook, url, clock: Clock::start(), state: Mutex::new(state), metrics })
    }

    /// What is done in the background; never ends.
    pub(super) async fn chores(&self) {
        let scrapes = (0..self.watch.targets.len()).map(|target| self.scrape_again_and_again(target));
        tokio::join!(futures_util::future::join_all(scrapes), self.evaluate_again_and_again(), self.tell());
    }

    async fn scrape_again_and_again(&self, target: usize) {
        let address = &self.watch.targets[target];
        let within = self.watch.scrape_interval.min(SCRAPE_WITHIN_MAX);
        let mut ticks = ticks(self.watch.scrape_interval);
        loop {
            ticks.tick().await;
            let at = self.clock.now();
            let scraped = post::exchange(address, "/metrics", None, within).await;
            self.lock().scraped(target, at, scraped);
        }
    }

    async fn evaluate_again_and_again(&self) {
        // A group may have a shorter interval of its own.
        let mut ticks = ticks(LOOK_EVERY);
        loop {
            ticks.tick().await;
            let now = self.clock.now();
            let mut state = self.lock();
            state.read_rules(&self.watch.rules, now);
            state.evaluate(self.watch.evaluation_interval, now);
        }
    }

    async fn tell(&self) {
        let mut ticks = ticks(LOOK_EVERY);
        let mut posts = FuturesUnordered::new();
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    for message in self.lock().pager.due(self.clock.now()) {
                        let posting = self.post(&message);
                        posts.push(async move { (posting.await, message) });
                    }
                }
                Some((result, message)) = posts.next() => {
                    self.lock().posted(self.clock.now(), &message, result);
                }
            }
        }
    }

    fn post(&self, message: &Message) -> impl Future<Output = Result<(), String>> + use<> {
        let envelope = webhook::Envelope { receiver: &self.watch.receiver, url: &self.url };
        let body = webhook::body(message, &envelope, |at| self.clock.text(at)).to_string();
        let (address, path) = self.webhook.clone();
        async move { post::exchange(&address, &path, Some(body), POST_WITHIN).await.map(drop) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A late tick delays those that follow; they do not come all at once.
fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

impl Handler for Watchman {
    async fn answer(&self, question: Question) -> Said {
        self.said(&question)
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn measure(&self, page: &mut Page) {
        let state = self.lock();
        let (series, refused) = state.store.counts();
        let counts = state.pager.counts;
        page.gauge("watchman_series", "Series that are kept.", series);
        page.counter("watchman_samples_refused_total", "Samples that found no room.", refused);
        page.counter("watchman_messages_total", "Messages that the webhook took.", counts.taken);
        page.counter("watchman_messages_failed_total", "Messages that it did not take.", counts.failed);
        page.counter("watchman_alarms_dropped_total", "Alarms that were never told.", counts.dropped);
        let well = u64::from(state.file_error.is_none());
        page.gauge("watchman_rules_well", "Whether the rules file could be read last time.", well);
    }
}

#[cfg(test)]
mod tests;
