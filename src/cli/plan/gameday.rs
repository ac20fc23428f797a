//! A game day as it will be: when, what is looked at before and by whom, and the runs in their order.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Exit;
use super::super::say::say;
use super::Args;
use crate::coordinator::clock;
use crate::drill::words::short;
use crate::fault::Seed;
use crate::gameday::GameDay;
use crate::gameday::plan::{CloseRequires, DayPlan, Run, RunWhat};
use crate::gameday::preflight::{LookedAt, PreflightItem};
use crate::gameday::schedule::{Occurrence, Schedule};

/// So many occurrences are shown.
const SHOWN: usize = 3;
/// Of those that something forbids, so many are named.
const BARRED_SHOWN: usize = 3;

pub(super) fn exec(day: &GameDay, args: &Args) -> anyhow::Result<Exit> {
    anyhow::ensure!(
        !args.expand,
        "only scenarios have a long form; `firedrill plan --json` shows every default"
    );
    let seed = args.seed.map(Seed).or(day.seed);
    let now = clock::wall();
    let plan = day.plan(seed.unwrap_or(Seed(0)), None);
    if !args.json {
        say(&describe(&plan, seed, now));
        return Ok(Exit::Passed);
    }
    let mut value = serde_json::to_value(&plan)?;
    if let Value::Object(map) = &mut value {
        if seed.is_none() {
            map.insert("seed".to_owned(), Value::Null);
        }
        let next: Vec<Occurrence> =
            plan.schedule.iter().flat_map(|schedule| next(schedule, &plan, now)).collect();
        map.insert("occurrences".to_owned(), json!(next));
    }
    say(&serde_json::to_string_pretty(&value)?);
    Ok(Exit::Passed)
}

/// The next occurrences that may run, with those before and between them that may not.
fn next(schedule: &Schedule, plan: &DayPlan, now: Timestamp) -> Vec<Occurrence> {
    let (mut found, mut good) = (Vec::new(), 0);
    for occurrence in schedule.occurrences(now, plan.estimate()) {
        good += usize::from(occurrence.barred.is_none());
        found.push(occurrence);
        if good == SHOWN {
            break;
        }
    }
    found
}

fn describe(plan: &DayPlan, seed: Option<Seed>, now: Timestamp) -> String {
    let mut out = format!("game day {}", plan.gameday);
    if let Some(title) = &plan.title {
        let _ = write!(out, ": {title}");
    }
    out.push('\n');
    if let Some(goal) = &plan.goal {
        let _ = writeln!(out, "goal: {goal}");
    }
    let _ = writeln!(
        out,
        "runs in: {}",
        plan.environment.as_deref().unwrap_or("no environment; each scenario alone")
    );
    if let Some(facilitator) = &plan.facilitator {
        let _ = writeln!(out, "facilitator: {facilitator}");
    }
    let seed = seed.map_or_else(
        || "chosen when the day is added; order and gaps below are those of seed 0".to_owned(),
        |seed| seed.0.to_string(),
    );
    let _ = writeln!(out, "seed: {seed}");
    section(&mut out, "When", when(plan, now));
    section(&mut out, "Must agree before", approvals(plan));
    section(&mut out, "Looked at before the first inject", plan.preflight.iter().map(item).collect());
    runs(&mut out, plan);
    section(&mut out, "Asked afterwards", plan.review.questions.clone());
    section(
        &mut out,
        "Before it is closed",
        plan.review.close_requires.iter().map(|r| required(*r)).collect(),
    );
    section(&mut out, "In the file, and not acted on by this version", plan.not_acted_on.clone());
    out.push_str("\nNothing was changed.");
    out
}

fn section(out: &mut String, title: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}");
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}

fn when(plan: &DayPlan, now: Timestamp) -> Vec<String> {
    let Some(schedule) = &plan.schedule else { return vec!["when somebody starts it".to_owned()] };
    let (mut lines, mut barred) = (Vec::new(), 0);
    for occurrence in next(schedule, plan, now) {
        let at = occurrence.due.at;
        let wall = schedule.timezone.wall(at).strftime("%a %F %H:%M");
        let time = format!("{wall} {} ({} UTC)", schedule.timezone, at.strftime("%a %F %H:%M"));
        match occurrence.barred {
            None => {
                let until = schedule.timezone.wall(occurrence.due.deadline).strftime("%H:%M");
                lines.push(format!("{time}, until {until} at the latest"));
            }
            Some(why) if barred < BARRED_SHOWN => {
                barred += 1;
                lines.push(format!("{time}: not then; {why}"));
            }
            Some(_) => barred += 1,
        }
    }
    if barred > BARRED_SHOWN {
        lines.push(format!("({} more times are passed over)", barred - BARRED_SHOWN));
    }
    if lines.is_empty() {
        lines.push("never again: its time is over".to_owned());
    }
    lines
}

fn approvals(plan: &DayPlan) -> Vec<String> {
    let approvals = &plan.approvals;
    if approvals.count == 0 {
        return vec!["nobody".to_owned()];
    }
    let mut line = approvals.count.to_string();
    if !approvals.from.is_empty() {
        let _ = write!(line, " of {}", approvals.from.join(", "));
    }
    if let Some(expires) = approvals.expires {
        let _ = write!(line, "; an approval counts for {expires}");
    }
    vec![line]
}

fn item(item: &PreflightItem) -> String {
    let by = match item.looked_at {
        LookedAt::Itself { .. } => "by itself",
        LookedAt::People {} => "people answer",
    };
    format!("{}: {} ({by})", item.id, item.text)
}

fn runs(out: &mut String, plan: &DayPlan) {
    section(out, "Runs", plan.runs.iter().map(run).collect());
    let whole = plan.estimate();
    let said = plan.schedule.as_ref().and_then(|schedule| schedule.duration);
    let _ = match said {
        Some(said) if whole > said.duration() => {
            writeln!(out, "  about {} in all, longer than the {said} of its schedule", short(whole))
        }
        Some(said) => writeln!(out, "  about {} in all, of {said}", short(whole)),
        None => writeln!(out, "  about {} in all", short(whole)),
    };
}

fn run(run: &Run) -> String {
    let gap = match run.gap.duration() {
        Duration::ZERO => String::new(),
        gap => format!("after {}: ", short(gap)),
    };
    let what = match &run.what {
        RunWhat::Drill { scenario, control, estimate, title, .. } => {
            let control = if control.is_some() { ", as a placebo without faults" } else { "" };
            let title = title.as_ref().map_or_else(String::new, |title| format!(" ({title})"));
            format!("{scenario}{title}{control}, about {}", short(estimate.duration()))
        }
        RunWhat::Ask { text } => format!("asked: {text}"),
    };
    format!("{}. {gap}{what}", run.number)
}

fn required(required: CloseRequires) -> String {
    match required {
        CloseRequires::Review => "every question of the review has an answer",
        CloseRequires::FindingOwners => "every finding has an owner",
        CloseRequires::RedrillDates => "every finding has a date by which it is drilled again",
    }
    .to_owned()
}
