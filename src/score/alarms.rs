//! What all alarms of one drill were worth together.

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::course::Course;
use super::expectation::{AlarmTimes, Case, ExpectationScore};
use super::other::{OtherAlarm, others};
use super::share::Share;
use super::table::span;
use super::verdict::{AlarmWord, OtherClass, Outcome, Routing, Urgency};
use crate::scenario::expectation::{Alarms, CountedFrom};

/// The most other alarms that are listed; all of them count.
const OTHERS_MAX: usize = 1_000;

/// What alarms were worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmScore {
    /// In one word.
    pub word: AlarmWord,
    /// Each expectation, in the plan's order.
    pub expectations: Vec<ExpectationScore>,
    /// Alarms that no expectation binds, and forbidden ones, as they came.
    pub others: Vec<OtherAlarm>,
    /// How many more there were.
    pub others_left_out: u64,
    /// HIT of those that were due.
    pub recall_on_time: Share,
    /// HIT and LATE of those that were due.
    pub recall_ever: Share,
    /// Alarms that were expected, of these and those that were FORBIDDEN or FALSE.
    pub precision: Share,
}

impl AlarmScore {
    pub(super) fn of(alarms: &Alarms, course: &Course) -> Self {
        let cases: Vec<Case<'_>> = alarms.expected.iter().map(|other| Case::new(other, course)).collect();
        let mut expectations: Vec<ExpectationScore> = cases.iter().map(Case::judge).collect();
        let came = |score: &ExpectationScore| matches!(score.outcome, Outcome::Hit | Outcome::Late);
        let expected: BTreeSet<&str> = cases
            .iter()
            .zip(&expectations)
            .filter(|(_, score)| came(score))
            .flat_map(|(case, _)| case.in_window().map(|episode| episode.first.alarm.key.as_str()))
            .collect();
        let expected = expected.len() as u64;
        let mut others = others(alarms, course);
        let is_wrong = |other: &&OtherAlarm| matches!(other.class, OtherClass::Forbidden | OtherClass::False);
        let wrong = others.iter().filter(is_wrong).count() as u64;
        if alarms.silence && !others.iter().any(|other| other.class == OtherClass::Forbidden) {
            expectations.push(silence(course));
        }
        let count = |outcomes: &[Outcome]| {
            expectations.iter().filter(|score| outcomes.contains(&score.outcome)).count() as u64
        };
        let due = count(&[Outcome::Hit, Outcome::Late, Outcome::Miss]);
        let score = Self {
            word: word(&expectations, &others),
            recall_on_time: Share::of(count(&[Outcome::Hit]), due),
            recall_ever: Share::of(count(&[Outcome::Hit, Outcome::Late]), due),
            precision: Share::of(expected, expected + wrong),
            others_left_out: others.len().saturating_sub(OTHERS_MAX) as u64,
            others: Vec::new(),
            expectations,
        };
        // The worst first, should not all have room; then again as they came.
        others.sort_by_key(|other| other.class);
        others.truncate(OTHERS_MAX);
        others.sort();
        Self { others, ..score }
    }

    /// Whether `alarms` in `confident_when` is good; nothing when it was not put to the test.
    pub(super) fn is_good(&self) -> Option<bool> {
        match self.word {
            AlarmWord::Sound => Some(true),
            AlarmWord::Late | AlarmWord::Silent | AlarmWord::Noisy | AlarmWord::Misrouted => Some(false),
            AlarmWord::NotDue | AlarmWord::NotJudged | AlarmWord::None => None,
        }
    }

    /// Why the drill does not pass by its alarms, one line each.
    pub(super) fn reasons(&self, silence: bool, is_sham: bool) -> Vec<String> {
        let of_expectation = |score: &ExpectationScore| {
            let within = score.within.map_or_else(String::new, |within| within.to_string());
            let cause = score.cause.as_ref();
            let cause = cause.map_or_else(String::new, |cause| format!(" (cause: {})", cause.cause.word()));
            match score.outcome {
                Outcome::Miss => Some(format!("the expected alarm `{}` did not come{cause}", score.id)),
                Outcome::Late => {
                    let (from, took) = match score.from {
                        CountedFrom::Impact => ("impact", score.detection),
                        CountedFrom::Effect => ("effect", score.from_effect),
                    };
                    let took = span(took.unwrap_or_default());
                    Some(format!(
                        "the expected alarm `{}` came {took} after the {from}, {within} allowed{cause}",
                        score.id
                    ))
                }
                Outcome::Hit
                | Outcome::PreFiring
                | Outcome::Censored
                | Outcome::Invalid
                | Outcome::NotDue
                | Outcome::CorrectSilence => None,
            }
        };
        let why = match (is_sham, silence) {
            (true, _) => "and there was no fault",
            (false, true) => "though silence was expected",
            (false, false) => "which is forbidden",
        };
        let forbidden = self.others.iter().filter(|other| other.class == OtherClass::Forbidden);
        let forbidden = forbidden.map(|other| format!("the alarm `{}` came, {why}", other.alarm));
        self.expectations.iter().filter_map(of_expectation).chain(forbidden).collect()
    }
}

impl AlarmScore {
    /// Why the drill proves nothing about the alarms that it was to prove; nothing when one of them could be judged,
    /// when none was due, and when the fault did not act, which is a reason of its own.
    pub(super) fn unproven(&self) -> Option<String> {
        let is_judged =
            |score: &ExpectationScore| score.outcome.is_due() || score.outcome == Outcome::CorrectSilence;
        if self.expectations.iter().any(is_judged) {
            return None;
        }
        let why = |score: &ExpectationScore| match score.outcome {
            Outcome::Censored => {
                let within = score.within.map_or_else(String::new, |within| within.to_string());
                Some(format!("`{}`: the condition was over, or nobody looked, before {within}", score.id))
            }
            Outcome::PreFiring => Some(format!("`{}`: it fired before the fault took effect", score.id)),
            Outcome::Hit
            | Outcome::Late
            | Outcome::Miss
            | Outcome::Invalid
            | Outcome::NotDue
            | Outcome::CorrectSilence => None,
        };
        let why: Vec<String> = self.expectations.iter().filter_map(why).collect();
        (!why.is_empty()).then(|| format!("no expected alarm could be judged: {}", why.join("; ")))
    }
}

impl ExpectationScore {
    /// One of which nothing was measured.
    pub(super) fn unmeasured(id: &str, outcome: Outcome, from: CountedFrom) -> Self {
        Self {
            id: id.to_owned(),
            outcome,
            fault: None,
            from,
            within: None,
            alarm: None,
            times: AlarmTimes::default(),
            detection: None,
            from_effect: None,
            lead: None,
            delivery: None,
            clock_note: None,
            polled_every: None,
            within_error: false,
            severity: None,
            receiver: None,
            content: None,
            acknowledged: None,
            reset: None,
            alarms: 0,
            repeats: 0,
            flaps: 0,
            cause: None,
        }
    }
}

/// The entry for expected silence that was kept.
fn silence(course: &Course) -> ExpectationScore {
    let any = course.fault(None);
    let effective = any.as_ref().and_then(|fault| fault.effective);
    let outcome = match (effective, course.is_sham) {
        (None, true) if course.cut_short => Outcome::Censored,
        (Some(_), _) | (None, true) => Outcome::CorrectSilence,
        (None, false) => Outcome::Invalid,
    };
    ExpectationScore {
        times: AlarmTimes { effective, impact: course.impact, ..AlarmTimes::default() },
        ..ExpectationScore::unmeasured("silence", outcome, CountedFrom::Effect)
    }
}

fn word(expectations: &[ExpectationScore], others: &[OtherAlarm]) -> AlarmWord {
    const REPEATS_MAX: u64 = 5;
    const FLAPS_MAX: u64 = 1;
    let any = |outcome| expectations.iter().any(|score| score.outcome == outcome);
    let is_noise = |other: &OtherAlarm| match other.class {
        OtherClass::Forbidden | OtherClass::False => true,
        OtherClass::Unlisted | OtherClass::Collateral => {
            other.repeats > REPEATS_MAX || other.flaps > FLAPS_MAX
        }
        OtherClass::Standing | OtherClass::Blind => false,
    };
    let insists = |score: &ExpectationScore| {
        score.repeats > REPEATS_MAX * score.alarms || score.flaps > FLAPS_MAX * score.alarms
    };
    let is_misrouted = |score: &ExpectationScore| {
        score.receiver == Some(Routing::Wrong)
            || matches!(score.severity, Some(Urgency::Over | Urgency::Under))
    };
    if any(Outcome::Miss) {
        AlarmWord::Silent
    } else if any(Outcome::Late) {
        AlarmWord::Late
    } else if any(Outcome::PreFiring) || others.iter().any(is_noise) || expectations.iter().any(insists) {
        AlarmWord::Noisy
    } else if expectations.iter().any(is_misrouted) {
        AlarmWord::Misrouted
    } else if any(Outcome::Hit) || any(Outcome::CorrectSilence) {
        AlarmWord::Sound
    } else if any(Outcome::Censored) {
        AlarmWord::NotJudged
    } else if any(Outcome::NotDue) {
        AlarmWord::NotDue
    } else {
        AlarmWord::None
    }
}

/// Where the time went, from the impact to the end of the alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phases {
    /// The first expected alarm was received, since the drill began.
    pub first_notice: Option<Duration>,
    /// From the impact to that; zero when it came before.
    pub noticing: Option<Duration>,
    /// From the later of impact and notice to recovery.
    pub restoring: Option<Duration>,
    /// From recovery to the end of the last expected alarm.
    pub resetting: Option<Duration>,
    /// Which of these took longest.
    pub longest: Option<LongestPhase>,
}

/// The phase that took longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LongestPhase {
    /// Until somebody was told.
    Noticing,
    /// Until the service was back.
    Restoring,
    /// Until the alarm was over.
    Resetting,
}

impl Phases {
    pub(super) fn of(score: &AlarmScore, course: &Course) -> Self {
        let times = || score.expectations.iter().map(|score| score.times);
        let first_notice = times().filter_map(|times| times.received).min();
        let cleared = times().filter_map(|times| times.cleared).max();
        let noticing = course.impact.zip(first_notice).map(|(from, to)| to.saturating_sub(from));
        let noticed = course.impact.zip(first_notice).map(|(impact, notice)| impact.max(notice));
        let restoring = noticed.zip(course.recovered).map(|(from, to)| to.saturating_sub(from));
        let resetting = course.recovered.zip(cleared).map(|(from, to)| to.saturating_sub(from));
        let all = [
            (noticing, LongestPhase::Noticing),
            (restoring, LongestPhase::Restoring),
            (resetting, LongestPhase::Resetting),
        ];
        // Of equals the earlier phase is named.
        let longest = all.into_iter().rev().filter_map(|(took, phase)| Some((took?, phase)));
        let longest = longest.max_by_key(|(took, _)| *took).map(|(_, phase)| phase);
        Self { first_notice, noticing, restoring, resetting, longest }
    }
}
