//! What a drill came to, in few lines that can be handed to people who were not there.

use std::path::Path;
use std::time::Duration;

use crate::cli::Exit;
use crate::drill::Summary;
use crate::drill::event::StopReason;
use crate::drill::summary::{
    CommandResult, Contained, Effect, FaultSummary, HypothesisResult, Impact, PlaybookResult, RestoredBy,
    SteadyStateResult, Validity,
};
use crate::drill::words::{Tone, achieved, one_line, short};

/// The most reasons that are shown; the others stand in the report.
const REASONS_MAX: usize = 2;
/// The most faults that are shown one by one; the others stand in the report.
const FAULTS_MAX: usize = 3;

/// The lines, each with its tone. `head` is the journal's last hash.
pub(super) fn lines(summary: &Summary, folder: &Path, head: Option<&str>) -> Vec<(Tone, String)> {
    let passed = summary.exit == Exit::Passed as u8;
    let meaning = Exit::of(summary.exit).map_or("unknown", Exit::meaning);
    let mut lines = vec![(
        if passed { Tone::Good } else { Tone::Bad },
        format!("{}: exit {}, {meaning}", summary.scenario, summary.exit),
    )];
    // Refused is before the first fault: a table of results would speak of what never was.
    if !matches!(summary.stopped, Some(StopReason::Refused { .. })) {
        lines.extend(results(summary));
    }
    let reasons = summary.reasons.iter().take(REASONS_MAX).enumerate().map(|(n, reason)| {
        let hidden = summary.reasons.len().saturating_sub(REASONS_MAX);
        let more =
            if hidden > 0 && n + 1 == REASONS_MAX { format!(" (and {hidden} more)") } else { String::new() };
        (Tone::Bad, format!("  because {}{more}", one_line(reason)))
    });
    lines.extend(reasons);
    lines.extend(
        summary
            .notes
            .iter()
            .take(REASONS_MAX)
            .map(|note| (Tone::Notice, format!("  note: {}", one_line(note)))),
    );
    if !summary.not_acted_on.is_empty() {
        lines.push((Tone::Notice, one_line(&format!("not acted on: {}", summary.not_acted_on.join("; ")))));
    }
    lines.push((
        Tone::Plain,
        format!("seed {} (the same seed makes the same random decisions)", summary.seed.0),
    ));
    lines.push((Tone::Plain, format!("report in {}", folder.display())));
    if let Some(head) = head {
        lines.push((
            Tone::Plain,
            format!("journal hash {head} (`firedrill verify DIR --head HASH` finds any change)"),
        ));
    }
    lines
}

fn results(summary: &Summary) -> Vec<(Tone, String)> {
    let line = |name: &str, (tone, word, meaning): (Tone, &str, &str)| {
        (tone, format!("  {name:<12}  {word:<9}  {}", one_line(meaning)).trim_end().to_owned())
    };
    let mut lines = vec![line("drill", validity(summary.drill))];
    // Without a fault there is nothing to be felt and nothing to come back from.
    let with_faults = !summary.faults.is_empty();
    if with_faults {
        lines.push(line("effect", effect(summary.effect)));
    }
    lines.extend(summary.faults.iter().take(FAULTS_MAX).map(what_it_did));
    if let Some(hidden) = summary.faults.len().checked_sub(FAULTS_MAX).filter(|hidden| *hidden > 0) {
        lines.push((Tone::Plain, format!("    and {hidden} more faults")));
    }
    if with_faults {
        let (tone, word, meaning) = impact(summary.impact);
        lines.push(line("impact", (tone, word, &with_time(meaning, felt_after(summary)))));
    }
    lines.push(line("steady state", steady_state(summary.steady_state)));
    if with_faults {
        let (tone, word, meaning) = restored_by(summary);
        lines.push(line("restored by", (tone, word, &with_time(meaning, back_after(summary)))));
    }
    lines.extend(summary.playbook.map(|result| line("playbook", playbook(result))));
    lines.extend(contained(summary.contained).map(|result| line("contained", result)));
    lines.push(line("hypothesis", hypothesis(summary.hypothesis)));
    match &summary.command {
        CommandResult::Passed {} => lines
            .push(line("command", (Tone::Good, "passed", "ended with status 0 while the faults were on"))),
        CommandResult::Failed { detail } => lines.push(line("command", (Tone::Bad, "failed", detail))),
        CommandResult::Stopped { detail } => {
            let detail = format!("{detail}, because the drill stopped");
            lines.push(line("command", (Tone::Notice, "stopped", &detail)));
        }
        CommandResult::None {} => {}
    }
    let left = summary.residue.join("; ");
    lines.push(line(
        "clean",
        if summary.clean { (Tone::Good, "yes", "nothing was left behind") } else { (Tone::Bad, "no", &left) },
    ));
    lines
}

/// What one fault did, in numbers.
fn what_it_did(fault: &FaultSummary) -> (Tone, String) {
    let tone = if fault.effective { Tone::Plain } else { Tone::Bad };
    let how_far = achieved(&fault.kind, &fault.evidence).map(|far| format!(", {far}")).unwrap_or_default();
    let (hit, of) = (fault.evidence.faulted, fault.evidence.matched);
    (
        tone,
        one_line(&format!("    {}: {} on {} hit {hit} of {of}{how_far}", fault.id, fault.kind, fault.target)),
    )
}

fn with_time(meaning: &str, time: Option<String>) -> String {
    time.map_or_else(|| meaning.to_owned(), |time| format!("{meaning}: {time}"))
}

/// How long after the first fault was applied the impact came.
fn felt_after(summary: &Summary) -> Option<String> {
    let (applied, impact) = summary.times.applied.zip(summary.times.impact)?;
    Some(format!("{} after the first fault was applied", short(impact.saturating_sub(applied))))
}

/// How long the service took to come back: from the impact, and from the end of the last fault.
fn back_after(summary: &Summary) -> Option<String> {
    let since = |from: Duration, to: Duration| short(to.saturating_sub(from));
    let times = &summary.times;
    let (impact, recovered) = times.impact.zip(times.recovered)?;
    let after_impact = format!("{} after the impact", since(impact, recovered));
    match (summary.restored_by, times.removed) {
        (RestoredBy::FaultEnd, Some(removed)) => {
            Some(format!("{} after it, {after_impact}", since(removed, recovered)))
        }
        (RestoredBy::Itself | RestoredBy::Playbook | RestoredBy::Unknown, _) => Some(after_impact),
        _ => None,
    }
}

const fn validity(result: Validity) -> (Tone, &'static str, &'static str) {
    match result {
        Validity::Valid => (Tone::Good, "valid", "it proves what it says"),
        Validity::Invalid => (Tone::Bad, "invalid", "it proves nothing"),
    }
}

const fn effect(result: Effect) -> (Tone, &'static str, &'static str) {
    match result {
        Effect::Confirmed => (Tone::Good, "confirmed", "every fault was measured to have acted"),
        Effect::None => (Tone::Bad, "none", "at least one fault was not seen to act"),
    }
}

const fn impact(result: Impact) -> (Tone, &'static str, &'static str) {
    match result {
        Impact::Seen => (Tone::Notice, "seen", "an impact probe was violated while a fault was effective"),
        Impact::Withstood => {
            (Tone::Good, "withstood", "faults were effective and no impact probe was violated")
        }
        Impact::None => (Tone::Plain, "none", "no fault was effective, so nothing can be said"),
    }
}

const fn steady_state(result: SteadyStateResult) -> (Tone, &'static str, &'static str) {
    match result {
        SteadyStateResult::Held => (Tone::Good, "held", "no probe was violated from the first fault on"),
        SteadyStateResult::Lost => (Tone::Notice, "lost", "at least one probe was violated"),
    }
}

const fn restored_by(summary: &Summary) -> (Tone, &'static str, &'static str) {
    match (summary.restored_by, summary.impact) {
        (RestoredBy::Playbook, _) => {
            (Tone::Good, "playbook", "a step restored it while the fault was on, and was verified")
        }
        (RestoredBy::Itself, _) => {
            (Tone::Good, "self", "the service came back with the fault still on, and no step had acted")
        }
        (RestoredBy::FaultEnd, _) => {
            (Tone::Notice, "fault_end", "the service came back only after the fault was removed")
        }
        (RestoredBy::Abort, _) => (Tone::Bad, "abort", "the drill was stopped"),
        (RestoredBy::None, Impact::Seen) => (Tone::Bad, "none", "the service did not come back"),
        (RestoredBy::None, _) => (Tone::Plain, "none", "there was nothing to come back from"),
        (RestoredBy::Unknown, _) if matches!(summary.drill, Validity::Invalid) => {
            (Tone::Plain, "unknown", "the drill is invalid")
        }
        (RestoredBy::Unknown, _) => (
            Tone::Notice,
            "unknown",
            "a step had acted and the service came back, but nothing verified the step",
        ),
    }
}

const fn playbook(result: PlaybookResult) -> (Tone, &'static str, &'static str) {
    let (tone, meaning) = match result {
        PlaybookResult::Restored => (Tone::Good, "it restored the service, in time and alone"),
        PlaybookResult::RestoredLate => (Tone::Notice, "it restored the service, later than promised"),
        PlaybookResult::RestoredWithHelp => {
            (Tone::Notice, "it restored the service, and people had to help themselves")
        }
        PlaybookResult::NotRestored => (Tone::Bad, "it was exercised and did not restore the service"),
        PlaybookResult::Harmful => (Tone::Bad, "it broke something"),
        PlaybookResult::NotExercised => (Tone::Notice, "nothing started it"),
        PlaybookResult::Unproven => (Tone::Notice, "it was exercised, and nothing says whether it helped"),
        PlaybookResult::Completed => (Tone::Good, "it went to its end"),
        PlaybookResult::NotCompleted => (Tone::Bad, "it did not come to its end"),
    };
    (tone, result.word(), meaning)
}

/// Nothing is said where nothing says what should not be harmed.
const fn contained(result: Contained) -> Option<(Tone, &'static str, &'static str)> {
    match result {
        Contained::Held => {
            Some((Tone::Good, "held", "no probe was violated but those that are marked `impact`"))
        }
        Contained::Lost => Some((Tone::Notice, "lost", "a probe was violated that is not marked `impact`")),
        Contained::NotJudged => None,
    }
}

const fn hypothesis(result: HypothesisResult) -> (Tone, &'static str, &'static str) {
    match result {
        HypothesisResult::Confirmed => (Tone::Good, "confirmed", "every result it counts on is good"),
        HypothesisResult::Refuted => {
            (Tone::Bad, "refuted", "a result it counts on is not good, or the service did not come back")
        }
        HypothesisResult::Untested => {
            (Tone::Plain, "untested", "the scenario claims nothing, or nothing that could be judged")
        }
    }
}
