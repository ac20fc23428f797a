//! All that the watchman knows: samples, rules and how they stand, whom it has told.

use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::pager::{Message, Pager, Times};
use super::rules::{self, Group, Rule};
use super::series::{self, Labels, NAME, Store};
use super::standing::Standing;

/// A target of scrapes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) address: String,
    pub(super) labels: Labels,
    /// When it was last asked, and why it was of no use.
    pub(super) asked: Option<(Duration, Option<String>)>,
}

/// A group of rules and how each stands.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) group: Group,
    pub(super) standings: Vec<Standing>,
    due: Duration,
}

impl Watched {
    pub(super) fn rules(&self) -> impl Iterator<Item = (&Rule, &Standing)> {
        self.group.rules.iter().zip(&self.standings)
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) store: Store,
    pub(super) targets: Vec<Target>,
    pub(super) watched: Vec<Watched>,
    pub(super) pager: Pager,
    /// Why the last message was not taken, when it was not.
    pub(super) post_error: Option<String>,
    /// Why the rules file could not be read when it changed last; the rules of before stand.
    pub(super) file_error: Option<String>,
    file: Option<(SystemTime, u64)>,
}

impl State {
    pub(super) fn new(times: Times, targets: &[String]) -> Self {
        let target = |address: &String| {
            let labels = [("instance", address.as_str()), ("job", "shop")];
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            Target { address: address.clone(), labels, asked: None }
        };
        Self {
            store: Store::default(),
            targets: targets.iter().map(target).collect(),
            watched: Vec::new(),
            pager: Pager::new(times),
            post_error: None,
            file_error: None,
            file: None,
        }
    }

    /// Reads the rules file, if it is not the one of before.
    pub(super) fn read_rules(&mut self, path: &Path, now: Duration) {
        let stamp = std::fs::metadata(path).and_then(|data| Ok((data.modified()?, data.len())));
        let stamp = match stamp {
            Ok(stamp) if self.file == Some(stamp) => return,
            Ok(stamp) => stamp,
            Err(error) => {
                self.file_error = Some(error.to_string());
                return;
            }
        };
        self.file = Some(stamp);
        let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
        match read.and_then(|text| rules::read(&text)) {
            Ok(groups) => {
                self.file_error = None;
                self.watch(groups, now);
            }
            Err(why) => self.file_error = Some(why),
        }
    }

    /// Takes other rules. One that is the same as before stands as it stood; what a lost one had fired is over.
    pub(super) fn watch(&mut self, groups: Vec<Group>, now: Duration) {
        let mut before = std::mem::take(&mut self.watched);
        for group in groups {
            let mut old = before.iter_mut().find(|watched| watched.group.name == group.name);
            let mut standing = |rule: &Rule| {
                let old = old.as_mut()?;
                let at = old.group.rules.iter().position(|other| other == rule)?;
                old.group.rules.swap_remove(at);
                Some(old.standings.swap_remove(at))
            };
            let standings = group.rules.iter().map(|rule| standing(rule).unwrap_or_default()).collect();
            self.watched.push(Watched { group, standings, due: now });
        }
        for lost in before.into_iter().flat_map(|watched| watched.standings) {
            self.pager.take(now, lost.ended(now));
        }
    }

    /// Keeps what a target said, and whether it said anything.
    pub(super) fn scraped(&mut self, target: usize, at: Duration, said: Result<Bytes, String>) {
        let Some(target) = self.targets.get_mut(target) else { return };
        let read = said.and_then(|page| series::read(&String::from_utf8_lossy(&page), &target.labels));
        let (mut samples, why) = match read {
            Ok(samples) => (samples, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        let mut up = target.labels.clone();
        up.insert(NAME.to_owned(), "up".to_owned());
        samples.push((up, if why.is_none() { 1.0 } else { 0.0 }));
        target.asked = Some((at, why));
        self.store.keep(at, &target.labels, samples);
    }

    /// Evaluates the groups that are due.
    pub(super) fn evaluate(&mut self, every: Duration, now: Duration) {
        for watched in &mut self.watched {
            if now < watched.due {
                continue;
            }
            watched.due = (watched.due + watched.group.interval.unwrap_or(every)).max(now);
            for (rule, standing) in watched.group.rules.iter().zip(&mut watched.standings) {
                let told = standing.evaluate(rule, &self.store, now);
                self.pager.take(now, told);
            }
        }
    }

    /// Notes how a message went.
    pub(super) fn posted(&mut self, now: Duration, message: &Message, result: Result<(), String>) {
        self.pager.went(now, message, result.is_ok());
        self.post_error = result.err();
    }
}
