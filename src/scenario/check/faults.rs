//! Fault entries: exactly one fault, a target that it fits, a beginning and an end.

use super::matching::{self, CheckedScope};
use super::targets::{self, Places};
use super::{Checker, given, key_span, optional, parameters, schedule};
use crate::fault::{Fault, HostSelector, LOCAL_HOST, Period, Protocol, Target};
use crate::scenario::defaults;
use crate::scenario::plan::{PlannedFault, Start, Until};
use crate::scenario::written::{FaultEntry, StartAfter};
use crate::text::{Field, Form, Span, quote};

/// A fault entry, as far as it is right.
#[derive(Clone, Debug)]
pub(in crate::scenario) struct NamedFault {
    pub(in crate::scenario) id: String,
    /// Where its id, or else the entry, was written.
    pub(in crate::scenario) at: Span,
    /// Where its kind was written.
    pub(in crate::scenario) kind_at: Span,
    pub(in crate::scenario) max_at: Option<Span>,
    pub(in crate::scenario) start_at: Option<Span>,
    pub(in crate::scenario) scope: Option<CheckedScope>,
    /// Absent: broken, and reported.
    pub(in crate::scenario) fault: Option<PlannedFault>,
    /// Why this version leaves it out, if it does.
    pub(in crate::scenario) left_out: Option<String>,
}

pub(in crate::scenario) fn check(
    checker: &mut Checker<'_>,
    field: &Field<Vec<Field<FaultEntry>>>,
    top: Span,
    places: Places<'_>,
    has_playbook: bool,
) -> Vec<NamedFault> {
    let Some((list, at)) =
        checker.need(field, "faults", top, "[{latency: 2s, target: route/payments, max: 2m}]")
    else {
        return Vec::new();
    };
    if list.is_empty() {
        checker
            .problems
            .error("no-fault", at, "there is no fault")
            .help("add one: `- {latency: 2s, target: route/payments, max: 2m}`");
    }
    let mut faults: Vec<NamedFault> = Vec::new();
    let mut counts = std::collections::BTreeMap::new();
    for entry in list {
        let Some((entry, at)) = given(entry) else { continue };
        let rules = ("no-fault", "two-faults");
        let kind = checker.exactly_one(&parameters::kinds(entry), at, "the fault of an entry", rules);
        let count = counts.entry(kind).or_insert(0_usize);
        *count += 1;
        let id = match checker.name(&entry.id, "id") {
            Some((id, _)) => Some(id.to_owned()),
            None if entry.id.is_absent() => kind.map(|kind| defaults::numbered(kind, *count)),
            None => None,
        };
        let checked = one(checker, entry, (kind, at), id, places, has_playbook);
        let Some(fault) = checked else { continue };
        if let Some(first) = faults.iter().find(|first| first.id == fault.id) {
            checker
                .problems
                .error("duplicate-name", fault.at, format!("two faults have the id `{}`", fault.id))
                .other(first.at, "the first one")
                .help("give each its own `id`");
            continue;
        }
        faults.push(fault);
    }
    faults
}

fn one(
    checker: &mut Checker<'_>,
    entry: &FaultEntry,
    (kind, at): (Option<&'static str>, Span),
    id: Option<String>,
    places: Places<'_>,
    has_playbook: bool,
) -> Option<NamedFault> {
    let fault = kind.and_then(|kind| parameters::fault(checker, entry, kind));
    let target = checker
        .need(&entry.target, "target", at, "route/payments")
        .and_then(|(text, at)| targets::check(checker, text, at, places));
    let matching = matching::requests(checker, &entry.matching);
    let scope = matching::scope(checker, &entry.scope);
    let schedule = schedule::check(checker, &entry.schedule);
    let limited_to = (matching.as_ref(), scope.as_ref().map(|scope| &scope.scope));
    schedule::fits(checker, entry, fault.as_ref(), limited_to, schedule.flatten().as_ref());
    let hosts = hosts(checker, entry);
    if let (Some(kind), Some(target)) = (kind, &target) {
        fits(checker, entry, kind, target);
    }
    if let Some(Target::Route(route)) = &target {
        speaks(checker, entry, fault.as_ref(), (matching.as_ref(), scope.as_ref()), (route, places));
    }
    let instant = kind.is_some_and(|kind| matches!(kind, "process_kill" | "process_restart"));
    let max = end(checker, entry, kind.map(|_| instant), at);
    let until = until(checker, entry, max, has_playbook);
    let start = start(checker, &entry.start);
    let on_remove = optional(&entry.on_remove);
    let id = id?;
    let left_out = left_out(&id, target.as_ref(), scope.as_ref(), checker);
    let planned = (|| {
        let fault = fault?;
        hosts?;
        Some(PlannedFault {
            id: id.clone(),
            target: target?,
            undo: fault.undo_class(),
            matching: matching?,
            scope: scope.as_ref()?.scope.clone(),
            schedule: schedule?,
            start: start?,
            until: if instant { Until::Max } else { until? },
            max: if instant { None } else { Some(max?) },
            on_remove: on_remove?.unwrap_or_default(),
            fault,
        })
    })();
    Some(NamedFault {
        id,
        at: entry.id.span().unwrap_or(at),
        kind_at: kind
            .and_then(|kind| parameters::kinds(entry).iter().find(|(k, _)| *k == kind)?.1)
            .unwrap_or(at),
        max_at: entry.max.span(),
        start_at: entry.start.span(),
        scope,
        fault: planned,
        left_out,
    })
}

/// Why this version cannot act on a fault that is well written; and what of it stays behind.
fn left_out(
    id: &str,
    target: Option<&Target>,
    scope: Option<&CheckedScope>,
    checker: &mut Checker<'_>,
) -> Option<String> {
    if let Some(scope) = scope
        && scope.steps
    {
        let first = scope.scope.percent;
        checker
            .not_acted_on(format!("fault `{id}`: scope.percent.steps; it stays at the first step, {first}"));
    }
    match target? {
        Target::Route(_) => None,
        Target::Host(HostSelector::Named(name)) if name == LOCAL_HOST => None,
        target => Some(format!(
            "fault `{id}`: only `host/{LOCAL_HOST}` is reached, not `{target}`; the fault is left out"
        )),
    }
}

/// A traffic fault is for a route, a host fault for a host; and so are the keys beside them.
fn fits(checker: &mut Checker<'_>, entry: &FaultEntry, kind: &str, target: &Target) {
    let traffic = crate::fault::TrafficFault::KINDS.contains(&kind);
    let on_route = matches!(target, Target::Route(_));
    let at = entry.target.span().unwrap_or_default();
    if traffic != on_route {
        let (what, place) =
            if traffic { ("acts on traffic", "`route/NAME`") } else { ("acts on processes", "`host/local`") };
        let message = format!("`{kind}` {what} and cannot be done to {}", quote(&target.to_string()));
        checker.problems.error("wrong-target", at, message).help(format!("its target is {place}"));
    }
    let traffic_keys = [
        ("match", key_span(&entry.matching)),
        ("scope", key_span(&entry.scope)),
        ("schedule", key_span(&entry.schedule)),
        ("on_remove", key_span(&entry.on_remove)),
    ];
    let host_keys = [("hosts", key_span(&entry.hosts))];
    let (unfit, of): (&[_], _) = if traffic { (&host_keys, "a host") } else { (&traffic_keys, "a traffic") };
    for (key, at) in unfit {
        let Some(at) = at else { continue };
        checker
            .problems
            .error("unfit-key", *at, format!("`{key}` says something about {of} fault, and `{kind}` is none"))
            .help("leave it out");
    }
}

/// What only an HTTP request has cannot be asked of a route that speaks plain TCP.
fn speaks(
    checker: &mut Checker<'_>,
    entry: &FaultEntry,
    fault: Option<&Fault>,
    (matching, scope): (Option<&crate::fault::RequestMatch>, Option<&CheckedScope>),
    (route, places): (&str, Places<'_>),
) {
    if let Some(Fault::Traffic(fault)) = fault
        && fault.is_of_connections()
    {
        let mut say = |at: Option<Span>, what: &str| {
            let message = format!("`{}` acts on whole connections, and {what} needs a request", fault.kind());
            let problem = checker.problems.error("of-connections", at.unwrap_or_default(), message);
            problem.help("leave it out, or name only `client` in it");
        };
        if matching.is_some_and(crate::fault::RequestMatch::needs_http) {
            say(key_span(&entry.matching), "this `match`");
        }
        if scope.is_some_and(|scope| scope.scope.needs_http()) {
            say(key_span(&entry.scope), "this `scope`");
        }
        return;
    }
    if places.protocol(route) != Some(Protocol::Tcp) {
        return;
    }
    let mut say = |at: Option<Span>, what: &str| {
        let message = format!("{what} needs HTTP, and the route `{route}` has `protocol: tcp`");
        let problem = checker.problems.error("needs-http", at.unwrap_or_default(), message);
        problem.help("let the route have `protocol: http` (or `auto`), or leave this out");
    };
    if let Some(Fault::Traffic(fault)) = fault
        && fault.needs_http()
    {
        let at =
            parameters::kinds(entry).into_iter().find_map(|(kind, at)| at.filter(|_| kind == fault.kind()));
        say(at, &format!("this `{}`", fault.kind()));
    }
    if matching.is_some_and(crate::fault::RequestMatch::needs_http) {
        say(key_span(&entry.matching), "this `match`");
    }
    if scope.is_some_and(|scope| scope.scope.needs_http()) {
        say(key_span(&entry.scope), "this `scope`");
    }
}

/// Which of the hosts: well formed, and at least one.
fn hosts(checker: &mut Checker<'_>, entry: &FaultEntry) -> Option<()> {
    if entry.hosts.is_absent() {
        return Some(());
    }
    let (hosts, at) = given(&entry.hosts)?;
    let keys = [("count", key_span(&hosts.count)), ("percent", key_span(&hosts.percent))];
    let rules = ("bad-parameter", "bad-parameter");
    checker.exactly_one(&keys, at, "how many of the hosts", rules)?;
    let none =
        hosts.count.get() == Some(&0) || hosts.percent.get().is_some_and(|p| p.parts_per_million() == 0);
    if none {
        checker.problems.error("bad-number", at, "no host would be hit").help("write 1 or more");
        return None;
    }
    Some(())
}

/// `max`: required, except of a fault that is done in a moment, where it is refused.
fn end(checker: &mut Checker<'_>, entry: &FaultEntry, instant: Option<bool>, at: Span) -> Option<Period> {
    match instant {
        Some(true) => {
            for (key, span) in [("max", key_span(&entry.max)), ("until", key_span(&entry.until))] {
                let Some(span) = span else { continue };
                checker
                    .problems
                    .error("max-on-instant", span, format!("a fault that is done in a moment has no `{key}`"))
                    .help("leave it out");
            }
            None
        }
        Some(false) => {
            checker.need(&entry.max, "max", at, "2m");
            super::probes::positive(checker, &entry.max, "max")
        }
        None => super::probes::positive(checker, &entry.max, "max"),
    }
}

fn until(
    checker: &mut Checker<'_>,
    entry: &FaultEntry,
    max: Option<Period>,
    has_playbook: bool,
) -> Option<Until> {
    if entry.until.is_absent() {
        return Some(if has_playbook { Until::Recovered } else { Until::Max });
    }
    let (text, at) = given(&entry.until)?;
    if text == "recovered" {
        return Some(Until::Recovered);
    }
    let Ok(period) = text.parse::<Period>() else {
        checker
            .problems
            .error("bad-until", at, format!("`until` {} is no length of time", quote(text)))
            .help("write `recovered`, or a length of time such as `90s`; absent means until `max`");
        return None;
    };
    if period.is_zero() {
        checker.problems.error("bad-number", at, "`until` is no time at all").help("write for example `90s`");
        return None;
    }
    if let Some(max) = max
        && period > max
    {
        checker
            .problems
            .error("until-beyond-max", at, format!("`until` {period} lies beyond `max` {max}"))
            .other(entry.max.span().unwrap_or(at), "the hard end")
            .help(format!("write {max} or less, or raise `max`"));
        return None;
    }
    Some(Until::For(period))
}

fn start(checker: &mut Checker<'_>, field: &Field<Form<Period, StartAfter>>) -> Option<Start> {
    if field.is_absent() {
        return Some(Start { after: None, delay: Period::ZERO });
    }
    match given(field)? {
        (Form::Word(delay), _) => Some(Start { after: None, delay: *delay }),
        (Form::Map(map), _) => {
            let after = match checker.name(&map.after, "after") {
                Some((after, _)) => Some(after.to_owned()),
                None if map.after.is_absent() => None,
                None => return None,
            };
            Some(Start { after, delay: optional(&map.delay)?.unwrap_or_default() })
        }
        (Form::List(never), _) => match *never {},
    }
}
