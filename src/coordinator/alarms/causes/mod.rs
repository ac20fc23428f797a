//! Asks monitoring why an expected alarm stays away, along the way that an alarm takes: rule, data, threshold, `for:`,
//! hand-over, silence, inhibition, mute times, receiver, delivery, grouping. The first that holds is the cause.

mod config;
mod fired;
mod hand_over;
mod mute_times;
mod promql;
mod rules;
mod told;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use self::fired::Fired;
use self::hand_over::{HandOver, Posts};
use self::rules::Rule;
use self::told::Told;
use super::ask;
use super::{AlarmInput, Way};
use crate::drill::alarm::MissCause;
use crate::scenario::expectation::{Alarms, Expectation, MonitorKind};

/// How often is asked while faults are on.
const EVERY: Duration = Duration::from_secs(2);

/// After so many rounds the words of a finding are told again if they have changed.
const WORDS_AGAIN_AFTER: u64 = 5;

/// A cause, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    cause: MissCause,
    /// Tells findings of one cause apart where their words change with every value.
    kind: &'static str,
    evidence: String,
}

impl Found {
    fn new(cause: MissCause, kind: &'static str, evidence: String) -> Self {
        Self { cause, kind, evidence }
    }
}

/// How far an expected alarm came at most; it may be over when it is next asked after.
#[derive(Clone, Debug, Default)]
struct Reached {
    pending: Option<Found>,
    fired: Option<String>,
    /// It fired, and Prometheus could not hand it over.
    lost: Option<Found>,
    /// What Alertmanager did with it.
    held: Option<Found>,
}

/// Asks for ever while it is watched; ends when the engine takes no more.
pub(super) async fn ask(alarms: Alarms, way: Way, mut watched: watch::Receiver<bool>) {
    let urls = |kind| {
        let of_kind = alarms.sources.iter().filter(move |source| source.kind == kind);
        of_kind.map(|source| source.url.clone()).collect::<Vec<_>>()
    };
    let mut asker = Asker {
        prometheus: urls(MonitorKind::Prometheus),
        alertmanagers: urls(MonitorKind::Alertmanager),
        failed_before: BTreeMap::new(),
        posts_before: BTreeMap::new(),
        reached: BTreeMap::new(),
        told: BTreeMap::new(),
        round: 0,
        way,
    };
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if watched.wait_for(|on| *on).await.is_err() {
            return;
        }
        asker.begin().await;
        while *watched.borrow() {
            tokio::select! {
                _ = ticks.tick() => {}
                changed = watched.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    continue;
                }
            }
            if !asker.round().await {
                return;
            }
        }
    }
}

struct Asker {
    prometheus: Vec<String>,
    alertmanagers: Vec<String>,
    /// The counters of failed requests when faults came on, by Alertmanager.
    failed_before: BTreeMap<String, BTreeMap<String, f64>>,
    /// What Prometheus counted of its posts when faults came on.
    posts_before: BTreeMap<String, Posts>,
    reached: BTreeMap<String, Reached>,
    /// What the engine was told last, and in which round.
    told: BTreeMap<String, (Found, u64)>,
    round: u64,
    way: Way,
}

impl Asker {
    /// Faults are on: what came before is no answer to them, and what failed before was not failed by them.
    async fn begin(&mut self) {
        self.way.memory.begin();
        self.reached.clear();
        for url in &self.alertmanagers {
            if let Ok(failed) = told::failures(url).await {
                self.failed_before.insert(url.clone(), failed);
            }
        }
        for url in &self.prometheus {
            if let Ok(posts) = hand_over::posts(url).await {
                self.posts_before.insert(url.clone(), posts);
            }
        }
    }

    /// Asks once for every expectation that nothing has answered; false when the engine takes no more.
    async fn round(&mut self) -> bool {
        self.round += 1;
        let memory = std::sync::Arc::clone(&self.way.memory);
        let awaited = memory.awaited();
        if awaited.is_empty() {
            return true;
        }
        let mut rules = Vec::new();
        for url in &self.prometheus {
            let read = ask::get(url, "/api/v1/rules?type=alert").await.and_then(|body| rules::read(&body));
            rules.push((url.clone(), read));
        }
        let mut alertmanagers = Vec::new();
        for url in &self.alertmanagers {
            alertmanagers.push(Told::ask(url, self.failed_before.get(url)).await);
        }
        for expectation in awaited {
            let found = self.why(expectation, &rules, &alertmanagers).await;
            if !self.is_news(&expectation.id, &found) {
                continue;
            }
            let Found { cause, evidence, .. } = found;
            let input = AlarmInput::Asked { expectation: expectation.id.clone(), cause, evidence };
            if self.way.to_engine.send(input).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Another finding is told at once; other words for the same one, a value for example, only now and then.
    fn is_news(&mut self, expectation: &str, found: &Found) -> bool {
        if let Some((told, round)) = self.told.get(expectation) {
            let same = (told.cause, told.kind) == (found.cause, found.kind);
            if same && (told.evidence == found.evidence || self.round < round + WORDS_AGAIN_AFTER) {
                return false;
            }
        }
        self.told.insert(expectation.to_owned(), (found.clone(), self.round));
        true
    }

    async fn why(
        &mut self,
        expectation: &Expectation,
        rules: &[(String, Result<Vec<Rule>, String>)],
        alertmanagers: &[Result<Told, String>],
    ) -> Found {
        let now = (self.way.wall)();
        let reached = self.reached.entry(expectation.id.clone()).or_default();
        // What Alertmanager holds did fire, whoever fired it.
        for told in alertmanagers.iter().flatten() {
            if let Some(held) = told.held.iter().find(|held| expectation.matching.fits(&held.labels)) {
                let found = told.why(held, expectation, now);
                return reached.held.insert(found).clone();
            }
        }
        if let Some(found) = &reached.held {
            return found.clone();
        }
        // One that does not answer says nothing of what it holds; where the alarm did not get so far, Prometheus knows.
        let deaf = alertmanagers.iter().find_map(|told| told.as_ref().err());
        let mut found = match deaf {
            Some(why) => Found::new(MissCause::Unknown, "no address", why.clone()),
            None => Found::new(
                MissCause::Unknown,
                "no address",
                "Alertmanager holds no such alarm; give the address of Prometheus to learn why".into(),
            ),
        };
        for (url, rules) in rules {
            let rules = match rules {
                Ok(rules) => rules,
                Err(why) => return Found::new(MissCause::Unknown, "prometheus", why.clone()),
            };
            match fired::ask(url, rules, expectation).await {
                Fired::Yes(since) => {
                    reached.fired = Some(since.clone());
                    let hand_over = hand_over::ask(url, self.posts_before.get(url)).await;
                    let found = not_held(hand_over, &fired::began(&since, now), alertmanagers);
                    if found.cause == MissCause::NotHandedOver {
                        reached.lost = Some(found.clone());
                    }
                    return reached.lost.clone().unwrap_or(found);
                }
                Fired::No(why) if found.kind == "no address" || why.cause > found.cause => found = why,
                Fired::No(_) => {}
            }
        }
        if let Some(lost) = &reached.lost {
            return lost.clone();
        }
        if let Some(since) = &reached.fired {
            let evidence = format!("it fired since {since} and was over before anybody was told");
            return Found::new(MissCause::GroupedLate, "over", evidence);
        }
        if found.cause == MissCause::PendingOnly {
            reached.pending = Some(found.clone());
        } else if found.cause != MissCause::RuleUnhealthy
            && let Some(pending) = &reached.pending
        {
            return pending.clone();
        }
        found
    }
}

/// It fires in Prometheus, and no Alertmanager that is known holds it.
fn not_held(hand_over: HandOver, began: &str, alertmanagers: &[Result<Told, String>]) -> Found {
    let deaf = alertmanagers.iter().find_map(|told| told.as_ref().err());
    match (hand_over, deaf) {
        (HandOver::Lost(why), _) => {
            let evidence =
                format!("it fires in Prometheus, true {began}, and never reached Alertmanager: {why}");
            Found::new(MissCause::NotHandedOver, "lost", evidence)
        }
        (HandOver::Unclear(_), Some(why)) => {
            let evidence = format!("it fires in Prometheus, true {began}; {why}");
            Found::new(MissCause::Unknown, "alertmanager", evidence)
        }
        (HandOver::Unclear(_), None) if alertmanagers.is_empty() => {
            let evidence = format!(
                "it fires in Prometheus, true {began}; give the address of Alertmanager to learn who was told"
            );
            Found::new(MissCause::Unknown, "no alertmanager", evidence)
        }
        (HandOver::Unclear(why), None) => {
            let evidence =
                format!("it fires in Prometheus, true {began}; Alertmanager does not hold it: {why}");
            Found::new(MissCause::Unknown, "not handed over", evidence)
        }
    }
}
