//! What happens to the steps of a playbook, in plain words.

use std::collections::BTreeMap;

use super::words::{Said, Tone};
use crate::playbook::event::{Attempt, Ending, StepAnswer, StepResult};
use crate::playbook::plan::Answer;

/// What people say. What ends a step is a detail: the end of the step is the news, and tells who.
pub(super) fn answered(step: &str, who: &str, role: Option<&str>, answer: &StepAnswer) -> Said {
    let who = role.map_or_else(|| who.to_owned(), |role| format!("{who} as {role}"));
    let because = |why: &str| if why.is_empty() { String::new() } else { format!(": {why}") };
    match answer {
        StepAnswer::Taken {} => Said::new(Tone::Plain, format!("step {step}: {who} is on it")),
        StepAnswer::Done { answers } => {
            Said::detail(format!("step {step}: done, says {who}{}", answers_in_words(answers)))
        }
        StepAnswer::Skipped { why } => {
            Said::detail(format!("step {step}: not needed, says {who}{}", because(why)))
        }
        StepAnswer::Failed { why } => {
            Said::detail(format!("step {step}: cannot be done, says {who}{}", because(why)))
        }
        StepAnswer::Stuck { why } => {
            Said::new(Tone::Bad, format!("step {step}: {who} is stuck{}", because(why)))
        }
    }
}

fn answers_in_words(answers: &BTreeMap<String, Answer>) -> String {
    let words = answers.iter().map(|(id, answer)| match answer {
        Answer::Boolean(true) => format!("{id}: yes"),
        Answer::Boolean(false) => format!("{id}: no"),
        Answer::Number(number) => format!("{id}: {number}"),
        Answer::Text(text) => format!("{id}: {text}"),
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}

pub(super) fn attempted(step: &str, attempt: u32, undo: bool, outcome: &Attempt) -> Said {
    let what = if undo {
        format!("taking step {step} back, attempt {attempt}")
    } else {
        format!("step {step}, attempt {attempt}")
    };
    match outcome {
        Attempt::Ok { detail, .. } => Said::detail(format!("{what}: {detail}")),
        Attempt::Failed { why } => Said::new(Tone::Bad, format!("{what} failed: {why}")),
        Attempt::TimedOut { why } => Said::new(Tone::Bad, format!("{what} timed out: {why}")),
    }
}

pub(super) fn finished(step: &str, result: &StepResult) -> Said {
    match result {
        StepResult::Ok { verified: true } => Said::new(Tone::Good, format!("step {step} verified")),
        StepResult::Ok { verified: false } => Said::new(Tone::Good, format!("step {step} done")),
        StepResult::Failed { why } => Said::new(Tone::Bad, format!("step {step} failed: {why}")),
        StepResult::NotVerified { why } => Said::new(Tone::Bad, format!("step {step} not verified: {why}")),
        StepResult::TimedOut { why } => Said::new(Tone::Bad, format!("step {step} timed out: {why}")),
        StepResult::Skipped { why } => Said::new(Tone::Plain, format!("step {step} skipped: {why}")),
    }
}

pub(super) fn ended(ending: &Ending) -> Said {
    let tone = match ending {
        Ending::Completed {} => Tone::Good,
        Ending::Failed { .. } => Tone::Bad,
        Ending::CutShort { .. } => Tone::Notice,
    };
    Said::new(tone, format!("playbook {}", ending.words()))
}
