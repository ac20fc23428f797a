//! From journal lines, one after the other, to a timeline. What is kept is bounded by what is shown.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::planned::{bar, curve};
use super::thin::{POINTS_MAX, thin};
use super::{AlarmLine, Bar, Mark, MarkKind, Point, Span, StepLine, Timeline, Unit, phase_name};
use crate::drill::alarm::{Alarm, AlarmKind};
use crate::drill::event::{Event, Judgement, Record, Sample};
use crate::drill::journal::RawLine;
use crate::drill::words;
use crate::playbook::event::StepResult;
use crate::playbook::plan::Playbook;
use crate::report::{ReportError, read};
use crate::scenario::plan::{Plan, Probe, ProbeAction};
use crate::score::Scorecard;

/// Points are thinned whenever there are this many, so that memory does not grow with the drill.
const HELD_MAX: usize = 4 * POINTS_MAX;
/// How many alarms, steps and marks a timeline holds at most; what is left out is said by the scorecard.
const LINES_MAX: usize = 2_000;

/// A timeline as it grows.
#[derive(Debug)]
pub(in crate::report) struct Builder {
    timeline: Timeline,
    playbook: Option<Playbook>,
    /// The curves that answers to the load count for.
    takes_load: Vec<bool>,
    /// The alarm that fires by its key.
    firing: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
struct Sampled {
    probe: String,
    sample: Sample,
}

#[derive(Deserialize)]
struct Answered {
    samples: Vec<Sample>,
}

impl Builder {
    pub(in crate::report) fn new(plan: &Plan, playbook: Option<&Playbook>) -> Self {
        let probes = &plan.steady_state.probes;
        let takes_load = |probe: &Probe| match (&probe.action, &plan.load) {
            (ProbeAction::Http(http), Some(load)) => http.url == load.request.url,
            _ => false,
        };
        let timeline = Timeline {
            curves: probes.iter().map(curve).collect(),
            bars: plan.faults.iter().map(bar).collect(),
            ..Timeline::default()
        };
        Self {
            timeline,
            playbook: playbook.cloned(),
            takes_load: probes.iter().map(takes_load).collect(),
            firing: BTreeMap::new(),
        }
    }

    /// Takes in a line that was read as an event already.
    pub(in crate::report) fn take_event(&mut self, line: &RawLine<'_>, event: &Event) {
        let at = self.reach(line);
        match event {
            Event::ProbeSampled { probe, sample } => self.sampled(probe, sample, line.seq),
            Event::LoadAnswered { samples } => self.answered(samples, line.seq),
            Event::FaultMeasured { .. } | Event::TimePassed {} | Event::MonitorAsked { .. } => {}
            _ => self.event(at, event, line.seq),
        }
    }

    /// Takes in any line.
    pub(in crate::report) fn take(&mut self, line: &RawLine<'_>) -> Result<(), ReportError> {
        let at = self.reach(line);
        // The two kinds that make up almost all of a journal are read without a look at the others.
        match line.kind.as_ref() {
            "probe.sampled" => {
                let Sampled { probe, sample } = read(line)?;
                self.sampled(&probe, &sample, line.seq);
            }
            "load.answered" => {
                let Answered { samples } = read(line)?;
                self.answered(&samples, line.seq);
            }
            "fault.measured" | "time.passed" | "monitor.asked" => {}
            _ => self.other(at, line),
        }
        Ok(())
    }

    fn other(&mut self, at: Duration, line: &RawLine<'_>) {
        let Ok(data) = serde_json::from_str::<serde_json::Value>(line.data.get()) else { return };
        let whole = serde_json::json!({"kind": line.kind, "data": data});
        if line.kind == "step.run" {
            self.ordered(at, &data, line.seq);
        } else if let Ok(record) = Record::deserialize(&whole) {
            self.record(at, record, line.seq);
        } else if let Ok(event) = Event::deserialize(&whole) {
            self.event(at, &event, line.seq);
        }
    }

    fn reach(&mut self, line: &RawLine<'_>) -> Duration {
        let at = Duration::from_nanos(line.mono_ns);
        self.timeline.length = self.timeline.length.max(at);
        at
    }

    fn sampled(&mut self, probe: &str, sample: &Sample, line: u64) {
        let Some(curve) = self.timeline.curves.iter_mut().find(|curve| curve.probe == probe) else { return };
        let value = match curve.unit {
            Unit::Milliseconds => Some(sample.took.as_secs_f64() * 1e3),
            Unit::Number => sample.value,
        };
        curve.samples += 1;
        let Some(value) = value else { return };
        let failures = u32::from(sample.failure.is_some());
        hold(&mut curve.points, Point { at: sample.began, value, failures, line });
    }

    fn answered(&mut self, samples: &[Sample], line: u64) {
        for (curve, takes) in self.timeline.curves.iter_mut().zip(&self.takes_load) {
            if !takes {
                continue;
            }
            curve.answers += samples.len() as u64;
            // One line of the journal gathers some tens of milliseconds; its slowest answer stands for it.
            let Some(slowest) = samples.iter().max_by_key(|sample| sample.took) else { continue };
            let failures = samples.iter().filter(|sample| sample.failure.is_some()).count();
            let value = slowest.took.as_secs_f64() * 1e3;
            let failures = u32::try_from(failures).unwrap_or(u32::MAX);
            hold(&mut curve.load, Point { at: slowest.began, value, failures, line });
        }
    }

    fn record(&mut self, at: Duration, record: Record, line: u64) {
        let text = words::of_record(&record).text;
        match record {
            Record::PhaseEntered { phase } => {
                self.end_last_phase(at);
                let (from, to) = (at, at);
                self.timeline.phases.push(Span { name: phase_name(phase), from, to, line: Some(line) });
            }
            Record::ProbeJudged { probe, judgement } => self.judged(at, &probe, &judgement, line),
            Record::FaultEffective { fault } => {
                if let Some(bar) = self.bar(&fault) {
                    bar.effective = Some(at);
                    bar.lines.push(line);
                }
            }
            Record::ImpactSeen { .. } => self.mark(at, MarkKind::Impact, text, line),
            Record::Withstood {} => self.mark(at, MarkKind::Withstood, text, line),
            Record::Recovered { since, .. } => self.mark(since, MarkKind::Recovered, text, line),
            Record::Stopping { .. } => self.mark(at, MarkKind::Stop, text, line),
            Record::PlaybookStarted { .. } | Record::PlaybookEnded { .. } => {
                self.mark(at, MarkKind::Playbook, text, line);
            }
            Record::StepEntered { step } => self.entered(at, &step, false, line),
            Record::StepFinished { step, result } => {
                let (outcome, why) = (result.word().to_owned(), why(&result));
                self.over(at, &step, false, (outcome, why), line);
            }
            Record::PlaybookUndoing { .. } => {}
            Record::StepUndone { step, failed } => {
                let outcome = if failed.is_some() { "failed" } else { "ok" };
                self.over(at, &step, true, (outcome.to_owned(), failed.unwrap_or_default()), line);
            }
        }
    }

    fn event(&mut self, at: Duration, event: &Event, line: u64) {
        let text = words::of_event(event).text;
        match event {
            Event::FaultApplied { fault, .. } => {
                if let Some(bar) = self.bar(fault) {
                    bar.applied = Some(at);
                    bar.lines.push(line);
                }
            }
            Event::FaultRemoved { fault, .. } => {
                if let Some(bar) = self.bar(fault) {
                    bar.removed = Some(at);
                    bar.lines.push(line);
                }
            }
            Event::FaultChanged { .. } => self.mark(at, MarkKind::Change, text, line),
            Event::NoteWritten { .. } => self.mark(at, MarkKind::Note, text, line),
            Event::ActionTaken { .. } => self.mark(at, MarkKind::Action, text, line),
            Event::CoordinatorRestarted {} => self.mark(at, MarkKind::Note, text, line),
            Event::CommandFinished { .. } => self.mark(at, MarkKind::Command, text, line),
            Event::AlarmReceived { alarm } => self.alarm(at, alarm, line),
            Event::PreflightFinished { .. }
            | Event::ProbeSampled { .. }
            | Event::LoadAnswered { .. }
            | Event::FaultRefused { .. }
            | Event::FaultMeasured { .. }
            | Event::FaultStuck { .. }
            | Event::FaultLost { .. }
            | Event::VerifyFinished { .. }
            | Event::HaltRequested { .. }
            | Event::MonitorAsked { .. }
            | Event::PlaybookRequested { .. }
            | Event::StepAnswered { .. }
            | Event::StepAttempted { .. }
            | Event::StepVerified { .. }
            | Event::TimePassed {} => {}
        }
    }

    fn bar(&mut self, fault: &str) -> Option<&mut Bar> {
        self.timeline.bars.iter_mut().find(|bar| bar.fault == fault)
    }

    fn mark(&mut self, at: Duration, kind: MarkKind, text: String, line: u64) {
        if self.timeline.marks.len() < LINES_MAX {
            self.timeline.marks.push(Mark { at, kind, text, line });
        }
    }

    fn judged(&mut self, at: Duration, probe: &str, judgement: &Judgement, line: u64) {
        let Some(curve) = self.timeline.curves.iter_mut().find(|curve| curve.probe == probe) else { return };
        if let Some(open) = curve.violations.last_mut().filter(|open| open.to == Duration::MAX) {
            open.to = at;
        }
        if let Judgement::Violated { why } = judgement
            && curve.violations.len() < LINES_MAX
        {
            let (from, to) = (at, Duration::MAX);
            curve.violations.push(Span { name: why.clone(), from, to, line: Some(line) });
        }
    }

    fn alarm(&mut self, at: Duration, alarm: &Alarm, line: u64) {
        let (open, next) = (self.firing.get(&alarm.key).copied(), self.timeline.alarms.len());
        let known = open.and_then(|n| self.timeline.alarms.get_mut(n));
        match (alarm.kind, known) {
            (AlarmKind::Fired, Some(open)) => open.repeats += 1,
            (AlarmKind::Acknowledged, Some(open)) => {
                open.acknowledged.get_or_insert(at);
                open.lines.push(line);
            }
            (AlarmKind::Resolved, Some(open)) => {
                open.resolved = Some(at);
                open.lines.push(line);
                self.firing.remove(&alarm.key);
            }
            (AlarmKind::Resolved | AlarmKind::Acknowledged, None) => {}
            (AlarmKind::Fired | AlarmKind::Blind, _) if next >= LINES_MAX => {}
            (AlarmKind::Fired | AlarmKind::Blind, _) => {
                let is_blind = alarm.kind == AlarmKind::Blind;
                if !is_blind {
                    self.firing.insert(alarm.key.clone(), next);
                }
                let labels = alarm.labels.iter().filter(|(name, _)| *name != "alertname");
                let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
                self.timeline.alarms.push(AlarmLine {
                    name: alarm.name().to_owned(),
                    labels: labels.join(" "),
                    fired: at,
                    acknowledged: None,
                    resolved: None,
                    repeats: 0,
                    is_blind,
                    lines: vec![line],
                });
            }
        }
    }

    fn entered(&mut self, at: Duration, step: &str, is_undo: bool, line: u64) {
        if self.timeline.steps.len() >= LINES_MAX {
            return;
        }
        let planned = self.playbook.as_ref();
        let planned = planned.and_then(|book| book.steps.iter().find(|planned| planned.id == step));
        self.timeline.steps.push(StepLine {
            step: step.to_owned(),
            title: planned.and_then(|step| step.title.clone()).unwrap_or_else(|| step.to_owned()),
            kind: planned.map_or("", |step| step.action.kind()).to_owned(),
            mutates: planned.is_some_and(|step| step.mutates),
            entered: at,
            finished: None,
            outcome: String::new(),
            why: String::new(),
            is_undo,
            lines: vec![line],
        });
    }

    /// A way back begins with its first attempt; a step began when it was entered.
    fn ordered(&mut self, at: Duration, job: &serde_json::Value, line: u64) {
        let (step, undo) =
            (job["step"].as_str().unwrap_or_default(), job["undo"].as_bool().unwrap_or_default());
        if undo && job["attempt"] == 1 {
            self.entered(at, step, true, line);
        }
    }

    fn over(&mut self, at: Duration, step: &str, is_undo: bool, how: (String, String), line: u64) {
        let is_open =
            |open: &StepLine| open.step == step && open.is_undo == is_undo && open.finished.is_none();
        if !self.timeline.steps.iter().any(is_open) {
            self.entered(at, step, is_undo, line);
        }
        if let Some(open) = self.timeline.steps.iter_mut().rev().find(|open| is_open(open)) {
            open.finished = Some(at);
            (open.outcome, open.why) = how;
            open.lines.push(line);
        }
    }

    fn end_last_phase(&mut self, at: Duration) {
        if let Some(last) = self.timeline.phases.last_mut() {
            last.to = at;
        }
    }

    pub(in crate::report) fn finish(self, card: &Scorecard) -> Timeline {
        Timeline { recovery: recovery(card), ..ended(self.timeline, POINTS_MAX) }
    }

    /// As far as it has come, with at most so many points for each curve.
    pub(in crate::report) fn so_far(&self, points_max: usize) -> Timeline {
        ended(self.timeline.clone(), points_max)
    }
}

/// What is still open lasts to the end, and what is too fine for the picture is thinned.
fn ended(mut timeline: Timeline, points_max: usize) -> Timeline {
    let end = timeline.length;
    if let Some(last) = timeline.phases.last_mut() {
        last.to = end;
    }
    for curve in &mut timeline.curves {
        for points in [&mut curve.points, &mut curve.load] {
            points.sort_by_key(|point| point.at);
            *points = thin(std::mem::take(points), points_max);
        }
        for open in curve.violations.iter_mut().filter(|open| open.to == Duration::MAX) {
            open.to = end;
        }
    }
    timeline
}

/// Keeps a point; when there are too many, they are thinned first.
fn hold(points: &mut Vec<Point>, point: Point) {
    if points.len() >= HELD_MAX {
        *points = thin(std::mem::take(points), HELD_MAX / 2);
    }
    points.push(point);
}

fn why(result: &StepResult) -> String {
    match result {
        StepResult::Ok { .. } => String::new(),
        StepResult::Failed { why }
        | StepResult::NotVerified { why }
        | StepResult::TimedOut { why }
        | StepResult::Skipped { why } => why.clone(),
    }
}

/// The phases of recovery, one after the other.
fn recovery(card: &Scorecard) -> Vec<Span> {
    let Some(impact) = card.summary.times.impact else { return Vec::new() };
    let recovered = card.summary.times.recovered.filter(|recovered| *recovered >= impact);
    let by_playbook =
        card.playbook.as_ref().map(|playbook| playbook.recovery).filter(|way| way.act.is_some());
    let mut phases = match (by_playbook, card.phases.noticing) {
        (Some(way), _) => {
            vec![("detect", way.detect), ("start", way.start), ("act", way.act), ("verify", way.verify)]
        }
        (None, Some(noticing)) => vec![("noticing", Some(noticing)), ("restoring", card.phases.restoring)],
        // Nobody noticed, or nobody had to: all of it is one stretch.
        (None, None) => vec![("restoring", recovered.map(|recovered| recovered - impact))],
    };
    phases.push(("resetting", card.phases.resetting));
    let mut spans = Vec::new();
    let mut from = impact;
    for (name, took) in phases {
        if let Some(took) = took {
            spans.push(Span { name: name.to_owned(), from, to: from + took, line: None });
            from += took;
        }
    }
    spans
}
