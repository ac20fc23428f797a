//! The words of the scorecard, each with its rule. A verdict whose rule cannot be read is an opinion.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::playbook::{NUMBERS, ObjectiveWord, RecoveryPhase, StepOutcome};
use crate::drill::summary::{Contained, PlaybookResult, RestoredBy};

/// What alarms were worth in this drill, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmWord {
    /// All that was due came in time, to the right people, and nothing else.
    Sound,
    /// An expected alarm came after its deadline.
    Late,
    /// An expected alarm did not come.
    Silent,
    /// Something came that should not have, or too often.
    Noisy,
    /// An expected alarm came to another receiver, or with another urgency.
    Misrouted,
    /// The system withstood the fault, so no alarm was due.
    NotDue,
    /// Alarms were expected, and the drill said nothing about any of them.
    NotJudged,
    /// Nothing was expected, or no fault acted.
    None,
}

impl AlarmWord {
    /// Every word.
    pub const ALL: [Self; 8] = [
        Self::Sound,
        Self::Late,
        Self::Silent,
        Self::Noisy,
        Self::Misrouted,
        Self::NotDue,
        Self::NotJudged,
        Self::None,
    ];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Late => "late",
            Self::Silent => "silent",
            Self::Noisy => "noisy",
            Self::Misrouted => "misrouted",
            Self::NotDue => "not-due",
            Self::NotJudged => "not-judged",
            Self::None => "none",
        }
    }

    /// When it is given. The first that holds is: silent, late, noisy, misrouted, sound, not-judged,
    /// not-due, none.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Silent => "at least one expectation is a MISS",
            Self::Late => "no MISS, and at least one expectation is LATE",
            Self::Noisy => {
                "none missed or late, but a FORBIDDEN or FALSE alarm came, one was PRE-FIRING, an alarm was \
                 repeated more than 5 times, or flapped more than once"
            }
            Self::Misrouted => {
                "all in time and no noise, but an alarm came to another receiver, or with a severity over or \
                 under what was expected"
            }
            Self::Sound => {
                "at least one HIT or CORRECT SILENCE, no MISS, none LATE, no noise, right receiver and severity"
            }
            Self::NotDue => {
                "nothing was due, for the system withstood every fault that an alarm was expected of"
            }
            Self::NotJudged => {
                "none is HIT, LATE, MISS or CORRECT SILENCE, and at least one is CENSORED: its deadline never came"
            }
            Self::None => "nothing was expected of alarms, or every expectation is INVALID",
        }
    }
}

/// What became of one expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It came in time.
    Hit,
    /// It came after its deadline.
    Late,
    /// It did not come.
    Miss,
    /// It fired already when the fault took effect.
    PreFiring,
    /// The condition was over before the deadline, without an alarm.
    Censored,
    /// The drill could not have caused it.
    Invalid,
    /// The system withstood the fault.
    NotDue,
    /// Silence was expected, or there was no fault, and it stayed silent.
    CorrectSilence,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 8] = [
        Self::Hit,
        Self::Late,
        Self::Miss,
        Self::PreFiring,
        Self::Censored,
        Self::Invalid,
        Self::NotDue,
        Self::CorrectSilence,
    ];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hit => "HIT",
            Self::Late => "LATE",
            Self::Miss => "MISS",
            Self::PreFiring => "PRE-FIRING",
            Self::Censored => "CENSORED",
            Self::Invalid => "INVALID",
            Self::NotDue => "NOT DUE",
            Self::CorrectSilence => "CORRECT SILENCE",
        }
    }

    /// When it is given.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Hit => {
                "the first matching notification came no later than `within` after the impact (or the effect, as \
                 the expectation says); one that came before the impact, or without any, is a hit with lead"
            }
            Self::Late => "the first matching notification came after `within`, inside the window",
            Self::Miss => {
                "no matching notification from the effect until the later of removal and recovery, plus \
                 `resolve_within`, plus 1m, though its deadline passed while the condition held"
            }
            Self::PreFiring => {
                "a matching alarm fired already when the fault took effect, as received or as it claims: no part \
                 of recall"
            }
            Self::Censored => {
                "no alarm, but the service came back, the fault was over or the drill was stopped before \
                 `within` had passed: no part of recall"
            }
            Self::Invalid => {
                "the fault that it is about was not seen to act, or it was a sham and the alarm came: no part of recall"
            }
            Self::NotDue => {
                "counted from the impact, and the fault took effect without any: no part of recall"
            }
            Self::CorrectSilence => {
                "silence was expected (`alarms: []`), a fault took effect, nothing came; or it was a sham, and the \
                 alarm did not come"
            }
        }
    }

    /// Whether it counts for recall.
    pub const fn is_due(self) -> bool {
        matches!(self, Self::Hit | Self::Late | Self::Miss)
    }
}

/// What an alarm is that no expectation binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OtherClass {
    /// It had to stay silent.
    Forbidden,
    /// No fault was the reason.
    False,
    /// Nobody said whether it may come.
    Unlisted,
    /// It may come.
    Collateral,
    /// It fired before the drill began.
    Standing,
    /// Monitoring said that it cannot see.
    Blind,
}

impl OtherClass {
    /// Every class.
    pub const ALL: [Self; 6] =
        [Self::Forbidden, Self::False, Self::Unlisted, Self::Collateral, Self::Standing, Self::Blind];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Forbidden => "FORBIDDEN",
            Self::False => "FALSE",
            Self::Unlisted => "UNLISTED",
            Self::Collateral => "COLLATERAL",
            Self::Standing => "STANDING",
            Self::Blind => "BLIND",
        }
    }

    /// When it is given. The first that holds is: blind, standing, false, forbidden, collateral, unlisted.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Forbidden => {
                "it fits `forbidden:`, or silence was expected and it fits no `collateral:`; it came between the \
                 first apply and 1m after the later of removal and recovery; in a sham, also when it is expected \
                 of the fault that was left out, whenever it came"
            }
            Self::False => {
                "it came before the first fault was applied, or more than 1m after removal and recovery, or in a sham"
            }
            Self::Unlisted => {
                "it came while a fault was on or was being recovered from, and no list names it: expect it, or \
                 list it under `collateral:` or `forbidden:`"
            }
            Self::Collateral => "it fits `collateral:`; noise, but not false",
            Self::Standing => {
                "it claims to have begun before the drill did; it says nothing about this drill"
            }
            Self::Blind => "monitoring could not see (no data, rule error); never a hit",
        }
    }
}

/// How the urgency compares to what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// As expected.
    Right,
    /// More urgent: it wakes people for nothing.
    Over,
    /// Less urgent: it does not wake those who should act.
    Under,
    /// It carries no `severity` that has a known meaning.
    Unknown,
}

impl Urgency {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Over => "over",
            Self::Under => "under",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether the right people got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Routing {
    /// They did.
    Right,
    /// Others did.
    Wrong,
    /// The sender does not say who got it.
    Unknown,
}

impl Routing {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether something was done by its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// It was.
    InTime,
    /// It was done, but later.
    Late,
    /// It was not done, though the drill lasted beyond the deadline.
    Never,
    /// There was no deadline, or the drill ended before it.
    Unjudged,
}

impl Kept {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InTime => "in time",
            Self::Late => "late",
            Self::Never => "never",
            Self::Unjudged => "not judged",
        }
    }
}

/// Every word that has a rule, as it stands in the table, and the rule. Words of a few meanings carry what they are
/// said of.
fn rules() -> Vec<(String, &'static str)> {
    fn of<T: Copy, const N: usize>(
        all: [T; N],
        said_of: &'static str,
        word: fn(T) -> &'static str,
        rule: fn(T) -> &'static str,
    ) -> impl Iterator<Item = (String, &'static str)> {
        all.into_iter().map(move |one| (format!("{said_of}{}", word(one)), rule(one)))
    }
    let counts = [
        ("repeats", "the same alarm was said again while it fired (polls do not count)"),
        ("flaps", "the same alarm ended and fired again before the condition was over"),
    ];
    let counts = counts.into_iter().chain(NUMBERS).map(|(name, rule)| (name.to_owned(), rule));
    of(AlarmWord::ALL, "", AlarmWord::word, AlarmWord::rule)
        .chain(of(Outcome::ALL, "", Outcome::word, Outcome::rule))
        .chain(of(OtherClass::ALL, "", OtherClass::word, OtherClass::rule))
        .chain(of(PlaybookResult::ALL, "", PlaybookResult::word, PlaybookResult::rule))
        .chain(of(StepOutcome::ALL, "", StepOutcome::word, StepOutcome::rule))
        .chain(of(RecoveryPhase::ALL, "", RecoveryPhase::word, RecoveryPhase::rule))
        .chain(of(RestoredBy::ALL, "restored by ", RestoredBy::word, RestoredBy::rule))
        .chain(of(Contained::ALL, "contained ", Contained::word, Contained::rule))
        .chain(of(ObjectiveWord::ALL, "rto ", ObjectiveWord::word, ObjectiveWord::rule))
        .chain(counts)
        .collect()
}

/// The rule of a verdict, by its word as it stands in the table; nothing for a word that is no verdict.
pub fn rule(word: &str) -> Option<&'static str> {
    rules().into_iter().find(|(name, _)| name == word).map(|(_, rule)| rule)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_verdict_has_a_word_and_a_rule_of_its_own() {
        let all = rules();
        let words: BTreeSet<&String> = all.iter().map(|(word, _)| word).collect();
        let texts: BTreeSet<&str> = all.iter().map(|(_, rule)| *rule).collect();
        assert_eq!((words.len(), texts.len()), (all.len(), all.len()));
        assert!(words.iter().all(|word| rule(word).is_some()));
        assert_eq!(rule("splendid"), None);
    }
}
