//! How a game day is shown.

use super::{
    Approval, FindingLine, GameDayLine, GameDayView, NoteLine, PreflightLine, ReviewLine, RunLine, StoppedBy,
    Words,
};
use crate::coordinator::day::{Keeper, Seen};
use crate::gameday::preflight::ItemState;
use crate::gameday::summary::Row;
use crate::gameday::{Day, DayEvent, DayPlan, DrillWords, Finding, RunWhat, Summary};
use jiff::Timestamp;

/// As lists show it.
pub(super) fn line(keeper: &Keeper) -> GameDayLine {
    line_of(keeper, &keeper.seen())
}

fn line_of(keeper: &Keeper, seen: &Seen) -> GameDayLine {
    let (day, plan) = (&seen.day, seen.day.plan());
    let summary = Summary::of(day, &Default::default());
    GameDayLine {
        id: keeper.id.clone(),
        name: plan.gameday.clone(),
        title: plan.title.clone(),
        state: day.state().word().to_owned(),
        why: day.why().map(str::to_owned),
        environment: plan.environment.clone(),
        added: keeper.added,
        due: plan.due.map(|due| due.at),
        deadline: plan.due.map(|due| due.deadline),
        runs: u32::try_from(plan.runs.len()).unwrap_or(u32::MAX),
        done: summary.done,
        drill: day.drill().map(str::to_owned),
        lines: seen.lines,
        closed: seen.closed,
        unfinished: None,
    }
}

/// All of it.
pub(super) fn view(keeper: &Keeper, now: Timestamp) -> GameDayView {
    let seen = keeper.seen();
    let (day, plan) = (&seen.day, seen.day.plan());
    let items = plan.preflight.iter().zip(day.items());
    let questions = plan.review.questions.iter().zip(day.answers());
    GameDayView {
        line: line_of(keeper, &seen),
        goal: plan.goal.clone(),
        seed: plan.seed.0,
        approvals_needed: plan.approvals.count,
        approvals: day
            .approvals()
            .iter()
            .map(|approval| Approval {
                who: approval.who.clone(),
                in_stead_of: approval.in_stead_of.clone(),
                at: approval.at,
            })
            .collect(),
        preflight: items
            .map(|(item, state)| PreflightLine {
                item: item.id.clone(),
                what: item.text.clone(),
                state: item_word(state).to_owned(),
                why: item_why(state),
                ask: !item.is_automatic() || matches!(state, ItemState::Unknown { .. }),
            })
            .collect(),
        runs: runs(plan, Some(day)),
        findings: day.findings().iter().map(finding).collect(),
        review: questions
            .map(|(question, answer)| ReviewLine {
                question: question.clone(),
                answers: answer
                    .iter()
                    .map(|answer| NoteLine {
                        at: answer.at,
                        who: answer.who.clone(),
                        text: answer.answer.clone(),
                    })
                    .collect(),
            })
            .collect(),
        notes: day
            .notes()
            .iter()
            .map(|note| NoteLine { at: note.at, who: note.who.clone(), text: note.text.clone() })
            .collect(),
        may: if seen.closed { Vec::new() } else { may(day, now) },
        not_acted_on: plan.not_acted_on.clone(),
        files: keeper.planned.files.iter().map(|file| file.path.clone()).collect(),
        head: seen.head.clone(),
        stopped: day
            .stopped()
            .map(|stopped| StoppedBy { who: stopped.who.clone(), reason: stopped.reason.clone() }),
    }
}

/// What can be asked of it as it stands.
fn may(day: &Day, now: Timestamp) -> Vec<String> {
    // Somebody who has not said anything yet, for a reason that says something.
    let (who, reason) = ("\u{2026}".to_owned(), "\u{2026}".to_owned());
    let events = [
        ("approve", DayEvent::Approved { who: who.clone(), in_stead_of: None }),
        ("start", DayEvent::StartRequested { who: who.clone() }),
        ("pause", DayEvent::PauseRequested { who: who.clone(), reason: reason.clone() }),
        ("resume", DayEvent::ResumeRequested { who: who.clone() }),
        ("stop", DayEvent::StopRequested { who: who.clone(), reason }),
        ("close", DayEvent::CloseRequested { who }),
    ];
    events
        .into_iter()
        .filter(|(_, event)| day.may(now, event).is_ok())
        .map(|(verb, _)| verb.to_owned())
        .collect()
}

/// The runs of a plan, with what became of them where that is known.
pub(super) fn runs(plan: &DayPlan, day: Option<&Day>) -> Vec<RunLine> {
    let rows = day.map(|day| Summary::of(day, &Default::default()).rows).unwrap_or_default();
    plan.runs
        .iter()
        .map(|run| {
            let (scenario, control, ask) = match &run.what {
                RunWhat::Drill { scenario, control, .. } => {
                    let control = control.as_ref().and_then(|control| serde_json::to_value(control).ok());
                    let control = control.and_then(|word| word.as_str().map(str::to_owned));
                    (Some(scenario.clone()), control, None)
                }
                RunWhat::Ask { text } => (None, None, Some(text.clone())),
            };
            let row = rows.iter().find(|row| row.run == run.number);
            RunLine {
                run: run.number,
                scenario,
                control,
                ask,
                gap_secs: run.gap.duration().as_secs_f64(),
                state: row.map_or("pending", |row: &Row| &row.state).to_owned(),
                drill: row.and_then(|row| row.drill.clone()),
                answer: row.and_then(|row| row.answer.clone()),
                exit: row.and_then(|row| row.exit),
                words: row.and_then(|row| row.words.clone()).map(words),
            }
        })
        .collect()
}

/// The verdicts of a drill.
pub(super) fn words(words: DrillWords) -> Words {
    Words {
        effect: words.effect,
        impact: words.impact,
        hypothesis: words.hypothesis,
        alarms: words.alarms.into_iter().collect(),
        playbook: words.playbook,
        restored_by: words.restored_by,
        contained: words.contained,
        clean: words.clean,
        drill: if words.valid { "valid" } else { "invalid" }.to_owned(),
    }
}

fn finding(finding: &Finding) -> FindingLine {
    FindingLine {
        title: finding.title.clone(),
        kind: finding.kind.word().to_owned(),
        owner: finding.owner.clone(),
        due: finding.due.map(|due| due.to_string()),
        who: finding.who.clone(),
        run: finding.run,
    }
}

const fn item_word(state: &ItemState) -> &'static str {
    match state {
        ItemState::Open {} => "pending",
        ItemState::Passed {} | ItemState::Answered { ok: true, .. } => "passed",
        ItemState::Failed { .. } | ItemState::Answered { ok: false, .. } => "failed",
        ItemState::Unknown { .. } => "unknown",
        ItemState::Waived { .. } => "waived",
    }
}

fn item_why(state: &ItemState) -> Option<String> {
    match state {
        ItemState::Open {} | ItemState::Passed {} => None,
        ItemState::Failed { why } | ItemState::Unknown { why } => Some(why.clone()),
        ItemState::Answered { who, note, .. } => Some(match note {
            Some(note) => format!("{who}: {note}"),
            None => who.clone(),
        }),
        ItemState::Waived { who, reason } => Some(format!("{who}: {reason}")),
    }
}
