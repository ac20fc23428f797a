//! What holds where a file says nothing.

use crate::fault::{Percent, Period};

/// How often a probe measures.
pub(crate) const EVERY: Period = Period::from_secs(1);
/// The shortest `every` that is accepted.
pub(crate) const EVERY_MIN: Period = Period::from_millis(50);
/// Good for this long = recovered.
pub(crate) const STABLE_FOR: Period = Period::from_secs(10);
/// The window of percentiles and error shares.
pub(crate) const OVER: Period = Period::from_secs(30);
/// Effective for this long without impact = withstood.
pub(crate) const NO_IMPACT_AFTER: Period = Period::from_secs(30);
/// When one measurement is given up.
pub(crate) const PROBE_TIMEOUT: Period = Period::from_secs(5);
/// When a request of the load is given up.
pub(crate) const LOAD_TIMEOUT: Period = Period::from_secs(10);
/// The largest share of traffic in production, unless its policy says otherwise.
pub(crate) const PRODUCTION_PERCENT_MAX: Percent = Percent::from_parts_per_million(10_000);
/// The most samples that `failures: k of n` may look at.
pub(crate) const FAILURES_MAX: u32 = 1_000;
/// A `max` beyond this deserves something that can stop the drill earlier.
pub(crate) const LONG_MAX: Period = Period::from_secs(10 * 60);

/// How long the gate may wait: every window must be able to fill, twice over, so that one early failure can leave it
/// again, and the good run must fit behind.
pub(crate) fn gate_within(over_largest: Period, stable_for: Period) -> Period {
    let windows = over_largest.duration() * 2 + stable_for.duration();
    Period::from(windows.max(std::time::Duration::from_secs(60)))
}

/// How long recovery may take after the last removal: bad samples must leave every window, the good run must fit
/// behind, and the service gets a minute of its own.
pub(crate) fn recovery_within(over_largest: Period, stable_for: Period) -> Period {
    Period::from(over_largest.duration() * 2 + stable_for.duration() + std::time::Duration::from_secs(60))
}

/// The name of the `n`-th (from 1) of its kind that has none of its own.
pub(crate) fn numbered(kind: &str, n: usize) -> String {
    format!("{}-{n}", kind.replace('_', "-"))
}
