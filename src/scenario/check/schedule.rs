//! `schedule`: when a fault acts, and what its kind cannot be limited to.

use super::processes::report;
use super::{Checker, given, key_span, optional};
use crate::fault::{Bursts, Fault, RequestMatch, Schedule, Scope};
use crate::scenario::written::{Bursts as WrittenBursts, FaultEntry, Schedule as Written};
use crate::text::{Field, Form};

/// The schedule of an entry, when it is right or absent.
pub(super) fn check(checker: &mut Checker<'_>, field: &Field<Written>) -> Option<Option<Schedule>> {
    if field.is_absent() {
        return Some(None);
    }
    let (written, at) = given(field)?;
    let bursts = bursts(checker, &written.bursts);
    let schedule = Schedule {
        every: optional(&written.every)?,
        lasts: optional(&written.lasts)?,
        offset: optional(&written.offset)?,
        bursts: bursts?,
    };
    let place = |key: &str| match key {
        "every" => written.every.span(),
        "for" => written.lasts.span(),
        "offset" => written.offset.span(),
        "bursts" => written.bursts.span(),
        _ => None,
    };
    let problems = schedule.check();
    report(checker, &problems, place, at);
    problems.is_empty().then_some(Some(schedule))
}

fn bursts(checker: &mut Checker<'_>, field: &Field<WrittenBursts>) -> Option<Option<Bursts>> {
    if field.is_absent() {
        return Some(None);
    }
    let (written, at) = given(field)?;
    let enter = checker.need(&written.enter, "enter", at, "1%");
    let leave = checker.need(&written.leave, "leave", at, "20%");
    Some(Some(Bursts { enter: *enter?.0, leave: *leave?.0 }))
}

/// A fault that acts on new connections can be limited to less than one that acts on requests.
pub(super) fn fits(
    checker: &mut Checker<'_>,
    entry: &FaultEntry,
    fault: Option<&Fault>,
    (matching, scope): (Option<&RequestMatch>, Option<&Scope>),
    schedule: Option<&Schedule>,
) {
    let (Some(Fault::Traffic(fault)), Some(matching), Some(scope)) = (fault, matching, scope) else { return };
    let place = |key: &str| match key {
        "match" => key_span(&entry.matching),
        "match.status" => match entry.matching.get()? {
            Form::Map(map) => key_span(&map.status),
            Form::Word(_) | Form::List(_) => None,
        },
        "scope" => key_span(&entry.scope),
        "schedule" => key_span(&entry.schedule),
        _ => None,
    };
    let problems: Vec<_> = fault.check_share(matching, scope, schedule).into_iter().collect();
    report(checker, &problems, place, entry.target.span().unwrap_or_default());
}
