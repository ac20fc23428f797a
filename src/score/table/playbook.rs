//! The scorecard's playbook: its word, what started it, a row for each step, and where the time went. 80 columns.

use std::collections::BTreeSet;
use std::time::Duration;

use super::COLUMNS;
use super::layout::{row, share, span, wrapped};
use crate::drill::summary::{Contained, PlaybookResult, RestoredBy, Summary};
use crate::drill::words::one_line;
use crate::playbook::event::{Ending, StartedBy};
use crate::score::playbook::{
    NUMBERS, Objective, ObjectiveWord, PlaybookScore, RecoveryPhase, StepOutcome, StepScore,
};

/// Step, outcome, took, of it waited.
const WIDTHS: [usize; 4] = [18, 12, 6, 6];
/// The most steps that are shown; the others stand in the scorecard.
const STEPS_SHOWN_MAX: usize = 40;
/// The most actions that are shown.
const ACTIONS_SHOWN_MAX: usize = 5;

/// The lines. What speaks of the service's recovery is left out where no fault was planned.
pub(super) fn lines(score: &PlaybookScore, summary: &Summary) -> Vec<String> {
    let mut lines = vec![one_line(&format!("playbook {}: {}", score.name, score.result.word()))];
    let mut fact = |name: &str, text: String| {
        lines.extend(wrapped(&text, &format!("  {name:<12} "), &" ".repeat(15), COLUMNS));
    };
    fact("started by", started(score));
    if !summary.faults.is_empty() {
        fact("restored by", restored(score, summary));
        if summary.contained != Contained::NotJudged {
            fact("contained", summary.contained.word().to_owned());
        }
    }
    if let Some(ending) = &score.ending {
        fact("ended", ended(ending));
    }
    if !score.steps.is_empty() {
        lines.extend(row(["step", "outcome", "took", "waited"], WIDTHS, "by whom, and how", COLUMNS));
    }
    for step in score.steps.iter().take(STEPS_SHOWN_MAX) {
        let time = |time: Duration| if time.is_zero() { "-".to_owned() } else { span(time) };
        let cells = [&step.id, step.outcome.word(), &time(step.took), &time(step.waited)];
        lines.extend(row(cells, WIDTHS, &qualities(step), COLUMNS));
    }
    if let Some(hidden) = score.steps.len().checked_sub(STEPS_SHOWN_MAX).filter(|hidden| *hidden > 0) {
        lines.push(format!("  and {hidden} more"));
    }
    lines.extend(sums(score));
    lines
}

fn started(score: &PlaybookScore) -> String {
    let Some(by) = &score.started_by else { return "nothing".to_owned() };
    let what = match by {
        StartedBy::Alarm { name } => {
            let which = match score.right_alarm {
                Some(true) => ", one of its triggers",
                Some(false) => ", which is expected and none of its triggers",
                None => "",
            };
            format!("alarm {name}{which}")
        }
        StartedBy::Impact {} => "the impact".to_owned(),
        StartedBy::Hand { who } => who.clone(),
        StartedBy::Command {} => "command".to_owned(),
    };
    match score.time_to_start {
        Some(after) if !matches!(by, StartedBy::Impact {}) => {
            format!("{what}, {} after the impact", span(after))
        }
        _ => what,
    }
}

fn restored(score: &PlaybookScore, summary: &Summary) -> String {
    let times = summary.times.impact.zip(summary.times.recovered);
    let took = times.map_or_else(String::new, |(from, to)| {
        format!(", {} after the impact", span(to.saturating_sub(from)))
    });
    format!("{}{took}", score.restored_by.word())
}

fn ended(ending: &Ending) -> String {
    match ending {
        Ending::Completed {} => "complete".to_owned(),
        Ending::Failed { step, why } => format!("failed at step {step}: {why}"),
        Ending::CutShort { why } => format!("cut short: {why}"),
    }
}

/// What is worth saying of a step beside its outcome.
fn qualities(step: &StepScore) -> String {
    let mut parts = Vec::new();
    if step.outcome == StepOutcome::Skipped {
        return step.why.clone().unwrap_or_default();
    }
    parts.push(match (&step.who, &step.role) {
        (Some(who), Some(role)) => format!("{who} as {role}"),
        (Some(who), None) => who.clone(),
        (None, Some(role)) if step.by_people => format!("for {role}"),
        (None, _) if step.by_people => "nobody".to_owned(),
        (None, _) => step.kind.clone(),
    });
    if step.outcome == StepOutcome::Ok && step.verified {
        parts.push("verified".to_owned());
    }
    parts.extend((step.attempts > 1).then(|| format!("{} attempts", step.attempts)));
    parts.extend((step.stuck > 0).then(|| format!("stuck {}", times(u64::from(step.stuck)))));
    parts.extend(
        step.over_budget.zip(step.budget).map(|(over, of)| format!("{} over its budget of {of}", span(over))),
    );
    parts.extend(step.why.clone());
    parts.join(", ")
}

fn sums(score: &PlaybookScore) -> Vec<String> {
    let mut lines = Vec::new();
    let mut sum = |text: String| {
        let indent = if text.starts_with(' ') { "    " } else { "  " };
        lines.extend(wrapped(&text, indent, "    ", COLUMNS));
    };
    if score.step_success.denominator > 0 {
        sum(format!("steps ok {}", share(&score.step_success)));
        let automation = &score.automation;
        let by_time =
            automation.by_time.map_or_else(String::new, |share| format!(", {} of the time", percent(share)));
        sum(format!("automation {} of {} steps{by_time}", automation.steps, automation.of));
    }
    let mut people = Vec::new();
    people.extend((!score.toil.is_zero()).then(|| format!("by hand {}", span(score.toil))));
    people.extend((score.stuck > 0).then(|| format!("stuck {}", times(score.stuck))));
    if score.deviation.share > 0.0 {
        let deviation = &score.deviation;
        let (done, of) = (deviation.carried_out, deviation.planned);
        let more = deviation.actions.len();
        let more = if more > 0 { format!(", and {more} more that no step says") } else { String::new() };
        people.push(format!("deviation {:.2} ({done} of {of} steps{more})", deviation.share));
    }
    if !people.is_empty() {
        sum(people.join(", "));
    }
    for action in score.deviation.actions.iter().take(ACTIONS_SHOWN_MAX) {
        sum(format!("  at +{} {}: {}", span(action.at), action.who, action.text));
    }
    let hidden = score.deviation.actions.len().saturating_sub(ACTIONS_SHOWN_MAX);
    if hidden > 0 {
        sum(format!("  and {hidden} more"));
    }
    let recovery = &score.recovery;
    let parts = [recovery.detect, recovery.start, recovery.act, recovery.verify];
    let parts: Vec<String> = RecoveryPhase::ALL
        .into_iter()
        .zip(parts)
        .filter_map(|(phase, took)| Some(format!("{} {}", phase.word(), span(took?))))
        .collect();
    if let Some(longest) = recovery.longest {
        sum(format!("from impact to recovery: {}; longest: {}", parts.join(", "), longest.word()));
    }
    let objectives = &score.objectives;
    for (name, objective) in [("rto", &objectives.rto), ("rpo", &objectives.rpo)] {
        if let Some(objective) = objective {
            sum(promise(name, objective));
        }
    }
    let taken_back = &score.taken_back;
    if !taken_back.done.is_empty() {
        sum(format!("taken back: {}", taken_back.done.join(", ")));
    }
    if !taken_back.failed.is_empty() {
        sum(format!("could not be taken back: {}", taken_back.failed.join(", ")));
    }
    if !taken_back.left.is_empty() {
        sum(format!("left as it is, for there is no undo: {}", taken_back.left.join(", ")));
    }
    lines
}

fn promise(name: &str, objective: &Objective) -> String {
    let Objective { target, took, kept, why } = objective;
    let took = took.map_or_else(String::new, |took: Duration| format!(": it took {}", span(took)));
    let why = why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    match kept {
        ObjectiveWord::NotJudged => format!("{name} {target} {}{why}", kept.word()),
        ObjectiveWord::Met | ObjectiveWord::Missed => format!("{name} {target} {}{took}", kept.word()),
    }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// Every word that the lines hold and that has a rule.
pub(super) fn words(score: &PlaybookScore, summary: &Summary) -> Vec<String> {
    let mut words = vec![PlaybookResult::word(score.result).to_owned()];
    if !summary.faults.is_empty() {
        words.push(format!("restored by {}", RestoredBy::word(score.restored_by)));
        if summary.contained != Contained::NotJudged {
            words.push(format!("contained {}", Contained::word(summary.contained)));
        }
    }
    let outcomes: BTreeSet<StepOutcome> = score.steps.iter().map(|step| step.outcome).collect();
    words.extend(outcomes.into_iter().map(|outcome| outcome.word().to_owned()));
    let shown = lines(score, summary).join(" ");
    words.extend(NUMBERS.iter().filter(|(name, _)| shown.contains(name)).map(|(name, _)| (*name).to_owned()));
    if score.recovery.longest.is_some() {
        words.extend(RecoveryPhase::ALL.map(|phase| phase.word().to_owned()));
    }
    words.extend(score.objectives.rto.as_ref().map(|rto| format!("rto {}", rto.kept.word())));
    words
}
