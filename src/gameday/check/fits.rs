//! Whether a day fits its schedule: how long it takes is known once its injects are.

use std::time::Duration;

use super::schedule::before_all;
use crate::fault::{Period, Seed};
use crate::gameday::checked::GameDay;
use crate::gameday::schedule::Schedule;
use crate::gameday::written::Schedule as Written;
use crate::scenario::check::{Checker, key_span};
use crate::text::{Field, Span};

pub(super) fn check(checker: &mut Checker<'_>, field: &Field<Written>, day: &GameDay) {
    let (Some(schedule), Some(written)) = (&day.schedule, field.get()) else { return };
    let length = Length::of(day);
    match (schedule.duration, written.duration.span()) {
        (Some(said), Some(at)) => takes_too_long(checker, said, at, &length),
        _ => {
            let at = key_span(&written.windows).or_else(|| key_span(&written.blackouts));
            never_runs(checker, schedule, at.or_else(|| key_span(field)).unwrap_or_default(), &length);
        }
    }
}

/// About how long a day takes; gaps are drawn, so that there is a shortest and a longest.
struct Length {
    shortest: Duration,
    longest: Duration,
}

impl Length {
    fn of(day: &GameDay) -> Self {
        let plan = day.plan(Seed(0), None);
        let drills: Duration = plan.runs.iter().map(|run| run.what.estimate().duration()).sum();
        let gaps = u32::try_from(plan.runs.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let with = |gap: Period| drills.saturating_add(gap.duration().saturating_mul(gaps));
        Self { shortest: with(day.gap.0), longest: with(day.gap.1) }
    }
}

/// A day that is planned for longer than it may take. The shortest gaps must fit.
fn takes_too_long(checker: &mut Checker<'_>, said: Period, at: Span, length: &Length) {
    if length.shortest > said.duration() {
        let whole = Period::from_secs(length.shortest.as_secs());
        checker
            .problems
            .warning(
                "takes-too-long",
                at,
                format!("the injects with their gaps take about {whole}, longer than {said}"),
            )
            .help("allow more time, or leave injects out");
    }
}

/// A day that does not say how long it takes counts as long as its injects and gaps do.
fn never_runs(checker: &mut Checker<'_>, schedule: &Schedule, at: Span, length: &Length) {
    let from = before_all(schedule);
    let runs = |length: Duration| schedule.next(from, length).is_some();
    let (length, message) = if runs(length.longest) {
        return;
    } else if runs(length.shortest) {
        (length.longest, "it cannot run when its gaps are drawn long")
    } else {
        (length.shortest, "it can never run")
    };
    let why = schedule.bars(from, length).map_or_else(String::new, |why| format!(": {why}"));
    checker
        .problems
        .warning(
            "never-runs",
            at,
            format!("{message}{why}, for that is about how long the injects with their gaps take"),
        )
        .help("begin earlier, widen the windows or leave injects out; if it takes less time, say so: `duration`");
}
