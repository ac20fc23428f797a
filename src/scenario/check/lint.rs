//! What is allowed and yet will not do what was wanted: warnings.

use std::time::Duration;

use super::Checker;
use super::faults::NamedFault;
use super::probes::NamedProbe;
use crate::fault::Fault;
use crate::scenario::defaults;
use crate::scenario::plan::{AbortRule, Load, ProbeAction, Tolerance, Until};

/// What is checked together.
pub(in crate::scenario) struct Whole<'a> {
    pub(in crate::scenario) load: Option<&'a Load>,
    pub(in crate::scenario) probes: &'a [NamedProbe],
    pub(in crate::scenario) faults: &'a [NamedFault],
    pub(in crate::scenario) abort: &'a [AbortRule],
    /// Whether `abort` was written at all.
    pub(in crate::scenario) has_abort: bool,
}

pub(in crate::scenario) fn check(checker: &mut Checker<'_>, whole: &Whole<'_>) {
    for named in whole.probes {
        let Some(probe) = &named.probe else { continue };
        let rate = whole
            .load
            .filter(|load| same_url(load, &probe.action))
            .map_or(0.0, |load| load.rate.per_second());
        samples(checker, named, &probe.tolerance, probe.every.duration(), rate);
        bounds(checker, named, probe);
    }
    let planned = || whole.probes.iter().filter_map(|named| named.probe.as_ref());
    if planned().count() > 0
        && !planned().any(|probe| probe.impact)
        && let Some(first) = whole.probes.first()
    {
        checker
            .problems
            .warning("no-impact-probe", first.at, "every probe is an invariant, so no impact can be seen")
            .help("add a probe without `invariant`: what users feel");
    }
    nobody(checker, whole);
    no_way_out(checker, whole);
}

fn same_url(load: &Load, action: &ProbeAction) -> bool {
    matches!(action, ProbeAction::Http(request) if request.url == load.request.url)
}

/// A percentile or an error share that never has enough samples is never good: the gate would never open.
fn samples(checker: &mut Checker<'_>, named: &NamedProbe, tolerance: &Tolerance, every: Duration, rate: f64) {
    let asks = tolerance.p50.is_some()
        || tolerance.p95.is_some()
        || tolerance.p99.is_some()
        || tolerance.errors.is_some();
    let over = tolerance.over.duration().as_secs_f64();
    let most = over / every.as_secs_f64() + rate * over;
    // A window may hold one more than the quotient, by its edges; that is not to be relied upon.
    if !asks || most >= Tolerance::SAMPLES_MIN as f64 {
        return;
    }
    let message = format!(
        "`over` {} holds about {most:.0} samples; a percentile or `errors` needs {} to be judged, so this is never good",
        tolerance.over,
        Tolerance::SAMPLES_MIN
    );
    checker
        .problems
        .warning("too-few-samples", named.tolerance_at, message)
        .help("measure more often (`every`), look further back (`over`), or bring `load` to the same URL");
}

/// A measurement is given up at `timeout` and counts as long: a bound beyond it can never be broken.
fn bounds(checker: &mut Checker<'_>, named: &NamedProbe, probe: &crate::scenario::plan::Probe) {
    let quantiles =
        [("p50", probe.tolerance.p50), ("p95", probe.tolerance.p95), ("p99", probe.tolerance.p99)];
    for (key, bound) in quantiles {
        if let Some(bound) = bound
            && bound >= probe.timeout
        {
            let message = format!(
                "`{key}` {bound} can never be broken: a measurement is given up after {}",
                probe.timeout
            );
            let problem = checker.problems.warning("loose-bound", named.tolerance_at, message);
            problem.help("raise `timeout`, or lower the bound");
        }
    }
}

/// A share of the load that comes to less than one request hits nobody.
fn nobody(checker: &mut Checker<'_>, whole: &Whole<'_>) {
    let Some(load) = whole.load else { return };
    for named in whole.faults {
        let (Some(fault), Some(scope)) = (&named.fault, &named.scope) else { continue };
        let lasts = match (fault.until, fault.max) {
            (Until::For(period), _) | (_, Some(period)) => period.duration().as_secs_f64(),
            (_, None) => continue,
        };
        let hit = load.rate.per_second() * lasts * fault.scope.percent.fraction();
        if matches!(fault.fault, Fault::Traffic(_)) && hit < 1.0 {
            let message = format!(
                "{} of {} for {:.0} s comes to {hit:.2} requests: it may hit nobody",
                fault.scope.percent, load.rate, lasts
            );
            let at = scope.percent_at.unwrap_or(named.at);
            let problem = checker.problems.warning("nobody-hit", at, message);
            problem.help("raise the share, the load's `rate`, or the fault's length");
        }
    }
}

/// A long fault that only a person can end sooner.
fn no_way_out(checker: &mut Checker<'_>, whole: &Whole<'_>) {
    let invariant = whole.probes.iter().filter_map(|named| named.probe.as_ref()).any(|probe| probe.invariant);
    if invariant || whole.has_abort || !whole.abort.is_empty() {
        return;
    }
    for named in whole.faults {
        let max = named.fault.as_ref().and_then(|fault| fault.max);
        if let Some(max) = max
            && max > defaults::LONG_MAX
        {
            let at = named.max_at.unwrap_or(named.at);
            let message = format!("`max` is {max}, and nothing but a person stops the drill sooner");
            let problem = checker.problems.warning("no-way-out", at, message);
            problem.help("add an `abort:` entry, or `invariant: true` to a probe; or lower `max`");
        }
    }
}
