//! Whether an alarm can come in time, and before its fault is over.

use std::time::Duration;

use super::Monitoring;
use super::file::Rule;
use super::hold::Place;
use super::routing::{GROUP_WAIT, Way};
use crate::fault::Period;
use crate::scenario::check::Checker;
use crate::scenario::check::faults::NamedFault;
use crate::scenario::expectation::{Alarms, Expectation, MonitorKind};
use crate::scenario::plan::Until;

/// Chains of `after` are no longer than this many faults.
const CHAIN_MAX: usize = 1_000;

/// How long an alarm takes from the first moment when its condition holds, as far as files tell.
struct Delay {
    total: Duration,
    /// How it adds up, for people.
    words: String,
}

/// Holds the quickest of several rules against the deadline and the faults.
pub(super) fn check(
    checker: &mut Checker<'_>,
    (monitoring, rules): (&Monitoring, &[usize]),
    (planned, expectation): (&Alarms, &Expectation),
    faults: &[NamedFault],
    place: &Place,
) {
    let rules = || rules.iter().filter_map(|n| monitoring.rules.get(*n));
    let delays = rules().map(|rule| (rule, delay(monitoring, rule, planned, expectation)));
    let Some((rule, delay)) = delays.min_by_key(|(_, delay)| delay.total) else { return };
    let within = expectation.within.duration();
    let named = format!("`{}` ({})", rule.name, rule.place);
    if delay.total > within {
        let certain = if rule.pending > within { "cannot" } else { "may not" };
        let message = format!(
            "the alarm {named} {certain} come within {}: it takes {} ({})",
            expectation.within,
            Period::from(delay.total),
            delay.words
        );
        checker
            .problems
            .warning("slow-alarm", place.within, message)
            .help("raise `within`, or shorten what the alarm waits for");
    }
    let lasting = lasting(faults, expectation);
    if let Some(lasting) = lasting.filter(|lasting| delay.total > *lasting) {
        let lasts = Period::from(lasting);
        let message = if rule.pending > lasting {
            let pending = Period::from(rule.pending);
            format!(
                "the alarm {named} is still pending when the fault is over: `for` {pending}, and it lasts at most {lasts}"
            )
        } else {
            format!(
                "the fault, which lasts at most {lasts}, may be over before anybody is told of the alarm {named}: it takes {} ({})",
                Period::from(delay.total),
                delay.words
            )
        };
        checker
            .problems
            .warning("fault-too-short", place.matching, message)
            .help("raise `max` and `until` of the fault, or shorten what the alarm waits for");
    }
    reset(checker, monitoring, rule, expectation, place);
}

/// `keep_firing_for` against `resolve_within`.
fn reset(
    checker: &mut Checker<'_>,
    monitoring: &Monitoring,
    rule: &Rule,
    expectation: &Expectation,
    place: &Place,
) {
    let (Some(resolve_within), Some(at)) = (expectation.resolve_within, place.resolve_within) else { return };
    let mut parts = vec![("keep_firing_for", rule.keeps_firing)];
    parts.extend(rule.interval.map(|interval| ("interval", interval)));
    let interval = ways(monitoring, rule, expectation).iter().map(|way| way.interval).min();
    parts.extend(interval.map(|interval| ("group_interval", interval)));
    let total: Duration = parts.iter().fold(Duration::ZERO, |sum, (_, part)| sum.saturating_add(*part));
    if total > resolve_within.duration() {
        let words = sum(&parts);
        let message = format!(
            "the end of the alarm `{}` ({}) may not come within {resolve_within} after recovery: it takes {} ({words})",
            rule.name,
            rule.place,
            Period::from(total)
        );
        checker
            .problems
            .warning("slow-reset", at, message)
            .help("raise `resolve_within`, or shorten what the alarm waits for");
    }
}

fn delay(monitoring: &Monitoring, rule: &Rule, planned: &Alarms, expectation: &Expectation) -> Delay {
    let mut parts = vec![("for", rule.pending)];
    parts.extend(rule.interval.map(|interval| ("interval", interval)));
    let ways = ways(monitoring, rule, expectation);
    let (mut notes, wait) = (Vec::new(), ways.iter().map(|way| way.wait).min());
    if rule.interval.is_none() {
        notes.push("and the time until it is evaluated, which the file does not say");
    }
    if let Some(wait) = wait.or_else(|| hears_alertmanager(planned, expectation).then_some(GROUP_WAIT)) {
        parts.push(("group_wait", wait));
        if ways.is_empty() {
            notes.push("`group_wait` is Alertmanager's default, assumed without `--alertmanager-config`");
        }
    }
    let total = parts.iter().fold(Duration::ZERO, |sum, (_, part)| sum.saturating_add(*part));
    let words = std::iter::once(sum(&parts)).chain(notes.into_iter().map(str::to_owned));
    Delay { total, words: words.collect::<Vec<_>>().join("; ") }
}

fn sum(parts: &[(&str, Duration)]) -> String {
    let part = |(name, part): &(&str, Duration)| format!("`{name}` {}", Period::from(*part));
    parts.iter().map(part).collect::<Vec<_>>().join(" + ")
}

/// The ways to who should get it; where that is not said, or none leads there, all of them.
fn ways(monitoring: &Monitoring, rule: &Rule, expectation: &Expectation) -> Vec<Way> {
    let all = monitoring.ways(rule, expectation);
    let meant: Vec<Way> =
        all.iter().filter(|way| expectation.receiver.as_ref() == Some(&way.receiver)).cloned().collect();
    if meant.is_empty() { all } else { meant }
}

/// A drill that polls only Prometheus sees an alarm before anybody groups it.
fn hears_alertmanager(planned: &Alarms, expectation: &Expectation) -> bool {
    let polls_prometheus = |kind| kind == MonitorKind::Prometheus;
    let sources = &planned.sources;
    expectation.receiver.is_some()
        || sources.is_empty()
        || !sources.iter().all(|source| polls_prometheus(source.kind) && source.poll)
}

/// From the first moment of the faults that are meant to their end at the latest; absent when that has no end.
fn lasting(faults: &[NamedFault], expectation: &Expectation) -> Option<Duration> {
    let start = |fault: &NamedFault| start(faults, fault, 0);
    let meant = faults.iter().filter(|fault| expectation.fault.as_ref().is_none_or(|id| *id == fault.id));
    let (mut first, mut last) = (None, Duration::ZERO);
    for fault in meant.filter(|fault| fault.left_out.is_none()) {
        let (planned, begin) = (fault.fault.as_ref()?, start(fault)?);
        // What has no `max` is done in an instant, and what it did goes on.
        let max = planned.max?.duration();
        let length = match planned.until {
            Until::For(length) => length.duration().min(max),
            Until::Max | Until::Recovered => max,
        };
        first = Some(first.map_or(begin, |first: Duration| first.min(begin)));
        last = last.max(begin.saturating_add(length));
    }
    Some(last.saturating_sub(first?))
}

fn start(faults: &[NamedFault], fault: &NamedFault, depth: usize) -> Option<Duration> {
    let start = &fault.fault.as_ref()?.start;
    let before = match &start.after {
        None => Duration::ZERO,
        // A circle is reported elsewhere.
        Some(_) if depth >= CHAIN_MAX => return None,
        Some(id) => self::start(faults, faults.iter().find(|other| other.id == *id)?, depth + 1)?,
    };
    Some(before.saturating_add(start.delay.duration()))
}
