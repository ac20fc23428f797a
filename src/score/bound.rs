//! The alarms that fit one expectation, told as episodes: which fired, when it was said again, when all was over.

use std::collections::BTreeMap;
use std::time::Duration;

use super::course::Said;
use crate::drill::alarm::AlarmKind;

/// An alarm from its first notification on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Episode<'a> {
    /// The notification that began it.
    pub(super) first: &'a Said,
    /// When it ended; absent: it still fires at the end.
    pub(super) ended: Option<Duration>,
    /// Whether an earlier one of the same key had ended.
    pub(super) again: bool,
}

/// What was said of the alarms that are meant.
#[derive(Clone, Debug, Default)]
pub(super) struct Bound<'a> {
    /// In the order in which they began.
    pub(super) episodes: Vec<Episode<'a>>,
    /// When one was said again while it fired; a poll that finds it once more is none.
    pub(super) repeats: Vec<Duration>,
    /// When somebody took one.
    pub(super) acknowledged: Vec<Duration>,
    /// When monitoring said that it cannot see.
    pub(super) blind: Vec<Duration>,
}

impl<'a> Bound<'a> {
    /// Of these, in order. Something that the sender itself calls a repeat begins nothing.
    pub(super) fn of(said: impl Iterator<Item = &'a Said>) -> Self {
        let mut bound = Self::default();
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for said in said {
            let before = last.get(said.alarm.key.as_str()).copied();
            let fires = before.is_some_and(|n| bound.episodes[n].ended.is_none());
            match said.alarm.kind {
                AlarmKind::Fired if said.alarm.repeat || fires => {
                    if said.polled_every().is_none() {
                        bound.repeats.push(said.at);
                    }
                }
                AlarmKind::Fired => {
                    last.insert(&said.alarm.key, bound.episodes.len());
                    bound.episodes.push(Episode { first: said, ended: None, again: before.is_some() });
                }
                AlarmKind::Resolved => {
                    if let Some(n) = before.filter(|_| fires) {
                        bound.episodes[n].ended = Some(said.at);
                    }
                }
                AlarmKind::Acknowledged => bound.acknowledged.push(said.at),
                AlarmKind::Blind => bound.blind.push(said.at),
            }
        }
        bound
    }

    /// Whether one fires at this time that was said before it, or claims so.
    pub(super) fn fires_already(&self, at: Duration) -> bool {
        self.episodes.iter().any(|episode| {
            let claims_so = || episode.first.claimed().is_some_and(|claimed| claimed.is_before(at));
            episode.ended.is_none_or(|ended| ended >= at) && (episode.first.at < at || claims_so())
        })
    }

    /// When the last of those ended that began up to the end of a window; absent while one fires.
    pub(super) fn ended(&self, until: Duration) -> Option<Duration> {
        let within = self.episodes.iter().filter(|episode| episode.first.at <= until);
        within.map(|episode| episode.ended).try_fold(Duration::ZERO, |last, at| Some(last.max(at?)))
    }
}
