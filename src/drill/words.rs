//! Every kind of event, command and record in plain words: one place, for the live view, for status, for reports.

use std::fmt::Write as _;
use std::time::Duration;

use super::alarm::{Alarm, AlarmKind};
use super::event::{Command, Event, Judgement, Record, RemoveReason, Sample, StopReason};
use super::step_words::{answered, attempted, ended, finished};
use crate::fault::Evidence;

/// A line for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// One line without control characters.
    pub text: String,
    /// How it should look.
    pub tone: Tone,
    /// Whether it is worth a line where space and attention are short.
    pub noteworthy: bool,
}

/// How a line should look; the words alone must carry the meaning too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As any text.
    Plain,
    /// What one hopes for.
    Good,
    /// Something changed under test, on purpose.
    Notice,
    /// What one must look at.
    Bad,
}

impl Said {
    pub(super) fn new(tone: Tone, text: impl AsRef<str>) -> Self {
        Self { text: one_line(text.as_ref()), tone, noteworthy: true }
    }

    /// Says more at the end.
    pub(super) fn add(&mut self, more: &str) {
        self.text = one_line(&format!("{}{more}", self.text));
    }

    pub(super) fn detail(text: impl AsRef<str>) -> Self {
        Self { text: one_line(text.as_ref()), tone: Tone::Plain, noteworthy: false }
    }
}

/// The words for what happened.
pub fn of_event(event: &Event) -> Said {
    match event {
        Event::PreflightFinished { refusals, warnings } => preflight(refusals, warnings),
        Event::ProbeSampled { probe, sample } => {
            Said::detail(format!("probe {probe} measured {}", sampled(sample)))
        }
        Event::LoadAnswered { samples } => {
            let failures = samples.iter().filter(|sample| sample.failure.is_some()).count();
            Said::detail(format!("load: {} answered, {failures} failed", samples.len()))
        }
        Event::FaultApplied { fault, detail } => {
            Said::new(Tone::Notice, format!("fault {fault} applied{}", on(detail)))
        }
        Event::FaultRefused { fault, why } => {
            Said::new(Tone::Bad, format!("fault {fault} could not be applied: {why}"))
        }
        Event::FaultMeasured { fault, evidence } => {
            Said::detail(format!("fault {fault}: {}", measured(evidence)))
        }
        Event::FaultChanged { fault, who, change } => {
            Said::new(Tone::Notice, format!("fault {fault} changed by {who}: {change}"))
        }
        Event::FaultRemoved { fault, evidence, residue } if residue.is_empty() => Said::new(
            Tone::Good,
            format!("fault {fault} removed, nothing left behind ({})", measured(evidence)),
        ),
        Event::FaultRemoved { fault, residue, evidence: _ } => {
            Said::new(Tone::Bad, format!("fault {fault} removed, but left behind: {}", residue.join("; ")))
        }
        Event::FaultStuck { fault, why } => Said::new(
            Tone::Bad,
            format!("fault {fault} could not be removed; the take-down at the end tries once more: {why}"),
        ),
        Event::FaultLost { fault, why } => {
            Said::new(Tone::Bad, format!("fault {fault} ended without the drill's doing: {why}"))
        }
        Event::CommandFinished { status, detail } => {
            let tone = if *status == Some(0) { Tone::Good } else { Tone::Bad };
            Said::new(tone, format!("command ended: {detail}"))
        }
        Event::VerifyFinished { residue } if residue.is_empty() => {
            Said::new(Tone::Good, "verified: nothing was left behind")
        }
        Event::VerifyFinished { residue } => {
            Said::new(Tone::Bad, format!("left behind: {}", residue.join("; ")))
        }
        Event::HaltRequested { who, reason } => {
            let colon = if reason.is_empty() { "" } else { ": " };
            Said::new(Tone::Bad, format!("halt by {who}{colon}{reason}"))
        }
        Event::CoordinatorRestarted {} => {
            Said::new(Tone::Bad, "the coordinator was restarted, the drill ends")
        }
        Event::NoteWritten { who, text } => Said::new(Tone::Plain, format!("note by {who}: {text}")),
        Event::AlarmReceived { alarm } => alarm_said(alarm),
        Event::MonitorAsked { expectation, cause, evidence } => {
            Said::new(Tone::Plain, format!("alarm {expectation} has not come: {} ({evidence})", cause.word()))
        }
        Event::ActionTaken { who, text } => {
            Said::new(Tone::Notice, format!("{who} did what no step says: {text}"))
        }
        Event::PlaybookRequested { who } => Said::detail(format!("{who} starts the playbook")),
        Event::StepAnswered { step, who, role, answer } => answered(step, who, role.as_deref(), answer),
        Event::StepAttempted { step, attempt, undo, outcome } => attempted(step, *attempt, *undo, outcome),
        Event::StepVerified { step } => {
            Said::detail(format!("step {step}: the probe that verifies it is good"))
        }
        Event::TimePassed {} => Said::detail("time passed"),
    }
}

fn alarm_said(alarm: &Alarm) -> Said {
    let (tone, verb) = match alarm.kind {
        AlarmKind::Fired if alarm.repeat => return Said::detail(format!("alarm {} repeated", alarm.name())),
        AlarmKind::Fired => (Tone::Notice, "fires"),
        AlarmKind::Resolved => (Tone::Good, "is resolved"),
        AlarmKind::Acknowledged => (Tone::Plain, "was acknowledged"),
        AlarmKind::Blind => (Tone::Bad, "says that monitoring is blind"),
    };
    let to = alarm.receiver.as_ref().map_or(String::new(), |receiver| format!(" to {receiver}"));
    Said::new(tone, format!("alarm {} {verb}{to} ({})", alarm.name(), alarm.source))
}

/// The words for what the drill decided.
pub fn of_command(command: &Command) -> Said {
    match command {
        Command::Preflight {} => Said::detail("preflight starts"),
        Command::StartProbes {} => Said::detail("probes and load start"),
        Command::Apply { fault } => Said::detail(format!("fault {fault} is being applied")),
        Command::Remove { fault, reason } => {
            Said::detail(format!("fault {fault} is being removed: {}", remove_reason(*reason)))
        }
        Command::StartCommand {} => Said::new(Tone::Plain, "command under test starts"),
        Command::StopCommand {} => Said::new(Tone::Plain, "command under test is being ended"),
        Command::WakeAt { at } => Said::detail(format!("the drill looks again at +{}", short(*at))),
        Command::RunStep(job) if job.undo => {
            Said::detail(format!("taking step {} back, attempt {}", job.step, job.attempt))
        }
        Command::RunStep(job) if job.attempt == 1 => {
            Said::new(Tone::Plain, format!("step {} begins ({})", job.step, job.action.kind()))
        }
        Command::RunStep(job) => Said::detail(format!("step {}, attempt {} begins", job.step, job.attempt)),
        Command::VerifyStep { step, probe } => {
            Said::detail(format!("step {step}: done; waits for probe {} to be good", probe.name))
        }
        Command::StopStep { step } => Said::detail(format!("step {step}: what still runs for it is ended")),
        Command::Record(record) => of_record(record),
        Command::Verify {} => Said::detail("everything is being taken down, and residue looked for"),
        Command::Close {} => Said::detail("the drill closes"),
    }
}

/// The words for what the drill concluded.
pub fn of_record(record: &Record) -> Said {
    match record {
        Record::PhaseEntered { phase } => Said::new(Tone::Plain, format!("phase: {}", phase.word())),
        Record::ProbeJudged { probe, judgement: Judgement::Good {} } => {
            Said::new(Tone::Good, format!("probe {probe} good"))
        }
        Record::ProbeJudged { probe, judgement: Judgement::Violated { why } } => {
            Said::new(Tone::Bad, format!("probe {probe} violated: {why}"))
        }
        Record::ProbeJudged { probe, judgement: Judgement::Unknown { why } } => {
            Said::new(Tone::Plain, format!("probe {probe} unknown: {why}"))
        }
        Record::FaultEffective { fault } => {
            Said::new(Tone::Notice, format!("fault {fault} effective: its effect was measured"))
        }
        Record::ImpactSeen { probe } => Said::new(Tone::Bad, format!("impact: probe {probe} is violated")),
        Record::Withstood {} => {
            Said::new(Tone::Good, "withstood: the fault has its effect and no impact came")
        }
        Record::Recovered { since, fault_on: true } => {
            Said::new(Tone::Good, format!("recovered since +{}, while a fault was on", short(*since)))
        }
        Record::Recovered { since, fault_on: false } => {
            Said::new(Tone::Good, format!("recovered since +{}, after every fault was gone", short(*since)))
        }
        Record::PlaybookStarted { by } => {
            Said::new(Tone::Notice, format!("playbook started by {}", by.words()))
        }
        Record::StepEntered { step } => Said::detail(format!("step {step} is entered")),
        Record::StepFinished { step, result } => finished(step, result),
        Record::PlaybookEnded { ending } => ended(ending),
        Record::PlaybookUndoing { steps } => {
            Said::new(Tone::Plain, format!("taking back what the playbook changed: {}", steps.join(", ")))
        }
        Record::StepUndone { step, failed: None } => Said::new(Tone::Good, format!("step {step} taken back")),
        Record::StepUndone { step, failed: Some(why) } => {
            Said::new(Tone::Bad, format!("step {step} could not be taken back: {why}"))
        }
        Record::Stopping { reason } => {
            Said::new(Tone::Bad, format!("the drill stops early: {}", stop_reason(reason)))
        }
    }
}

/// Why a fault is removed, in words.
pub const fn remove_reason(reason: RemoveReason) -> &'static str {
    match reason {
        RemoveReason::Until => "its time is over",
        RemoveReason::Max => "its `max` has come",
        RemoveReason::Recovered => "the service recovered",
        RemoveReason::CommandFinished => "the command ended",
        RemoveReason::Stopping => "the drill stops",
    }
}

/// Why a drill stops early, in words.
pub fn stop_reason(reason: &StopReason) -> String {
    match reason {
        StopReason::Refused { why } => format!("refused: {}", why.join("; ")),
        StopReason::GateNotMet { why } => {
            format!("the steady state was never good before the faults: {}", why.join("; "))
        }
        StopReason::Guardrail { why } => format!("guardrail: {why}"),
        StopReason::FaultRefused { fault, why } => format!("fault {fault} could not be applied: {why}"),
        StopReason::FaultLost { fault, why } => format!("fault {fault} ended by itself: {why}"),
        StopReason::Halted { who, reason } if reason.is_empty() => format!("halted by {who}"),
        StopReason::Halted { who, reason } => format!("halted by {who}: {reason}"),
    }
}

/// A judgement in words: `good`, `violated: p95 2.1s > 500ms`, `unknown: no samples yet`.
pub fn judgement(judgement: &Judgement) -> String {
    match judgement {
        Judgement::Good {} => "good".to_owned(),
        Judgement::Violated { why } => one_line(&format!("violated: {why}")),
        Judgement::Unknown { why } => one_line(&format!("unknown: {why}")),
    }
}

/// What a fault has done, in words.
pub fn measured(evidence: &Evidence) -> String {
    format!("matched {}, faulted {}", evidence.matched, evidence.faulted)
}

/// How far a fault went, as measured, with its unit: `p50 2.00s`; absent when it measures none.
pub fn achieved(kind: &str, evidence: &Evidence) -> Option<String> {
    let p50 = evidence.achieved?.p50;
    Some(match kind {
        "latency" | "stall" | "slow_close" | "slicer" => {
            format!("p50 {}", short(Duration::try_from_secs_f64(p50 / 1e3).unwrap_or_default()))
        }
        "bandwidth" => format!("p50 {} B/s", number(p50)),
        _ => format!("p50 {}", number(p50)),
    })
}

/// A measured number with at most three digits that matter.
pub fn number(value: f64) -> String {
    let digits = if value.abs() >= 100.0 || value.fract() == 0.0 { 0 } else { 1 };
    format!("{value:.digits$}")
}

/// A time for people: `850us`, `42ms`, `1.25s`, `2m05s`, `1h02m`.
pub fn short(time: Duration) -> String {
    let secs = time.as_secs();
    match time.as_micros() {
        0 => "0s".to_owned(),
        micros @ 1..1_000 => format!("{micros}us"),
        micros @ 1_000..9_950 => format!("{:.1}ms", micros as f64 / 1e3),
        micros @ 9_950..999_500 => format!("{:.0}ms", micros as f64 / 1e3),
        999_500..9_995_000 => format!("{:.2}s", time.as_secs_f64()),
        9_995_000..59_950_000 => format!("{:.1}s", time.as_secs_f64()),
        59_950_000..3_600_000_000 => {
            let secs = secs.max(60);
            format!("{}m{:02}s", secs / 60, secs % 60)
        }
        _ => format!("{}h{:02}m", secs / 3600, secs % 3600 / 60),
    }
}

/// The text as one line that cannot steer a terminal: what comes from outside may hold anything.
pub fn one_line(text: &str) -> String {
    const CHARS_MAX: usize = 500;
    let mut line: String =
        text.chars().take(CHARS_MAX).map(|c| if c.is_control() || is_bidi(c) { ' ' } else { c }).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        line.push('…');
    }
    line.truncate(line.trim_end().len());
    line
}

/// Characters that turn the direction of writing and so could make a line read as something else.
const fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}')
}

fn preflight(refusals: &[String], warnings: &[String]) -> Said {
    let mut text = if refusals.is_empty() {
        "preflight passed".to_owned()
    } else {
        format!("preflight refused: {}", refusals.join("; "))
    };
    if !warnings.is_empty() {
        let _ = write!(text, " (warning: {})", warnings.join("; "));
    }
    let tone = if !refusals.is_empty() {
        Tone::Bad
    } else if warnings.is_empty() {
        Tone::Good
    } else {
        Tone::Notice
    };
    Said::new(tone, text)
}

fn on(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}

fn sampled(sample: &Sample) -> String {
    let mut text = short(sample.took);
    if let Some(value) = sample.value {
        let _ = write!(text, ", value {}", number(value));
    }
    if let Some(failure) = &sample.failure {
        let _ = write!(text, ", failed: {failure}");
    }
    text
}

/// A line with its time: `+12.3s  fault slow-payments applied`.
pub fn stamped(at: Duration, said: &Said) -> String {
    format!("{}  {}", stamp(at), said.text)
}

/// The time of a line since the drill began, to a tenth of a second and always in seconds, so that lines compare.
pub fn stamp(at: Duration) -> String {
    format!("+{}.{}s", at.as_secs(), at.subsec_millis() / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_keep_three_digits() {
        for (micros, expected) in [
            (0, "0s"),
            (850, "850us"),
            (1_250, "1.2ms"),
            (9_949, "9.9ms"),
            (9_960, "10ms"),
            (42_400, "42ms"),
            (999_499, "999ms"),
            (999_600, "1.00s"),
            (1_250_000, "1.25s"),
            (12_340_000, "12.3s"),
            (59_960_000, "1m00s"),
            (125_000_000, "2m05s"),
            (3_725_000_000, "1h02m"),
        ] {
            assert_eq!(short(Duration::from_micros(micros)), expected, "{micros}");
        }
    }

    #[test]
    fn what_comes_from_outside_stays_one_line_and_cannot_steer_a_terminal() {
        assert_eq!(one_line("a\x1b[2Jb\nc\r\u{202e}d\u{9b}"), "a [2Jb c  d");
        assert_eq!(one_line(&"x".repeat(600)).chars().count(), 501);
    }

    #[test]
    fn a_reason_that_was_not_given_leaves_no_colon() {
        let halt = |reason: &str| Event::HaltRequested { who: "ana (7)".into(), reason: reason.into() };
        assert_eq!(of_event(&halt("")).text, "halt by ana (7)");
        assert_eq!(of_event(&halt("smoke")).text, "halt by ana (7): smoke");
    }

    #[test]
    fn the_stamp_is_in_seconds_whatever_the_length() {
        assert_eq!(stamp(Duration::from_millis(12_390)), "+12.3s");
        assert_eq!(stamp(Duration::from_secs(4000)), "+4000.0s");
    }
}
