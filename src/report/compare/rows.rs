//! What is compared: verdicts, alarms, times, the playbook, faults and the conditions.

use std::time::Duration;

use super::{Row, Section, names};
use crate::report::Report;
use crate::report::story::{Story, Tone, span};
use crate::score::{ExpectationScore, Outcome, StepScore};

/// Differences below this are noise of every run.
const SAME_WITHIN: f64 = 0.05;

fn section(title: &str, rows: Vec<Row>) -> Section {
    Section { title: title.to_owned(), rows }
}

pub(super) fn verdicts((before, one): (&Report, &Story), (after, other): (&Report, &Story)) -> Section {
    let headline = |story: &Story| Some((story.headline.words.clone(), Some(story.headline.tone)));
    let exit = |report: &Report| {
        let exit = report.card.summary.exit;
        Some((exit.to_string(), Some(if exit == 0 { Tone::Good } else { Tone::Bad })))
    };
    let mut rows = vec![
        Row::words("headline", headline(one), headline(other)),
        Row::words("exit status", exit(before), exit(after)),
    ];
    let keys = |story: &Story| story.verdicts.iter().map(|verdict| verdict.key.clone()).collect::<Vec<_>>();
    let (keys_before, keys_after) = (keys(one), keys(other));
    for key in names(keys_before.iter().map(String::as_str), keys_after.iter().map(String::as_str)) {
        let found = |story: &'_ Story| {
            let verdict = story.verdicts.iter().find(|verdict| verdict.key == key)?;
            Some((verdict.about.clone(), (verdict.word.clone(), Some(verdict.tone))))
        };
        let (was, is) = (found(one), found(other));
        let about = is.as_ref().or(was.as_ref()).map(|it| it.0.clone()).unwrap_or_default();
        rows.push(Row::words(about, was.map(|it| it.1), is.map(|it| it.1)));
    }
    section("Verdicts", rows)
}

pub(super) fn alarms(before: &Report, after: &Report) -> Section {
    let of = |report: &'_ Report, id: &str| -> Option<ExpectationScore> {
        report.card.alarms.expectations.iter().find(|one| one.id == id).cloned()
    };
    let ids = |report: &Report| -> Vec<String> {
        report.card.alarms.expectations.iter().map(|one| one.id.clone()).collect()
    };
    let (ids_before, ids_after) = (ids(before), ids(after));
    let mut rows = Vec::new();
    for id in names(ids_before.iter().map(String::as_str), ids_after.iter().map(String::as_str)) {
        let (was, is) = (of(before, id), of(after, id));
        let outcome = |score: &ExpectationScore| (score.outcome.word().to_owned(), Some(tone(score.outcome)));
        rows.push(Row::words(id, was.as_ref().map(outcome), is.as_ref().map(outcome)));
        let noticed = |score: Option<&ExpectationScore>| score.and_then(|it| it.detection.or(it.from_effect));
        rows.extend(time(format!("{id}: noticed after"), noticed(was.as_ref()), noticed(is.as_ref())));
        let over = |score: Option<&ExpectationScore>| score.and_then(|it| it.reset.and_then(|it| it.took));
        rows.extend(time(format!("{id}: over after"), over(was.as_ref()), over(is.as_ref())));
    }
    let others = |report: &Report| Some(report.card.alarms.others.len().to_string());
    rows.push(Row::plain("alarms that nobody expected", others(before), others(after)));
    section("Alarms", rows)
}

const fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Hit | Outcome::CorrectSilence => Tone::Good,
        Outcome::Miss => Tone::Bad,
        Outcome::Late | Outcome::Invalid => Tone::Doubtful,
        Outcome::PreFiring | Outcome::Censored | Outcome::NotDue => Tone::Neutral,
    }
}

pub(super) fn times(before: &Report, after: &Report) -> Section {
    let between = |from: Option<Duration>, to: Option<Duration>| to?.checked_sub(from?);
    type Pick = fn(&Report) -> Option<Duration>;
    let phases: [(&str, Pick); 7] = [
        ("noticing", |report| report.card.phases.noticing),
        ("restoring", |report| report.card.phases.restoring),
        ("resetting", |report| report.card.phases.resetting),
        ("playbook: from detection to its start", |report| report.card.playbook.as_ref()?.recovery.start),
        ("playbook: acting", |report| report.card.playbook.as_ref()?.recovery.act),
        ("playbook: verifying", |report| report.card.playbook.as_ref()?.recovery.verify),
        ("the whole drill", |report| Some(report.timeline.length)),
    ];
    let (one, other) = (before.card.summary.times, after.card.summary.times);
    let own = [
        (
            "from fault to effect",
            between(one.applied, one.effective),
            between(other.applied, other.effective),
        ),
        ("from effect to impact", between(one.effective, one.impact), between(other.effective, other.impact)),
        (
            "from impact to recovery",
            between(one.impact, one.recovered),
            between(other.impact, other.recovered),
        ),
    ];
    let mut rows: Vec<Row> =
        own.into_iter().filter_map(|(what, was, is)| time(what.to_owned(), was, is)).collect();
    rows.extend(phases.into_iter().filter_map(|(what, of)| time(what.to_owned(), of(before), of(after))));
    // How long the faults lasted and how soon they bit is no merit and no blame.
    for row in rows.iter_mut().filter(|row| row.what.contains("effect") || row.what == "the whole drill") {
        row.tone = Tone::Neutral;
    }
    section("Times", rows)
}

/// A time, of which less is better.
fn time(what: String, before: Option<Duration>, after: Option<Duration>) -> Option<Row> {
    if before.is_none() && after.is_none() {
        return None;
    }
    let mut row = Row::plain(what, before.map(span), after.map(span));
    if let (Some(before), Some(after)) = (before, after) {
        let longer = after.as_secs_f64() - before.as_secs_f64();
        row.longer_seconds = Some((longer * 1e3).round() / 1e3);
        row.changed = longer.abs() >= SAME_WITHIN;
        row.tone = match row.changed {
            true if longer < 0.0 => Tone::Good,
            true => Tone::Bad,
            false => Tone::Neutral,
        };
    }
    Some(row)
}

pub(super) fn playbook(before: &Report, after: &Report) -> Section {
    let steps = |report: &Report| -> Vec<StepScore> {
        report.card.playbook.as_ref().map(|playbook| playbook.steps.clone()).unwrap_or_default()
    };
    let (was, is) = (steps(before), steps(after));
    let mut rows = Vec::new();
    let name = |report: &Report| report.playbook.as_ref().map(|playbook| playbook.name.clone());
    if name(before).is_some() || name(after).is_some() {
        rows.push(Row::plain("playbook", name(before), name(after)));
        let started = |report: &Report| report.card.playbook.as_ref().and_then(|it| it.time_to_start);
        rows.extend(time("from impact to its start".to_owned(), started(before), started(after)));
    }
    let ids = |steps: &'_ [StepScore]| steps.iter().map(|step| step.id.clone()).collect::<Vec<_>>();
    let (ids_before, ids_after) = (ids(&was), ids(&is));
    for id in names(ids_before.iter().map(String::as_str), ids_after.iter().map(String::as_str)) {
        let last = |steps: &[StepScore]| steps.iter().rev().find(|step| step.id == id).cloned();
        let (was, is) = (last(&was), last(&is));
        let word = |step: &StepScore| step.outcome.word().to_owned();
        rows.push(Row::plain(format!("step {id}"), was.as_ref().map(word), is.as_ref().map(word)));
        rows.extend(time(format!("step {id}: took"), was.map(|it| it.took), is.map(|it| it.took)));
    }
    section("Playbook", rows)
}

pub(super) fn faults(before: &Report, after: &Report) -> Section {
    let bars = |report: &'_ Report| report.timeline.bars.clone();
    let (was, is) = (bars(before), bars(after));
    let mut rows = Vec::new();
    for id in names(was.iter().map(|it| it.fault.as_str()), is.iter().map(|it| it.fault.as_str())) {
        let of = |report: &Report| {
            let bar = report.timeline.bars.iter().find(|bar| bar.fault == id)?;
            Some(format!("{} {} on {}", bar.kind, bar.words, bar.target))
        };
        rows.push(Row::plain(id, of(before), of(after)));
        let done = |report: &Report| {
            let fault = report.card.summary.faults.iter().find(|fault| fault.id == id)?;
            Some(format!("{} of {}", fault.evidence.faulted, fault.evidence.matched))
        };
        let mut measured = Row::plain(format!("{id}: acted on"), done(before), done(after));
        // Counts differ from run to run; only a fault that acted in one drill alone is news.
        let acted = |words: &Option<String>| words.as_ref().is_some_and(|words| !words.starts_with("0 "));
        measured.changed = acted(&measured.before) != acted(&measured.after);
        rows.push(measured);
    }
    section("Faults", rows)
}

pub(super) fn conditions(before: &Report, after: &Report) -> Section {
    type Pick = fn(&Report) -> Option<String>;
    let picks: [(&str, Pick); 4] = [
        ("scenario", |report| Some(report.plan.scenario.clone())),
        ("environment", |report| report.plan.environment.clone()),
        ("seed", |report| Some(report.plan.seed.0.to_string())),
        ("firedrill", |report| Some(report.firedrill.clone())),
    ];
    let rows = picks.into_iter().map(|(what, of)| Row::plain(what, of(before), of(after)));
    section("Conditions", rows.filter(|row| row.before.is_some() || row.after.is_some()).collect())
}
