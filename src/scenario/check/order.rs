//! The order of faults: what each waits for, and when each may be on.

use std::time::Duration;

use super::Checker;
use super::faults::NamedFault;
use crate::scenario::plan::Until;
use crate::text::{nearest, quote};

/// Every `after` names another fault, and none waits for itself round a circle. What waits for a fault that is left
/// out is left out too.
pub(in crate::scenario) fn check(checker: &mut Checker<'_>, faults: &mut [NamedFault]) {
    for n in 0..faults.len() {
        let Some(after) = after(&faults[n]).map(str::to_owned) else { continue };
        if faults.iter().any(|fault| fault.id == after) {
            continue;
        }
        let near = nearest(&after, faults.iter().map(|fault| fault.id.as_str()));
        let help = near.map_or_else(
            || "name the `id` of another fault of this file".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        let at = faults[n].start_at.unwrap_or(faults[n].at);
        checker
            .problems
            .error("unknown-fault", at, format!("there is no fault {}", quote(&after)))
            .help(help);
    }
    for n in 0..faults.len() {
        let Some(cycle) = cycle(faults, n) else { continue };
        // Said once, at the first of the circle in file order.
        if cycle.iter().any(|other| *other < n) {
            continue;
        }
        let names: Vec<String> =
            cycle.iter().chain(cycle.first()).map(|n| format!("`{}`", faults[*n].id)).collect();
        let at = faults[n].start_at.unwrap_or(faults[n].at);
        checker
            .problems
            .error("cycle", at, format!("faults wait for each other: {}", names.join(" waits for ")))
            .help("let one of them start by time: `start: 10s`");
    }
    spread_left_out(faults);
}

fn spread_left_out(faults: &mut [NamedFault]) {
    // Each round can only add one more link of a chain, so as many rounds as faults are enough.
    for _ in 0..faults.len() {
        for n in 0..faults.len() {
            let Some(after) = after(&faults[n]).map(str::to_owned) else { continue };
            let waits_for_nothing = faults.iter().any(|fault| fault.id == after && fault.left_out.is_some());
            if waits_for_nothing && faults[n].left_out.is_none() {
                let why = format!(
                    "fault `{}`: it starts after `{after}`, which is left out; so is this one",
                    faults[n].id
                );
                faults[n].left_out = Some(why);
            }
        }
    }
}

fn after(fault: &NamedFault) -> Option<&str> {
    fault.fault.as_ref()?.start.after.as_deref()
}

fn position(faults: &[NamedFault], id: &str) -> Option<usize> {
    faults.iter().position(|fault| fault.id == id)
}

/// The circle that leads from a fault back to it, if there is one.
fn cycle(faults: &[NamedFault], from: usize) -> Option<Vec<usize>> {
    let (mut path, mut at) = (vec![from], from);
    while path.len() <= faults.len() {
        at = position(faults, after(&faults[at])?)?;
        if at == from {
            return Some(path);
        }
        path.push(at);
    }
    None
}

/// When a fault may be on, from the first moment of the active phase: from, and up to at the latest.
pub(in crate::scenario) fn span(faults: &[NamedFault], n: usize) -> Option<(Duration, Duration)> {
    let (mut from, mut at) = (Duration::ZERO, n);
    for _ in 0..=faults.len() {
        let start = &faults[at].fault.as_ref()?.start;
        from += start.delay.duration();
        let Some(after) = &start.after else {
            let fault = faults[n].fault.as_ref()?;
            let lasts = match (fault.until, fault.max) {
                (Until::For(period), _) | (_, Some(period)) => period.duration(),
                (_, None) => Duration::ZERO,
            };
            return Some((from, from + lasts));
        };
        at = position(faults, after)?;
    }
    None
}

/// The most faults that may be on at once.
pub(in crate::scenario) fn most_at_once(faults: &[NamedFault]) -> usize {
    let spans: Vec<(Duration, Duration)> = (0..faults.len()).filter_map(|n| span(faults, n)).collect();
    // The number of faults that are on is largest at some fault's beginning. One that is done in a moment counts then.
    spans
        .iter()
        .map(|(moment, _)| {
            spans.iter().filter(|(from, to)| from <= moment && (moment < to || from == moment)).count()
        })
        .max()
        .unwrap_or(0)
}
