//! Each result of a drill as a word, with what it is about and its rule.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Tone;
use crate::drill::summary::{
    CommandResult, Contained, Effect, HypothesisResult, Impact, PlaybookResult, RestoredBy, Validity,
};
use crate::report::Report;
use crate::score::AlarmWord;

/// A result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// What it is about, for people.
    pub about: String,
    /// The key in the scorecard.
    pub key: String,
    /// The word.
    pub word: String,
    /// How good it is.
    pub tone: Tone,
    /// When the word is given.
    pub rule: String,
}

/// In the order in which people ask.
pub(super) fn of(report: &Report) -> Vec<Verdict> {
    let summary = &report.card.summary;
    let mut verdicts = vec![alarms(report.card.alarms.word)];
    verdicts.extend(summary.playbook.map(playbook));
    verdicts.push(restored_by(summary.restored_by));
    verdicts.extend(hypothesis(summary.hypothesis));
    verdicts.extend(contained(summary.contained));
    verdicts.push(effect(summary.effect));
    verdicts.push(impact(summary.impact));
    verdicts.extend(command(&summary.command));
    verdicts.push(clean(summary.clean, report.card.complete));
    verdicts.push(validity(summary.drill));
    verdicts
}

/// A result by its key in the scorecard and its word; absent: this version knows no such word, or it says nothing.
pub fn known(key: &str, word: &str) -> Option<Verdict> {
    fn read<T: DeserializeOwned>(word: &str) -> Option<T> {
        serde_json::from_value(serde_json::Value::from(word)).ok()
    }
    match key {
        "alarms" => read(word).map(alarms),
        "playbook" => read(word).map(playbook),
        "restored_by" => read(word).map(restored_by),
        "hypothesis" => read(word).and_then(hypothesis),
        "contained" => read(word).and_then(contained),
        "effect" => read(word).map(effect),
        "impact" => read(word).map(impact),
        "clean" => Some(clean(word == "yes", true)),
        "drill" => read(word).map(validity),
        _ => None,
    }
}

fn verdict(key: &str, about: &str, word: &str, tone: Tone, rule: &str) -> Verdict {
    let own = |text: &str| text.to_owned();
    Verdict { about: own(about), key: own(key), word: own(word), tone, rule: own(rule) }
}

fn alarms(word: AlarmWord) -> Verdict {
    let tone = match word {
        AlarmWord::Sound => Tone::Good,
        AlarmWord::Late | AlarmWord::Noisy | AlarmWord::Misrouted => Tone::Doubtful,
        AlarmWord::Silent => Tone::Bad,
        AlarmWord::NotDue | AlarmWord::NotJudged | AlarmWord::None => Tone::Neutral,
    };
    verdict("alarms", "Who noticed", word.word(), tone, word.rule())
}

fn playbook(result: PlaybookResult) -> Verdict {
    let tone = match result {
        PlaybookResult::Restored | PlaybookResult::Completed => Tone::Good,
        PlaybookResult::RestoredLate | PlaybookResult::RestoredWithHelp | PlaybookResult::Unproven => {
            Tone::Doubtful
        }
        PlaybookResult::NotRestored | PlaybookResult::Harmful | PlaybookResult::NotCompleted => Tone::Bad,
        PlaybookResult::NotExercised => Tone::Neutral,
    };
    verdict("playbook", "The playbook", result.word(), tone, result.rule())
}

fn restored_by(by: RestoredBy) -> Verdict {
    let tone = match by {
        RestoredBy::Playbook | RestoredBy::Itself => Tone::Good,
        RestoredBy::FaultEnd => Tone::Bad,
        RestoredBy::Abort | RestoredBy::Unknown => Tone::Doubtful,
        RestoredBy::None => Tone::Neutral,
    };
    verdict("restored_by", "Restored by", by.word(), tone, by.rule())
}

fn hypothesis(result: HypothesisResult) -> Option<Verdict> {
    let (word, tone, rule) = match result {
        HypothesisResult::Confirmed => ("confirmed", Tone::Good, "every result in `confident_when` is good"),
        HypothesisResult::Refuted => (
            "refuted",
            Tone::Bad,
            "a result in `confident_when` is not good, or the service did not come back after the last fault",
        ),
        HypothesisResult::Untested => return None,
    };
    Some(verdict("hypothesis", "What was claimed", word, tone, rule))
}

fn contained(contained: Contained) -> Option<Verdict> {
    let tone = match contained {
        Contained::Held => Tone::Good,
        Contained::Lost => Tone::Bad,
        Contained::NotJudged => return None,
    };
    Some(verdict("contained", "Contained", contained.word(), tone, contained.rule()))
}

fn effect(effect: Effect) -> Verdict {
    let (word, tone, rule) = match effect {
        Effect::Confirmed => (
            "confirmed",
            Tone::Good,
            "every fault that was applied was measured to have acted, where the deed is done",
        ),
        Effect::None => {
            ("none", Tone::Doubtful, "a fault was not measured to have acted, or none was applied")
        }
    };
    verdict("effect", "The faults' effect", word, tone, rule)
}

fn impact(impact: Impact) -> Verdict {
    let (word, tone, rule) = match impact {
        Impact::Seen => ("seen", Tone::Neutral, "an impact probe was violated while a fault was effective"),
        Impact::Withstood => {
            ("withstood", Tone::Good, "faults were effective, and no impact probe was violated")
        }
        Impact::None => ("none", Tone::Neutral, "no fault was effective, so nothing can be said"),
    };
    verdict("impact", "The impact", word, tone, rule)
}

fn command(result: &CommandResult) -> Option<Verdict> {
    let (word, tone, rule) = match result {
        CommandResult::Passed {} => ("passed", Tone::Good, "it ended with status 0 while the faults were on"),
        CommandResult::Failed { .. } => {
            ("failed", Tone::Bad, "it ended with another status, by a signal, or not before the faults did")
        }
        CommandResult::Stopped { .. } => {
            ("stopped", Tone::Neutral, "the drill stopped and ended it, so nothing can be said about it")
        }
        CommandResult::None {} => return None,
    };
    Some(verdict("command", "The command under test", word, tone, rule))
}

fn clean(clean: bool, complete: bool) -> Verdict {
    let (word, tone, rule) = match (clean, complete) {
        (false, _) => {
            ("no", Tone::Bad, "something that was done was not taken back, or was found afterwards")
        }
        // Nobody looked, or the look is not on record.
        (true, false) => ("unknown", Tone::Doubtful, "the journal ends before the last look was over"),
        (true, true) => (
            "yes",
            Tone::Good,
            "everything was taken back, and what could have been left behind was looked for and not found",
        ),
    };
    verdict("clean", "Nothing left behind", word, tone, rule)
}

fn validity(validity: Validity) -> Verdict {
    let (word, tone, rule) = match validity {
        Validity::Valid => ("valid", Tone::Good, "it proves what it says"),
        Validity::Invalid => (
            "invalid",
            Tone::Doubtful,
            "no effect was measured, the steady state was never good before, or a fault was refused or lost",
        ),
    };
    verdict("drill", "The drill itself", word, tone, rule)
}
