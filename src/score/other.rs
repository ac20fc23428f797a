//! The alarms that no expectation binds, and those that had to stay silent.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bound::Bound;
use super::course::{Course, Said};
use super::expectation::GRACE;
use super::verdict::OtherClass;
use crate::fault::Period;
use crate::scenario::expectation::Alarms;

/// An alarm that no expectation binds, or that is forbidden.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct OtherAlarm {
    /// When it was first received, since the drill began.
    pub received: Duration,
    /// What it is.
    pub class: OtherClass,
    /// Its name.
    pub alarm: String,
    /// What identifies it.
    pub key: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Who got it.
    pub receiver: Option<String>,
    /// Seen by a poll, so up to this much later than it happened.
    pub polled_every: Option<Period>,
    /// How often it was said again while it fired.
    pub repeats: u64,
    /// How often it ended and fired again.
    pub flaps: u64,
}

/// What the drill's own course means for alarms that are not expected.
struct Residual {
    /// There is no fault that could be the reason of any.
    is_sham: bool,
    from: Option<Duration>,
    until: Duration,
}

/// In the order in which they came. Each key counts once, by its first notification.
pub(super) fn others(alarms: &Alarms, course: &Course) -> Vec<OtherAlarm> {
    let any = course.fault(None);
    let from = any.as_ref().and_then(|fault| fault.applied);
    let removed = any.and_then(|fault| fault.removed);
    let until = removed.map_or(Duration::MAX, |at| at.max(course.recovered.unwrap_or_default()) + GRACE);
    let residual = Residual { is_sham: course.is_sham, from, until };
    let mut by_key: BTreeMap<&str, Vec<&Said>> = BTreeMap::new();
    for said in &course.said {
        by_key.entry(&said.alarm.key).or_default().push(said);
    }
    let mut found: Vec<OtherAlarm> =
        by_key.values().flat_map(|said| of_one_key(alarms, &residual, said)).collect();
    found.sort();
    found
}

fn of_one_key(alarms: &Alarms, residual: &Residual, said: &[&Said]) -> Option<OtherAlarm> {
    let bound = Bound::of(said.iter().copied());
    let (first, class) = match bound.episodes.first() {
        Some(episode) => (episode.first, class(alarms, residual, episode.first)?),
        None => {
            let blind = said.iter().find(|said| bound.blind.first() == Some(&said.at))?;
            let expected = alarms.expected.iter().any(|other| other.matching.fits(&blind.alarm.labels));
            (*blind, (!expected).then_some(OtherClass::Blind)?)
        }
    };
    Some(OtherAlarm {
        received: first.at,
        class,
        alarm: first.alarm.name().to_owned(),
        key: first.alarm.key.clone(),
        labels: first.alarm.labels.clone(),
        receiver: first.alarm.receiver.clone(),
        polled_every: first.polled_every(),
        repeats: bound.repeats.len() as u64,
        flaps: bound.episodes.iter().filter(|episode| episode.again).count() as u64,
    })
}

/// Nothing for one that an expectation binds and nothing forbids.
fn class(alarms: &Alarms, residual: &Residual, first: &Said) -> Option<OtherClass> {
    let labels = &first.alarm.labels;
    let forbidden = alarms.forbidden.iter().any(|other| other.fits(labels));
    let expected = alarms.expected.iter().any(|other| other.matching.fits(labels));
    if !forbidden && expected && !residual.is_sham {
        return None;
    }
    let collateral = alarms.collateral.iter().any(|other| other.fits(labels));
    Some(if first.claimed().is_some_and(|claimed| claimed.is_before(Duration::ZERO)) {
        OtherClass::Standing
    } else if residual.is_sham {
        match (forbidden || expected || alarms.silence, collateral) {
            (_, true) if !forbidden && !expected => OtherClass::Collateral,
            (true, _) => OtherClass::Forbidden,
            (false, _) => OtherClass::False,
        }
    } else if !residual.from.is_some_and(|from| (from..=residual.until).contains(&first.at)) {
        OtherClass::False
    } else if forbidden || (alarms.silence && !collateral) {
        OtherClass::Forbidden
    } else if collateral {
        OtherClass::Collateral
    } else {
        OtherClass::Unlisted
    })
}
