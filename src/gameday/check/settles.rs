//! Whether what preflight measures can be judged at all: it measures without the scenarios' load.

use crate::fault::Seed;
use crate::gameday::checked::{GameDay, InjectWhat};
use crate::gameday::preflight::SETTLES_WITHIN;
use crate::gameday::written::PreflightEntry;
use crate::scenario::check::{Checker, given, key_span};
use crate::scenario::plan::{Probe, Tolerance};
use crate::text::Field;

pub(super) fn check(checker: &mut Checker<'_>, field: &Field<Vec<Field<PreflightEntry>>>, day: &GameDay) {
    let entries = given(field).into_iter().flat_map(|(list, _)| list.iter().filter_map(given));
    let Some(at) = entries.filter_map(|(entry, _)| key_span(&entry.steady_state)).next() else { return };
    let mut told: Vec<String> = Vec::new();
    for inject in &day.injects {
        let InjectWhat::Drill { exercise, .. } = &inject.what else { continue };
        for probe in exercise.scenario.plan(Seed(0), None).steady_state.probes {
            let Some(why) = never_judged(&probe) else { continue };
            let why = format!(
                "the probe `{}` of {} is not judged here: {why}",
                probe.name,
                exercise.scenario.name()
            );
            if !told.contains(&why) {
                told.push(why);
            }
        }
    }
    for why in told {
        checker.problems.warning("too-few-samples", at, why).help(
            "measure more often (`every`) or look further back (`over`); else somebody must answer this item",
        );
    }
}

/// Why a probe alone, without any load, never has as many samples as a percentile or `errors` needs.
fn never_judged(probe: &Probe) -> Option<String> {
    let tolerance = &probe.tolerance;
    let asks = [tolerance.p50, tolerance.p95, tolerance.p99].iter().any(Option::is_some);
    if !asks && tolerance.errors.is_none() {
        return None;
    }
    let needed = Tolerance::SAMPLES_MIN;
    let every = probe.every.duration().as_secs_f64();
    let most = tolerance.over.duration().as_secs_f64() / every;
    if most < needed as f64 {
        return Some(format!(
            "preflight measures without the scenario's load, and `over` {} holds about {most:.0} of {needed} samples",
            tolerance.over
        ));
    }
    let fills = every * needed as f64;
    (fills > SETTLES_WITHIN.as_secs_f64()).then(|| {
        format!(
            "{needed} samples take {fills:.0} s without the scenario's load, and preflight waits {} s for them",
            SETTLES_WITHIN.as_secs()
        )
    })
}
