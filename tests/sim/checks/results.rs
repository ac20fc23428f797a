//! What is told at the end is what happened.

use std::collections::BTreeSet;

use firedrill::drill::StopReason;
use firedrill::drill::summary::{CommandResult, Effect, HypothesisResult, PlaybookResult, Summary};

use super::Finding;
use crate::course::Course;
use crate::ledger::What;

/// Nothing stays on that nobody hears of.
pub fn what_is_left_is_told(course: &Course) -> Finding {
    let Some(summary) = course.summary() else { return Ok(()) };
    let left = course.world.still_on();
    if !left.is_empty() && (summary.clean || summary.exit != 7) {
        return Err(format!("{left:?} are on, and the drill says clean, exit {}", summary.exit));
    }
    Ok(())
}

/// The exit status by the rules of the documents, from the results that are told beside it.
pub fn the_exit_status_follows(course: &Course) -> Finding {
    let (summary, card) = match &course.ended {
        Some(Ok(outcome)) => (&outcome.summary, outcome.card.as_ref()),
        // What is not on record is not proven: only what was left behind counts for more.
        Some(Err(error)) => {
            let Some(summary) = error.came_to.as_deref() else { return Ok(()) };
            let expected = if summary.clean { 5 } else { 7 };
            return agree(summary, expected);
        }
        None => return Ok(()),
    };
    let mut exits = BTreeSet::new();
    if !summary.clean {
        exits.insert(7);
    }
    if card.is_some_and(|card| card.summary.reasons.iter().any(|reason| is_about_alarms(reason))) {
        exits.insert(2);
    }
    if matches!(summary.command, CommandResult::Failed { .. })
        || summary.hypothesis == HypothesisResult::Refuted
        || summary.reasons.iter().any(|reason| reason.contains("did not come back"))
    {
        exits.insert(4);
    }
    let failed = [PlaybookResult::Harmful, PlaybookResult::NotRestored, PlaybookResult::NotCompleted];
    if summary.playbook.is_some_and(|playbook| failed.contains(&playbook)) {
        exits.insert(3);
    }
    match &summary.stopped {
        Some(StopReason::Guardrail { .. } | StopReason::Halted { .. }) => exits.insert(5),
        Some(StopReason::Refused { .. }) => exits.insert(1),
        Some(
            StopReason::GateNotMet { .. } | StopReason::FaultRefused { .. } | StopReason::FaultLost { .. },
        ) => exits.insert(6),
        None => summary.effect == Effect::None && exits.insert(6),
    };
    if summary.reasons.iter().any(|reason| reason.starts_with("no expected alarm could be judged")) {
        exits.insert(6);
    }
    let most_urgent = [7, 2, 4, 3, 5, 6, 1].into_iter().find(|exit| exits.contains(exit));
    agree(summary, most_urgent.unwrap_or(0))
}

fn is_about_alarms(reason: &str) -> bool {
    reason.starts_with("the expected alarm `") || reason.starts_with("the alarm `")
}

fn agree(summary: &Summary, expected: u8) -> Finding {
    if summary.exit == expected && summary.clean == summary.residue.is_empty() {
        return Ok(());
    }
    Err(format!("exit {} is told, {expected} follows from {summary:?}", summary.exit))
}

/// The stop that is told is the first that was journalled, and there is one at most.
pub fn a_stop_is_for_the_first_reason(course: &Course) -> Finding {
    let lines = &course.lines;
    let stops: Vec<_> = lines.iter().filter(|(_, line)| line.kind == "drill.stopping").collect();
    if stops.len() > 1 {
        return Err(format!("it stops {} times", stops.len()));
    }
    let Some(Ok(outcome)) = &course.ended else { return Ok(()) };
    let told = serde_json::to_value(&outcome.summary.stopped).map_err(|error| error.to_string())?;
    let written = stops.first().map(|(_, line)| line.data["reason"].clone()).unwrap_or_default();
    if told != written {
        return Err(format!("{written} is on record, and {told} is told"));
    }
    let asked = lines.iter().find(|(_, line)| line.kind == "halt.requested").map(|(at, _)| *at);
    let first = course.entries.iter().position(|entry| matches!(&entry.what, What::Line(line) if line.contains(r#""kind":"phase.entered","data":{"phase":"verifying"}"#)));
    match (asked, stops.first(), first) {
        (Some(asked), None, first) if first.is_none_or(|first| asked < first) => {
            Err("somebody halted before the last look, and it did not stop".into())
        }
        _ => Ok(()),
    }
}
