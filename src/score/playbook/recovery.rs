//! Where the time went from impact to recovery.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::course::Course;
use super::calling;
use super::word::RecoveryPhase;
use crate::drill::Drill;
use crate::drill::alarm::AlarmKind;
use crate::drill::summary::Summary;
use crate::playbook::event::StartedBy;

/// The parts of the way from impact to recovery, as far as it went; each ends where the next begins, and together
/// they are the whole way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recovery {
    /// Until the first alarm, or until the start where none came before.
    pub detect: Option<Duration>,
    /// From that alarm to the start of the playbook.
    pub start: Option<Duration>,
    /// From the start to the act of the last mutating step before recovery.
    pub act: Option<Duration>,
    /// From there to recovery.
    pub verify: Option<Duration>,
    /// Which of these took longest; of equals the earliest.
    pub longest: Option<RecoveryPhase>,
}

impl Recovery {
    pub(super) fn of(
        drill: &Drill,
        summary: &Summary,
        started_by: Option<&StartedBy>,
        started: Option<Duration>,
        course: &Course,
    ) -> Self {
        let (Some(impact), Some(started)) = (summary.times.impact, started) else { return Self::default() };
        let recovered = summary.times.recovered.unwrap_or(Duration::MAX);
        // What comes after recovery is no part of the way to it.
        if started > recovered {
            return Self::default();
        }
        let expected = &drill.plan().alarms.expected;
        let told = course.said.iter().find(|said| {
            let fits = |labels| expected.iter().any(|expected| expected.matching.fits(labels));
            said.alarm.kind == AlarmKind::Fired && fits(&said.alarm.labels)
        });
        let called = calling(drill, started_by, course).map(|(at, _)| at);
        let told = told.map(|said| said.at).into_iter().chain(called).min();
        let began = started.max(impact);
        let noticed = told.filter(|told| *told <= started).map_or(began, |told| told.max(impact));
        let acted = drill.playbook().into_iter().flat_map(|playbook| {
            let mutating = playbook.visits().iter().filter(|visit| playbook.step(visit).mutates);
            mutating.filter(|visit| visit.has_acted()).filter_map(|visit| visit.acted)
        });
        let acted = acted.filter(|at| *at <= recovered).max().map(|at| at.max(began));
        let came_back = summary.times.recovered;
        let mut recovery = Self {
            detect: Some(noticed - impact),
            start: Some(began - noticed),
            act: acted.map(|acted| acted - began),
            verify: acted.zip(came_back).map(|(acted, back)| back.saturating_sub(acted)),
            longest: None,
        };
        let parts = [recovery.detect, recovery.start, recovery.act, recovery.verify];
        let all = parts.into_iter().zip(RecoveryPhase::ALL).rev();
        let longest = all.filter_map(|(took, phase)| Some((took?, phase))).max_by_key(|(took, _)| *took);
        recovery.longest = longest.map(|(_, phase)| phase);
        recovery
    }
}
