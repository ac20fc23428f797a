//! What happens to the steps of a playbook, in plain words.

use super::words::{Said, Tone};
use crate::playbook::event::{Attempt, Ending, StepAnswer, StepResult};

pub(super) fn answered(step: &str, who: &str, role: Option<&str>, answer: &StepAnswer) -> Said {
    let who = role.map_or_else(|| who.to_owned(), |role| format!("{who} as {role}"));
    let because = |why: &str| if why.is_empty() { String::new() } else { format!(": {why}") };
    match answer {
        StepAnswer::Taken {} => Said::new(Tone::Plain, format!("step {step}: {who} is on it")),
        StepAnswer::Done { .. } => Said::new(Tone::Plain, format!("step {step}: done, says {who}")),
        StepAnswer::Skipped { why } => {
            Said::new(Tone::Notice, format!("step {step}: skipped by {who}{}", because(why)))
        }
        StepAnswer::Failed { why } => {
            Said::new(Tone::Bad, format!("step {step}: failed, says {who}{}", because(why)))
        }
        StepAnswer::Stuck { why } => {
            Said::new(Tone::Bad, format!("step {step}: {who} is stuck{}", because(why)))
        }
    }
}

pub(super) fn attempted(step: &str, attempt: u32, undo: bool, outcome: &Attempt) -> Said {
    let what = format!("step {step}: {} attempt {attempt}", way(undo));
    match outcome {
        Attempt::Ok { detail, .. } => Said::detail(format!("{what} succeeded ({detail})")),
        Attempt::Failed { why } => Said::new(Tone::Bad, format!("{what} failed: {why}")),
        Attempt::TimedOut { why } => Said::new(Tone::Bad, format!("{what} took too long: {why}")),
    }
}

pub(super) fn finished(step: &str, result: &StepResult) -> Said {
    match result {
        StepResult::Ok { verified: true } => Said::new(Tone::Good, format!("step {step} done and verified")),
        StepResult::Ok { verified: false } => Said::new(Tone::Good, format!("step {step} done")),
        StepResult::Failed { why } => Said::new(Tone::Bad, format!("step {step} failed: {why}")),
        StepResult::NotVerified { why } => {
            Said::new(Tone::Bad, format!("step {step} was done and did not help: {why}"))
        }
        StepResult::TimedOut { why } => Said::new(Tone::Bad, format!("step {step} timed out: {why}")),
        StepResult::Skipped { why } => Said::new(Tone::Plain, format!("step {step} skipped: {why}")),
    }
}

pub(super) fn ended(ending: &Ending) -> Said {
    match ending {
        Ending::Completed {} => Said::new(Tone::Good, "the playbook is complete"),
        Ending::Failed { step, why } => {
            Said::new(Tone::Bad, format!("the playbook failed at step {step}: {why}"))
        }
        Ending::CutShort { why } => Said::new(Tone::Notice, format!("the playbook was cut short: {why}")),
    }
}

pub(super) const fn way(undo: bool) -> &'static str {
    if undo { "way back," } else { "" }
}
