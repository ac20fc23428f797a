//! What happened, in order, one sentence each, with the lines of the journal that say so.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::span;
use crate::report::Report;
use crate::report::timeline::MarkKind;

/// The most sentences; a drill that has more to tell is told by its timeline.
const SENTENCES_MAX: usize = 200;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Sentence {
    /// When, since the drill began.
    pub at: Duration,
    /// What.
    pub text: String,
    /// The lines of the journal that say so.
    pub lines: Vec<u64>,
}

pub(super) fn of(report: &Report) -> Vec<Sentence> {
    let mut told = Vec::new();
    let mut say = |at: Duration, text: String, lines: &[u64]| {
        told.push(Sentence { at, text, lines: lines.to_vec() });
    };
    faults(report, &mut say);
    alarms(report, &mut say);
    steps(report, &mut say);
    for mark in &report.timeline.marks {
        let text = match mark.kind {
            MarkKind::Impact => {
                format!("The service was harmed: {}", mark.text.trim_start_matches("impact: "))
            }
            MarkKind::Withstood => {
                "The fault had acted for long enough, and the service had not felt it".to_owned()
            }
            MarkKind::Recovered
            | MarkKind::Note
            | MarkKind::Action
            | MarkKind::Change
            | MarkKind::Stop
            | MarkKind::Playbook
            | MarkKind::Command => sentence(&mark.text),
        };
        say(mark.at, text, &[mark.line]);
    }
    told.sort_by(|one, other| one.at.cmp(&other.at).then_with(|| one.lines.cmp(&other.lines)));
    told.truncate(SENTENCES_MAX);
    told
}

type Say<'a> = &'a mut dyn FnMut(Duration, String, &[u64]);

fn faults(report: &Report, say: Say<'_>) {
    for bar in &report.timeline.bars {
        let with = if bar.words.is_empty() { String::new() } else { format!(" ({})", bar.words) };
        if let Some(at) = bar.applied {
            let first = bar.lines.get(..1).unwrap_or_default();
            say(at, format!("Fault {} began: {} on {}{with}", bar.fault, bar.kind, bar.target), first);
        }
        if let Some(at) = bar.effective.filter(|_| bar.lines.len() > 1) {
            let took = bar.applied.map_or_else(String::new, |applied| {
                format!(", {} after it was applied", span(at.saturating_sub(applied)))
            });
            say(at, format!("Its effect was measured ({}){took}", bar.fault), &bar.lines[1..2]);
        }
        if let Some(at) = bar.removed.filter(|_| !bar.is_instant) {
            let last = bar.lines.last().copied();
            say(at, format!("Fault {} was removed", bar.fault), last.as_slice());
        }
    }
}

fn alarms(report: &Report, say: Say<'_>) {
    for alarm in &report.timeline.alarms {
        let first = alarm.lines.get(..1).unwrap_or_default();
        let verb = if alarm.is_blind { "Monitoring could not see" } else { "Alarm" };
        let fires = if alarm.is_blind { "" } else { " fired" };
        say(alarm.fired, format!("{verb} {}{fires}", alarm.name), first);
        if let Some(at) = alarm.acknowledged {
            say(at, format!("Alarm {} was acknowledged", alarm.name), &[]);
        }
        if let Some(at) = alarm.resolved {
            let last = alarm.lines.last().copied();
            say(at, format!("Alarm {} was over", alarm.name), last.as_slice());
        }
    }
}

fn steps(report: &Report, say: Say<'_>) {
    for step in &report.timeline.steps {
        let Some(at) = step.finished else { continue };
        let took = span(at.saturating_sub(step.entered));
        let why = if step.why.is_empty() { String::new() } else { format!(": {}", step.why) };
        let text = match (step.is_undo, step.outcome.as_str()) {
            (true, "ok") => format!("What step {} had changed was taken back", step.step),
            (true, _) => format!("What step {} had changed could not be taken back{why}", step.step),
            (false, "ok") => format!("Step {} was done after {took}: {}", step.step, step.title),
            (false, "skipped") => format!("Step {} was skipped{why}", step.step),
            (false, outcome) => {
                format!("Step {} {} after {took}{why}", step.step, outcome.replace('_', " "))
            }
        };
        say(at, text, &step.lines);
    }
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
