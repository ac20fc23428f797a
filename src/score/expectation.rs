//! What became of one expectation, and how good the alarm was that came.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bound::{Bound, Episode};
use super::course::{Claimed, Course, FaultCourse, Said};
use super::verdict::{Kept, Outcome, Routing, Urgency};
use crate::drill::alarm::MissCause;
use crate::fault::Period;
use crate::scenario::expectation::{CountedFrom, Expectation, Severity};

/// Alarms may be this much behind the end of a fault and still be about it.
pub(super) const GRACE: Duration = Duration::from_secs(60);

/// One expectation and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectationScore {
    /// Its name.
    pub id: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The fault that it is about; absent: any.
    pub fault: Option<String>,
    /// What its deadline is counted from.
    pub from: CountedFrom,
    /// The deadline of detection; absent for expected silence.
    pub within: Option<Period>,
    /// The alarm that decided, by name.
    pub alarm: Option<String>,
    /// When things happened, since the drill began.
    pub times: AlarmTimes,
    /// From the impact to the notification; zero when it came before.
    pub detection: Option<Duration>,
    /// From the effect to the notification.
    pub from_effect: Option<Duration>,
    /// How long before the impact it came.
    pub lead: Option<Duration>,
    /// From the claimed start of the alarm to the notification.
    pub delivery: Option<Duration>,
    /// How far `delivery` and `times.claimed` can be trusted.
    pub clock_note: Option<String>,
    /// Seen by a poll, so up to this much later than it happened.
    pub polled_every: Option<Period>,
    /// It is LATE by less than a poll's period, so it may have been in time.
    pub within_error: bool,
    /// Its urgency, where one is expected.
    pub severity: Option<Urgency>,
    /// Who got it, where somebody is expected to.
    pub receiver: Option<Routing>,
    /// What it says of what it must say.
    pub content: Option<Content>,
    /// Somebody's acknowledgement, counted from the notification; absent: none came and none was expected.
    pub acknowledged: Option<Deadline>,
    /// Its end, counted from recovery; absent without recovery.
    pub reset: Option<Deadline>,
    /// How many alarms fit it, by their keys.
    pub alarms: u64,
    /// How often one was said again while it fired.
    pub repeats: u64,
    /// How often one ended and fired again before the condition was over.
    pub flaps: u64,
    /// Why it was missed or late.
    pub cause: Option<Cause>,
}

/// When things happened to one expectation, since the drill began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmTimes {
    /// The fault was first seen to act.
    pub effective: Option<Duration>,
    /// The first impact that it may have caused.
    pub impact: Option<Duration>,
    /// The alarm began, as it claims, by the sender's clock.
    pub claimed: Option<Duration>,
    /// Its first notification was received.
    pub received: Option<Duration>,
    /// Somebody took it.
    pub acknowledged: Option<Duration>,
    /// The last notification that it is over was received.
    pub cleared: Option<Duration>,
    /// Without an alarm until here; then nothing can be said any more.
    pub censored: Option<Duration>,
}

/// Labels and annotations that an alarm must carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Content {
    /// How many of them it carries.
    pub found: u64,
    /// How many there are.
    pub wanted: u64,
    /// The others.
    pub missing: Vec<String>,
}

/// Something that has a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deadline {
    /// How long it took.
    pub took: Option<Duration>,
    /// How long it may take.
    pub within: Option<Period>,
    /// Whether it did.
    pub kept: Kept,
}

/// Why an alarm did not come, or came late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The cause.
    pub cause: MissCause,
    /// What was seen.
    pub evidence: String,
}

/// What an expectation is judged by.
pub(super) struct Case<'a> {
    pub(super) expectation: &'a Expectation,
    course: &'a Course,
    fault: FaultCourse,
    pub(super) bound: Bound<'a>,
    effective: Option<Duration>,
    impact: Option<Duration>,
    recovered: Option<Duration>,
    /// Until when an alarm is about the fault.
    window_end: Duration,
}

impl<'a> Case<'a> {
    pub(super) fn new(expectation: &'a Expectation, course: &'a Course) -> Self {
        let fault = course.fault(expectation.fault.as_deref()).unwrap_or_else(|| FaultCourse {
            id: String::new(),
            is_instant: false,
            applied: None,
            effective: None,
            removed: None,
            impact: None,
        });
        let recovered =
            course.recovered.filter(|at| fault.effective.is_none_or(|effective| *at >= effective));
        let resolve_within = expectation.resolve_within.map_or(Duration::ZERO, Period::duration);
        let window_end = fault.removed.map_or(Duration::MAX, |removed| {
            removed.max(recovered.unwrap_or_default()).saturating_add(resolve_within).saturating_add(GRACE)
        });
        let bound =
            Bound::of(course.said.iter().filter(|said| expectation.matching.fits(&said.alarm.labels)));
        let (effective, impact) = (fault.effective, fault.impact);
        Self { expectation, course, fault, bound, effective, impact, recovered, window_end }
    }

    /// What the deadline is counted from.
    fn base(&self) -> Option<Duration> {
        match self.expectation.from {
            CountedFrom::Effect => self.effective,
            CountedFrom::Impact => self.impact,
        }
    }

    fn deadline(&self) -> Option<Duration> {
        Some(self.base()?.saturating_add(self.expectation.within.duration()))
    }

    /// The episodes that may be about the fault, in the order in which they began.
    pub(super) fn in_window(&self) -> impl Iterator<Item = &Episode<'a>> {
        let from = self.effective.unwrap_or(Duration::MAX);
        self.bound.episodes.iter().filter(move |episode| (from..=self.window_end).contains(&episode.first.at))
    }

    /// The notification that decides: the first; of several at the same time, the one that is most as expected.
    fn first(&self) -> Option<&'a Said> {
        let worth = |said: &Said| {
            (
                self.receiver(said).is_some_and(|word| word != Routing::Right),
                self.severity(said).is_some_and(|word| word != Urgency::Right),
            )
        };
        self.in_window().map(|episode| episode.first).min_by_key(|said| (said.at, worth(said)))
    }

    fn is_late_by_window(&self) -> bool {
        self.bound.episodes.iter().any(|episode| episode.first.at > self.window_end)
    }

    /// When the condition was over, or nobody looked any longer.
    fn over(&self) -> Duration {
        let end = self.course.end;
        let recovered = self.recovered.filter(|at| Some(*at) >= self.base());
        if self.course.cut_short && recovered.is_none() {
            return self.fault.removed.unwrap_or(end);
        }
        match self.expectation.from {
            CountedFrom::Impact => recovered.unwrap_or(end),
            // What an instant fault did goes on after it.
            CountedFrom::Effect if self.fault.is_instant => recovered.unwrap_or(end),
            CountedFrom::Effect => self.fault.removed.map_or(end, |at| at.max(recovered.unwrap_or_default())),
        }
    }

    fn outcome(&self, first: Option<&Said>) -> Outcome {
        if self.course.is_sham {
            return self.outcome_of_sham();
        }
        let Some(effective) = self.effective else { return Outcome::Invalid };
        if self.bound.fires_already(effective) {
            return Outcome::PreFiring;
        }
        match (self.deadline(), first) {
            (Some(deadline), Some(first)) if first.at > deadline => Outcome::Late,
            (_, Some(_)) => Outcome::Hit,
            (None, None) => Outcome::NotDue,
            (Some(deadline), None) if self.over() < deadline => Outcome::Censored,
            (Some(_), None) => Outcome::Miss,
        }
    }

    /// Without a fault an alarm has to stay silent. One that did not is among the others.
    fn outcome_of_sham(&self) -> Outcome {
        if self.bound.fires_already(Duration::ZERO) {
            return Outcome::PreFiring;
        }
        match (self.bound.episodes.is_empty(), self.course.cut_short) {
            (false, _) => Outcome::Invalid,
            (true, true) => Outcome::Censored,
            (true, false) => Outcome::CorrectSilence,
        }
    }

    pub(super) fn judge(&self) -> ExpectationScore {
        let expectation = self.expectation;
        let first = self.first();
        let outcome = self.outcome(first);
        let first = first.filter(|_| matches!(outcome, Outcome::Hit | Outcome::Late));
        let mut score = ExpectationScore {
            fault: expectation.fault.clone(),
            within: Some(expectation.within),
            alarm: first.map(|said| said.alarm.name().to_owned()),
            times: AlarmTimes {
                effective: self.effective,
                impact: self.impact,
                received: first.map(|said| said.at),
                censored: (outcome == Outcome::Censored).then(|| self.over()),
                ..AlarmTimes::default()
            },
            cause: self.cause(outcome, first),
            ..ExpectationScore::unmeasured(&expectation.id, outcome, expectation.from)
        };
        if let Some(first) = first {
            self.measure(first, &mut score);
            self.qualify(first, &mut score);
        }
        score
    }

    /// How long it took.
    fn measure(&self, first: &Said, score: &mut ExpectationScore) {
        score.detection = Some(self.impact.map_or(Duration::ZERO, |impact| first.at.saturating_sub(impact)));
        score.from_effect = self.effective.map(|effective| first.at.saturating_sub(effective));
        score.lead =
            self.impact.and_then(|impact| impact.checked_sub(first.at)).filter(|lead| !lead.is_zero());
        score.polled_every = first.polled_every();
        let earliest = first.at.saturating_sub(first.polled_every().map_or(Duration::ZERO, Period::duration));
        score.within_error =
            score.outcome == Outcome::Late && self.deadline().is_some_and(|deadline| earliest <= deadline);
        score.times.claimed = first.claimed().and_then(|claimed| match claimed {
            Claimed::During(at) => Some(at),
            Claimed::Before(_) => None,
        });
        if let Some(earlier) = first.claims_earlier_by() {
            match Duration::try_from(earlier) {
                Ok(delivery) => {
                    score.delivery = Some(delivery);
                    score.clock_note = Some("by two clocks: the sender's and ours".to_owned());
                }
                Err(_) => {
                    let ahead = Period::from(earlier.unsigned_abs());
                    score.clock_note =
                        Some(format!("it claims to have begun {ahead} after it was received: clocks differ"));
                }
            }
        }
    }

    /// How good it was.
    fn qualify(&self, first: &Said, score: &mut ExpectationScore) {
        let expectation = self.expectation;
        score.severity = self.severity(first);
        score.receiver = self.receiver(first);
        score.content = content(&expectation.content, first);
        let taken = self.bound.acknowledged.iter().copied().find(|at| *at >= first.at);
        score.times.acknowledged = taken;
        if taken.is_some() || expectation.ack_within.is_some() {
            score.acknowledged = Some(deadline(first.at, taken, expectation.ack_within, self.course.end));
        }
        score.times.cleared = self.bound.ended(self.window_end);
        score.reset = self
            .recovered
            .map(|at| deadline(at, score.times.cleared, expectation.resolve_within, self.course.end));
        let mut keys: Vec<&str> = self.in_window().map(|episode| episode.first.alarm.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        score.alarms = keys.len() as u64;
        let about = |at: &Duration| (first.at..=self.window_end).contains(at);
        score.repeats = self.bound.repeats.iter().filter(|at| about(at)).count() as u64;
        let over =
            self.fault.removed.map_or(self.course.end, |at| at.max(self.recovered.unwrap_or_default()));
        score.flaps =
            self.in_window().filter(|episode| episode.again && episode.first.at <= over).count() as u64;
    }

    fn severity(&self, said: &Said) -> Option<Urgency> {
        let wanted = self.expectation.severity?;
        let Some(got) = said.alarm.labels.get("severity").and_then(|label| Severity::of_label(label)) else {
            return Some(Urgency::Unknown);
        };
        let rank = |severity| match severity {
            Severity::Info => 0,
            Severity::Ticket => 1,
            Severity::Page => 2,
        };
        Some(match rank(got).cmp(&rank(wanted)) {
            std::cmp::Ordering::Equal => Urgency::Right,
            std::cmp::Ordering::Greater => Urgency::Over,
            std::cmp::Ordering::Less => Urgency::Under,
        })
    }

    fn receiver(&self, said: &Said) -> Option<Routing> {
        let wanted = self.expectation.receiver.as_ref()?;
        Some(match &said.alarm.receiver {
            None => Routing::Unknown,
            Some(got) if got == wanted => Routing::Right,
            Some(_) => Routing::Wrong,
        })
    }

    /// The last that monitoring said of it when asked while the fault was on, up to a late notification.
    fn cause(&self, outcome: Outcome, first: Option<&Said>) -> Option<Cause> {
        if !matches!(outcome, Outcome::Miss | Outcome::Late) {
            return None;
        }
        if outcome == Outcome::Miss && self.is_late_by_window() {
            return Some(Cause {
                cause: MissCause::DeliveredLate,
                evidence: "it came after the window".to_owned(),
            });
        }
        let from = self.fault.applied.unwrap_or_default();
        let removed = if self.fault.is_instant { None } else { self.fault.removed };
        let until = removed.unwrap_or(self.course.end).min(first.map_or(Duration::MAX, |said| said.at));
        let about = |at: &Duration| (from..=until).contains(at);
        let asked = self.course.asked.iter();
        let asked = asked.filter(|asked| asked.expectation == self.expectation.id && about(&asked.at));
        let (unknown, known): (Vec<_>, Vec<_>) = asked.partition(|asked| asked.cause == MissCause::Unknown);
        if let Some(asked) = known.last() {
            return Some(Cause { cause: asked.cause, evidence: asked.evidence.clone() });
        }
        if self.bound.blind.iter().any(about) {
            let evidence = "monitoring said that it cannot see".to_owned();
            return Some(Cause { cause: MissCause::NoData, evidence });
        }
        let evidence = unknown.last().map_or("nobody was asked", |asked| asked.evidence.as_str()).to_owned();
        Some(Cause { cause: MissCause::Unknown, evidence })
    }
}

fn content(wanted: &[String], said: &Said) -> Option<Content> {
    let carries = |name: &&String| {
        let text = said.alarm.labels.get(*name).or_else(|| said.alarm.annotations.get(*name));
        text.is_some_and(|text| !text.trim().is_empty())
    };
    let missing: Vec<String> = wanted.iter().filter(|name| !carries(name)).cloned().collect();
    let count = wanted.len() as u64;
    (count > 0).then(|| Content { found: count - missing.len() as u64, wanted: count, missing })
}

fn deadline(from: Duration, done: Option<Duration>, within: Option<Period>, end: Duration) -> Deadline {
    let took = done.map(|at| at.saturating_sub(from));
    let kept = match (took, within) {
        (_, None) => Kept::Unjudged,
        (Some(took), Some(within)) if took <= within.duration() => Kept::InTime,
        (Some(_), Some(_)) => Kept::Late,
        (None, Some(within)) if end >= from.saturating_add(within.duration()) => Kept::Never,
        (None, Some(_)) => Kept::Unjudged,
    };
    Deadline { took, within, kept }
}
