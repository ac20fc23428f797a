//! What is expected: alarms resolved, the rest read and checked in full.

use super::faults::NamedFault;
use super::probes::positive;
use super::{Checker, alarms, given};
use crate::fault::Period;
use crate::scenario::defaults;
use crate::scenario::expectation::{AlarmMatch as Planned, Alarms, CountedFrom, Expectation};
use crate::scenario::plan::ExpectedRecovery;
use crate::scenario::written::{AlarmExpectation, AlarmMatch, Expect};
use crate::text::{Field, Form, Never, Span, nearest, quote};

type ExpectForm = Form<Never, Expect, Vec<Field<AlarmExpectation>>>;

pub(in crate::scenario) fn check(
    checker: &mut Checker<'_>,
    field: &Field<ExpectForm>,
    faults: &[NamedFault],
) -> Alarms {
    match given(field) {
        None => Alarms::default(),
        Some((Form::List(list), _)) => alarms_of(checker, list, faults),
        Some((Form::Word(never), _)) => match *never {},
        Some((Form::Map(expect), at)) => full(checker, expect, at, faults),
    }
}

/// How service is expected to come back.
pub(in crate::scenario) fn recovery(field: &Field<ExpectForm>) -> Option<ExpectedRecovery> {
    let Some((Form::Map(expect), _)) = given(field) else { return None };
    let recovery = expect.recovery.get()?;
    Some(ExpectedRecovery { by: recovery.by.get().copied(), within: recovery.within.get().copied() })
}

fn alarms_of(checker: &mut Checker<'_>, list: &[Field<AlarmExpectation>], faults: &[NamedFault]) -> Alarms {
    Alarms { silence: list.is_empty(), expected: expectations(checker, list, faults), ..Alarms::default() }
}

fn full(checker: &mut Checker<'_>, expect: &Expect, at: Span, faults: &[NamedFault]) -> Alarms {
    let mut planned = expect.alarms.get().map(|list| alarms_of(checker, list, faults)).unwrap_or_default();
    let mut matchers = |list: &Field<Vec<Field<AlarmMatch>>>| -> Vec<Planned> {
        list.get().into_iter().flatten().map(|entry| alarms::matcher(checker, entry)).collect()
    };
    planned.collateral = matchers(&expect.collateral);
    planned.forbidden = matchers(&expect.forbidden);
    for entry in expect.logs.get().into_iter().flatten() {
        let Some((log, at)) = given(entry) else { continue };
        for (key, field, example) in
            [("file", &log.file, "/var/log/app.log"), ("pattern", &log.pattern, "'breaker.*open'")]
        {
            if let Some((text, at)) = checker.need(field, key, at, example)
                && text.is_empty()
            {
                checker
                    .problems
                    .error("bad-text", at, format!("`{key}` is empty"))
                    .help("write it, or leave the entry out");
            }
        }
        checker.text(&log.file);
        checker.need(&log.within, "within", at, "45s");
        positive(checker, &log.within, "within");
    }
    if expect.logs.is_given() {
        checker.not_acted_on("expect.logs: no log is read");
    }
    if expect.unaffected.is_given() {
        checker.names(&expect.unaffected, "unaffected");
        checker.not_acted_on("expect.unaffected: no other service is watched");
    }
    if let Some((recovery, at)) = given(&expect.recovery) {
        checker.need(&recovery.by, "by", at, "playbook");
        positive(checker, &recovery.within, "within");
    }
    let keys = [
        expect.alarms.is_absent(),
        expect.collateral.is_absent(),
        expect.forbidden.is_absent(),
        expect.logs.is_absent(),
        expect.unaffected.is_absent(),
        expect.recovery.is_absent(),
    ];
    if !keys.contains(&false) {
        checker
            .problems
            .warning("empty-block", at, "`expect` expects nothing")
            .help("leave it out, or say what is expected");
    }
    planned
}

fn expectations(
    checker: &mut Checker<'_>,
    list: &[Field<AlarmExpectation>],
    faults: &[NamedFault],
) -> Vec<Expectation> {
    let mut planned = Vec::new();
    let mut seen: Vec<(String, Span)> = Vec::new();
    for (n, entry) in list.iter().enumerate() {
        let Some((written, at)) = given(entry) else { continue };
        let named = checker.name(&written.id, "id").map(|(name, at)| (name.to_owned(), at));
        let (id, id_at) = named.unwrap_or_else(|| (defaults::numbered("alarm", n + 1), at));
        if let Some((_, first)) = seen.iter().find(|(other, _)| *other == id) {
            checker
                .problems
                .error("duplicate-name", id_at, format!("two expectations have the id `{id}`"))
                .other(*first, "the first one")
                .help("give each its own `id`");
        }
        seen.push((id.clone(), id_at));
        planned.extend(expectation(checker, id, written, at));
        against_faults(checker, written, faults);
    }
    planned
}

fn expectation(
    checker: &mut Checker<'_>,
    id: String,
    written: &AlarmExpectation,
    at: Span,
) -> Option<Expectation> {
    checker.need(&written.matching, "match", at, "{alertname: CheckoutSlow}");
    let matching = alarms::matcher(checker, &written.matching);
    checker.need(&written.within, "within", at, "1m");
    let within = positive(checker, &written.within, "within");
    let ack_within = positive(checker, &written.ack_within, "ack_within");
    let resolve_within = positive(checker, &written.resolve_within, "resolve_within");
    let receiver = checker.text(&written.receiver);
    let content = checker.texts(&written.content);
    Some(Expectation {
        id,
        matching,
        fault: written.fault.get().cloned(),
        within: within?,
        from: written.from.get().copied().unwrap_or(CountedFrom::Impact),
        severity: written.severity.get().copied(),
        receiver,
        ack_within,
        resolve_within,
        content,
    })
}

/// Holds an expectation against the faults it is about.
fn against_faults(checker: &mut Checker<'_>, written: &AlarmExpectation, faults: &[NamedFault]) {
    let within = written.within.get().copied();
    if let Some((id, at)) = given(&written.fault)
        && !faults.iter().any(|fault| fault.id == *id)
    {
        let near = nearest(id, faults.iter().map(|fault| fault.id.as_str()));
        let help = near.map_or_else(
            || "name the `id` of a fault of this file".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        checker.problems.error("unknown-fault", at, format!("there is no fault {}", quote(id))).help(help);
        return;
    }
    let meant = |fault: &&NamedFault| written.fault.get().is_none_or(|id| fault.id == *id);
    let planned: Vec<_> = faults.iter().filter(meant).filter_map(|fault| fault.fault.as_ref()).collect();
    // An instant fault has no end, so nothing lies beyond it.
    let longest: Option<Period> = planned
        .iter()
        .map(|fault| fault.max)
        .collect::<Option<Vec<_>>>()
        .and_then(|all| all.into_iter().max());
    if let (Some(within), Some(longest), Some(span)) = (within, longest, written.within.span())
        && within > longest
    {
        checker
            .problems
            .warning(
                "late-deadline",
                span,
                format!("`within` {within} lies beyond the fault's `max` {longest}"),
            )
            .help("the fault is gone before the alarm is late: raise `max`, or lower `within`");
    }
}
