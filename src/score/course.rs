//! What a journal tells about alarms: when each fault acted and harmed, and what monitoring said when.

use std::collections::BTreeMap;
use std::time::Duration;

use super::playbook::AdHoc;
use crate::drill::alarm::{Alarm, AlarmKind, MissCause};
use crate::drill::event::{Event, Judgement, Phase};
use crate::drill::journal::RawLine;
use crate::drill::replay::{Replay, ReplayError};
use crate::drill::{Drill, Summary};
use crate::fault::Period;
use crate::playbook::event::StepAnswer;

/// A drill as far as alarms are concerned.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) faults: Vec<FaultCourse>,
    /// The first impact of any.
    pub(super) impact: Option<Duration>,
    pub(super) recovered: Option<Duration>,
    /// When the last event came: nobody looked any longer.
    pub(super) end: Duration,
    /// Whether it was stopped before its end, or its journal ends before it.
    pub(super) cut_short: bool,
    /// Whether it is a placebo: whatever alarm comes has no fault for its reason.
    pub(super) is_sham: bool,
    /// What monitoring said, in one order whatever order it was said in at the same time.
    pub(super) said: Vec<Said>,
    pub(super) asked: Vec<Asked>,
    /// What people did that no step says, in one order whatever order it was told in at the same time.
    pub(super) actions: Vec<AdHoc>,
    /// When somebody took a step on, by the number of its visit.
    pub(super) taken: BTreeMap<usize, Duration>,
    /// When each attempt of a step was answered, by the number of its visit.
    pub(super) attempted: BTreeMap<usize, Vec<Duration>>,
}

/// One fault.
#[derive(Clone, Debug)]
pub(super) struct FaultCourse {
    pub(super) id: String,
    pub(super) is_instant: bool,
    pub(super) applied: Option<Duration>,
    pub(super) effective: Option<Duration>,
    pub(super) removed: Option<Duration>,
    /// The first violation of an impact probe that this fault may have caused.
    pub(super) impact: Option<Duration>,
}

/// One thing that monitoring said, and when it reached the drill.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) at: Duration,
    pub(super) alarm: Alarm,
}

/// An answer to why an expected alarm has not come.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) at: Duration,
    pub(super) expectation: String,
    pub(super) cause: MissCause,
    pub(super) evidence: String,
}

impl Said {
    /// How long before it was received it claims to have begun; negative when it claims the future.
    pub(super) fn claims_earlier_by(&self) -> Option<jiff::SignedDuration> {
        Some(self.alarm.received_at.duration_since(self.alarm.claimed_at?))
    }

    /// When it claims to have begun, since the drill began; at the latest when it was received.
    pub(super) fn claimed(&self) -> Option<Claimed> {
        let earlier = self.claims_earlier_by()?;
        let Ok(earlier) = Duration::try_from(earlier) else { return Some(Claimed::During(self.at)) };
        Some(match self.at.checked_sub(earlier) {
            Some(at) => Claimed::During(at),
            None => Claimed::Before(earlier.saturating_sub(self.at)),
        })
    }

    /// How far its time may be from that of the event.
    pub(super) fn polled_every(&self) -> Option<Period> {
        self.alarm.polled_every
    }
}

/// When an alarm claims to have begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Claimed {
    /// So long before the drill did.
    Before(Duration),
    /// So long after.
    During(Duration),
}

impl Claimed {
    /// Claims come by another clock, often in whole seconds, and effects are measured a little after the deed.
    const TOLERANCE: Duration = Duration::from_secs(2);

    /// Whether it claims to have begun before this time, by more than clocks differ.
    pub(super) fn is_before(self, time: Duration) -> bool {
        match self {
            Self::Before(by) => by.saturating_add(time) > Self::TOLERANCE,
            Self::During(at) => at.saturating_add(Self::TOLERANCE) < time,
        }
    }
}

/// A course as it grows, line by line.
#[derive(Debug, Default)]
pub(super) struct Growing {
    replay: Replay,
    heard: Heard,
}

/// What the drill itself does not keep.
#[derive(Debug, Default)]
struct Heard {
    said: Vec<Said>,
    asked: Vec<Asked>,
    end: Duration,
    impacts: Vec<Option<Duration>>,
    actions: Vec<AdHoc>,
    taken: BTreeMap<usize, Duration>,
    attempted: BTreeMap<usize, Vec<Duration>>,
}

impl Heard {
    fn hear(&mut self, drill: &Drill, at: Duration, event: &Event) {
        note_impacts(drill, &mut self.impacts);
        self.end = self.end.max(at);
        match event {
            Event::AlarmReceived { alarm } => self.said.push(Said { at, alarm: alarm.clone() }),
            Event::MonitorAsked { expectation, cause, evidence } => {
                self.asked.push(Asked {
                    at,
                    expectation: expectation.clone(),
                    cause: *cause,
                    evidence: evidence.clone(),
                });
            }
            Event::ActionTaken { who, text } => {
                self.actions.push(AdHoc { at, who: who.clone(), text: text.clone() });
            }
            Event::StepAnswered { step, answer: StepAnswer::Taken {} | StepAnswer::Stuck { .. }, .. } => {
                if let Some(visit) = visit_of(drill, step) {
                    self.taken.entry(visit).or_insert(at);
                }
            }
            Event::StepAttempted { step, attempt, undo: false, .. } => {
                if let Some(visit) = visit_of(drill, step)
                    && drill.playbook().and_then(|playbook| Some(playbook.current()?.attempts))
                        == Some(*attempt)
                {
                    self.attempted.entry(visit).or_default().push(at);
                }
            }
            _ => {}
        }
    }
}

impl Growing {
    /// Takes in a line; if it is an event, `also` sees it too.
    pub(super) fn take(&mut self, line: &RawLine<'_>, also: impl FnOnce(&Event)) -> Result<(), ReplayError> {
        let heard = &mut self.heard;
        self.replay.take(line, |drill, at, event| {
            heard.hear(drill, at, event);
            also(event);
        })
    }

    pub(super) fn is_over(&self) -> bool {
        self.replay.is_over()
    }

    pub(super) fn finish(self) -> Result<(Course, Drill), ReplayError> {
        let drill = self.replay.finish()?;
        let Heard { mut said, asked, end, mut impacts, mut actions, taken, attempted } = self.heard;
        note_impacts(&drill, &mut impacts);
        said.sort_by(in_one_order);
        actions.sort();
        let faults = drill.injects().iter().zip(impacts).map(|(inject, impact)| FaultCourse {
            id: inject.plan.id.clone(),
            is_instant: inject.plan.fault.is_instant(),
            applied: inject.applied,
            effective: inject.effective,
            removed: inject.removed,
            impact,
        });
        let faults: Vec<FaultCourse> = faults.collect();
        let times = Summary::of(&drill).times;
        let course = Course {
            impact: times.impact.or_else(|| faults.iter().filter_map(|fault| fault.impact).min()),
            recovered: times.recovered,
            is_sham: drill.plan().placebo.is_some(),
            cut_short: drill.stopped().is_some() || drill.phase() != Phase::Scored,
            faults,
            end,
            said,
            asked,
            actions,
            taken,
            attempted,
        };
        Ok((course, drill))
    }
}

impl Course {
    /// The fault with this id, or all of them as one.
    pub(super) fn fault(&self, id: Option<&str>) -> Option<FaultCourse> {
        if let Some(id) = id {
            return self.faults.iter().find(|fault| fault.id == id).cloned();
        }
        let acted = || self.faults.iter().filter(|fault| fault.applied.is_some());
        Some(FaultCourse {
            id: String::new(),
            is_instant: acted().all(|fault| fault.is_instant),
            applied: acted().filter_map(|fault| fault.applied).min(),
            effective: acted().filter_map(|fault| fault.effective).min(),
            // One that is still on has no end, and neither have all of them.
            removed: acted()
                .map(|fault| fault.removed)
                .try_fold(Duration::ZERO, |last, at| Some(last.max(at?))),
            impact: self.impact,
        })
    }
}

/// The number of the visit that is under way, when it is of this step.
fn visit_of(drill: &Drill, step: &str) -> Option<usize> {
    let playbook = drill.playbook()?;
    let visit = playbook.current()?;
    (playbook.step(visit).id == step).then(|| playbook.visits().len() - 1)
}

/// By time, then by what cannot depend on the order of arrival.
fn in_one_order(one: &Said, other: &Said) -> std::cmp::Ordering {
    let rank = |kind| match kind {
        AlarmKind::Blind => 0,
        AlarmKind::Fired => 1,
        AlarmKind::Acknowledged => 2,
        AlarmKind::Resolved => 3,
    };
    let key = |said: &Said| (said.at, rank(said.alarm.kind), said.alarm.repeat);
    let text = |said: &Said| {
        let Alarm { key, source, receiver, body_sha256, labels, annotations, .. } = said.alarm.clone();
        (key, source, receiver, body_sha256, labels, annotations, said.alarm.claimed_at)
    };
    key(one).cmp(&key(other)).then_with(|| text(one).cmp(&text(other)))
}

/// The drill keeps the first impact of all; an expectation may be about one fault. What an instant fault did goes on
/// after it, so it is answerable until the service was harmed or the drill is over.
fn note_impacts(drill: &Drill, impacts: &mut Vec<Option<Duration>>) {
    impacts.resize(drill.injects().len(), None);
    let violated = drill
        .watch()
        .probes
        .iter()
        .filter(|probe| probe.plan.impact && matches!(probe.judgement, Judgement::Violated { .. }));
    let Some(since) = violated.map(|probe| probe.since).min() else { return };
    for (inject, impact) in drill.injects().iter().zip(impacts) {
        let (Some(applied), Some(effective)) = (inject.applied, inject.effective) else { continue };
        // Counts arrive a little after the deed: an effect may be known only once its fault is removed.
        let while_on = inject.is_on() || inject.removed.is_some_and(|removed| since <= removed);
        if impact.is_none() && (while_on || inject.plan.fault.is_instant()) {
            // Harmed already when it began: from its effect on it has its part in it.
            *impact = Some(if since >= applied { since } else { effective });
        }
    }
}
