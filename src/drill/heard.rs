//! The expected alarms as a running drill hears them: only so much as it needs to know when it may end.

use std::collections::BTreeSet;
use std::time::Duration;

use super::alarm::{Alarm, AlarmKind};
use crate::scenario::expectation::{Alarms, Expectation};

/// What was heard of each expectation.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    expected: Vec<Awaited>,
}

#[derive(Clone, Debug, PartialEq)]
struct Awaited {
    expectation: Expectation,
    /// The keys that fire now; bounded, for a storm of alarms must not fill the memory.
    firing: BTreeSet<String>,
}

impl Heard {
    const FIRING_MAX: usize = 10_000;

    pub(super) fn new(alarms: &Alarms) -> Self {
        let awaited =
            |expectation: &Expectation| Awaited { expectation: expectation.clone(), firing: BTreeSet::new() };
        Self { expected: alarms.expected.iter().map(awaited).collect() }
    }

    pub(super) fn on_alarm(&mut self, alarm: &Alarm) {
        let meant = |awaited: &&mut Awaited| awaited.expectation.matching.fits(&alarm.labels);
        for awaited in self.expected.iter_mut().filter(meant) {
            match alarm.kind {
                AlarmKind::Fired if awaited.firing.len() < Self::FIRING_MAX => {
                    awaited.firing.insert(alarm.key.clone());
                }
                AlarmKind::Resolved => {
                    awaited.firing.remove(&alarm.key);
                }
                AlarmKind::Fired | AlarmKind::Acknowledged | AlarmKind::Blind => {}
            }
        }
    }

    /// Until when it is worth waiting after recovery: an expected alarm still fires, and its end has a deadline.
    pub(super) fn wait_until(&self, recovered: Duration) -> Option<Duration> {
        let firing = self.expected.iter().filter(|awaited| !awaited.firing.is_empty());
        let deadlines = firing.filter_map(|awaited| awaited.expectation.resolve_within);
        deadlines.map(|within| recovered + within.duration()).max()
    }
}
