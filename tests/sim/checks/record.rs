//! The record says all of it, and nothing else.

use std::collections::VecDeque;
use std::time::Duration;

use firedrill::drill::event::{Command, Event};
use firedrill::drill::journal::{CLOSED, Line, PLANNED, Verified, verify};
use firedrill::drill::{Drill, Summary};
use firedrill::scenario::plan::Plan;
use firedrill::score::Scorecard;
use serde_json::{Value, json};

use super::Finding;
use crate::course::Course;

pub fn the_journal_verifies(course: &Course) -> Finding {
    let head = match &course.ended {
        Some(Ok(outcome)) => Some(outcome.head.as_str()),
        _ => None,
    };
    match (verify(&course.written.journal, head), course.is_torn()) {
        (Verified::Whole { .. }, false) | (Verified::Cut { .. }, true) => Ok(()),
        (found, torn) => Err(format!("the record failed: {torn}, and verify says {found:?}")),
    }
}

/// Each event of the journal, given to a new drill, leads to the very lines that follow it.
pub fn a_replay_decides_the_same(course: &Course) -> Finding {
    if course.is_torn() {
        return Ok(());
    }
    let Some(((_, planned), rest)) = course.lines.split_first() else {
        return Err("there is no line 0".into());
    };
    if planned.kind != PLANNED {
        return Err(format!("line 0 is `{}`", planned.kind));
    }
    let plan: Plan =
        serde_json::from_value(planned.data["plan"].clone()).map_err(|error| error.to_string())?;
    let playbook =
        serde_json::from_value(planned.data["playbook"].clone()).map_err(|error| error.to_string())?;
    let (mut drill, commands) = Drill::start(plan, playbook);
    let mut due = decided(commands);
    for (_, line) in rest {
        if line.kind == CLOSED {
            continue;
        }
        let words = json!({"kind": line.kind, "data": line.data});
        let at = format!("line {} (`{}`)", line.seq, line.kind);
        if let Ok(event) = serde_json::from_value::<Event>(words.clone()) {
            if let Some(next) = due.front() {
                return Err(format!("{at} is an event, but {next} was decided and is not on record yet"));
            }
            due.extend(decided(drill.next(Duration::from_nanos(line.mono_ns), event)));
        } else if due.pop_front().as_ref() != Some(&words) {
            return Err(format!("{at} is not what the replay decides"));
        }
    }
    if let Some(next) = due.front() {
        return Err(format!("{next} was decided and is not on record"));
    }
    match &course.ended {
        Some(Ok(outcome)) if Summary::of(&drill).times != outcome.summary.times => {
            Err("the replay comes to other times".into())
        }
        _ => Ok(()),
    }
}

/// The commands as lines hold them; a wish to be woken is none.
fn decided(commands: Vec<Command>) -> VecDeque<Value> {
    let line = |command: Command| match command {
        Command::WakeAt { .. } => None,
        Command::Record(record) => serde_json::to_value(record).ok(),
        command => serde_json::to_value(command).ok(),
    };
    commands.into_iter().filter_map(line).collect()
}

pub fn a_rescore_is_byte_equal(course: &Course) -> Finding {
    let Some(Ok(outcome)) = &course.ended else { return Ok(()) };
    let score = || Scorecard::of(&course.written.journal).and_then(|card| card.to_json_bytes());
    let again = score().map_err(|error| error.to_string())?;
    if course.written.kept.get("scorecard.json") != Some(&again) {
        return Err("the scorecard that was kept is another".into());
    }
    let kept: Value = course
        .written
        .kept
        .get("summary.json")
        .and_then(|text| serde_json::from_slice(text).ok())
        .ok_or("no summary was kept")?;
    let last: &Line = &course.lines.last().ok_or("there is no line")?.1;
    let told = (&kept["journal"]["head"], &kept["summary"]["exit"], &last.data["exit"]);
    let expected = (json!(outcome.head), json!(outcome.summary.exit), json!(outcome.summary.exit));
    if told != (&expected.0, &expected.1, &expected.2) {
        return Err(format!("the summary tells {told:?}, and the drill ended with {expected:?}"));
    }
    Ok(())
}
