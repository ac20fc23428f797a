//! The parameters of faults on processes.

use super::{Checker, given, key_span, optional};
use crate::fault::{
    Glob, HostFault, HowMany, ParameterProblem, Percent, ProcessKill, ProcessPause, ProcessRestart,
    ProcessSelector, Signal,
};
use crate::scenario::written::{
    ProcessKill as WrittenKill, ProcessPause as WrittenPause, ProcessRestart as WrittenRestart,
};
use crate::text::{Field, Form, Scalar, Span};

/// The keys that find processes, as all these faults write them.
struct Keys<'w> {
    name: &'w Field<Scalar>,
    pattern: &'w Field<String>,
    pid: &'w Field<Scalar>,
    user: &'w Field<Scalar>,
    port: &'w Field<Scalar>,
    exe: &'w Field<String>,
    exclude: &'w Field<Vec<Field<String>>>,
    count: &'w Field<u32>,
    percent: &'w Field<Percent>,
}

pub(crate) fn kill(checker: &mut Checker<'_>, field: &Field<Form<Scalar, WrittenKill>>) -> Option<HostFault> {
    let (form, at) = given(field)?;
    let (select, signal) = match form {
        Form::Word(name) => (named(checker, name, at)?, Signal::default()),
        Form::Map(map) => {
            let signal = signal(checker, &map.signal, Signal::default());
            (selector(checker, &kill_keys(map), at)?, signal?)
        }
        Form::List(never) => match *never {},
    };
    let fault = HostFault::ProcessKill(ProcessKill { select, signal });
    let map = if let Form::Map(map) = form { Some(map) } else { None };
    checked(checker, fault, |key| map.and_then(|map| place(&kill_keys(map), key)), at)
}

pub(crate) fn pause(
    checker: &mut Checker<'_>,
    field: &Field<Form<Scalar, WrittenPause>>,
) -> Option<HostFault> {
    let (form, at) = given(field)?;
    let select = match form {
        Form::Word(name) => named(checker, name, at)?,
        Form::Map(map) => selector(checker, &pause_keys(map), at)?,
        Form::List(never) => match *never {},
    };
    let fault = HostFault::ProcessPause(ProcessPause { select });
    let map = if let Form::Map(map) = form { Some(map) } else { None };
    checked(checker, fault, |key| map.and_then(|map| place(&pause_keys(map), key)), at)
}

pub(crate) fn restart(
    checker: &mut Checker<'_>,
    field: &Field<Form<Scalar, WrittenRestart>>,
) -> Option<HostFault> {
    let (form, at) = given(field)?;
    let (select, signal, grace) = match form {
        Form::Word(name) => (named(checker, name, at)?, ProcessRestart::signal(), ProcessRestart::grace()),
        Form::Map(map) => {
            let signal = signal(checker, &map.signal, ProcessRestart::signal());
            let select = selector(checker, &restart_keys(map), at);
            (select?, signal?, optional(&map.grace)?.unwrap_or(ProcessRestart::grace()))
        }
        Form::List(never) => match *never {},
    };
    let fault = HostFault::ProcessRestart(ProcessRestart { select, signal, grace });
    let map = if let Form::Map(map) = form { Some(map) } else { None };
    let place = |key: &str| match (key, map?) {
        ("grace", map) => map.grace.span(),
        (key, map) => place(&restart_keys(map), key),
    };
    checked(checker, fault, place, at)
}

fn kill_keys(map: &WrittenKill) -> Keys<'_> {
    let WrittenKill { name, pattern, pid, user, port, exe, exclude, count, percent, signal: _ } = map;
    Keys { name, pattern, pid, user, port, exe, exclude, count, percent }
}

fn pause_keys(map: &WrittenPause) -> Keys<'_> {
    let WrittenPause { name, pattern, pid, user, port, exe, exclude, count, percent } = map;
    Keys { name, pattern, pid, user, port, exe, exclude, count, percent }
}

fn restart_keys(map: &WrittenRestart) -> Keys<'_> {
    let WrittenRestart { name, pattern, pid, user, port, exe, exclude, count, percent, signal: _, grace: _ } =
        map;
    Keys { name, pattern, pid, user, port, exe, exclude, count, percent }
}

fn place(keys: &Keys<'_>, key: &str) -> Option<Span> {
    match key {
        "name" => keys.name.span(),
        "pattern" => key_span(keys.pattern),
        "pid" => key_span(keys.pid),
        "user" => key_span(keys.user),
        "port" => key_span(keys.port),
        "exe" => key_span(keys.exe),
        "count" => keys.count.span(),
        "percent" => keys.percent.span(),
        _ => None,
    }
}

fn named(checker: &mut Checker<'_>, name: &Scalar, at: Span) -> Option<ProcessSelector> {
    let name = pattern(checker, &name.0, at)?;
    Some(ProcessSelector { name: Some(name), ..ProcessSelector::default() })
}

fn pattern(checker: &mut Checker<'_>, raw: &str, at: Span) -> Option<Glob> {
    let text = checker.resolve(raw, at, false)?;
    // A pattern that fits everything would be as good as no selector at all.
    if text.chars().all(|c| c == '*') {
        checker
            .problems
            .error("bad-parameter", at, "the pattern fits every process of the host")
            .help("name the processes that are meant");
        return None;
    }
    Some(Glob(text))
}

fn selector(checker: &mut Checker<'_>, keys: &Keys<'_>, at: Span) -> Option<ProcessSelector> {
    let name = opt(keys.name, |raw, at| pattern(checker, &raw.0, at));
    let by_line = opt(keys.pattern, |raw, at| pattern(checker, raw, at));
    let exe = opt(keys.exe, |raw, at| pattern(checker, raw, at));
    let user = opt(keys.user, |raw, at| checker.resolve(&raw.0, at, false));
    let pid = opt(keys.pid, |raw, at| number(checker, raw, at, ("a process id", u64::from(u32::MAX))));
    let port = opt(keys.port, |raw, at| number(checker, raw, at, ("a TCP port", u64::from(u16::MAX))));
    let mut exclude = Vec::new();
    for entry in keys.exclude.get().into_iter().flatten() {
        exclude.extend(checker.text(entry).map(Glob));
    }
    let (count, percent) = (optional(keys.count)?, optional(keys.percent)?);
    if let (Some(_), Some(_)) = (count, percent) {
        checker
            .problems
            .error("bad-parameter", key_span(keys.percent).unwrap_or(at), "`percent` stands beside `count`")
            .other(key_span(keys.count).unwrap_or(at), "the other one")
            .help("keep one");
        return None;
    }
    if keys.exclude.is_bad() {
        return None;
    }
    Some(ProcessSelector {
        name: name?,
        pattern: by_line?,
        pid: pid?,
        user: user?,
        port: port?,
        exe: exe?,
        exclude,
        how_many: count.map(HowMany::Count).or(percent.map(HowMany::Percent)),
    })
}

/// A whole number that may stand in a variable.
fn number<T: TryFrom<u64>>(
    checker: &mut Checker<'_>,
    raw: &Scalar,
    at: Span,
    (what, max): (&str, u64),
) -> Option<T> {
    let text = checker.resolve(&raw.0, at, false)?;
    let number = text.parse().ok().filter(|number| (1..=max).contains(number));
    if number.is_none() {
        let found = text.escape_debug();
        checker
            .problems
            .error("bad-parameter", at, format!("`{found}` is no {}", what.trim_start_matches("a ")))
            .help(format!("{what} is a whole number from 1 to {max}"));
    }
    T::try_from(number?).ok()
}

/// Nothing, or what becomes of the value; `None` when it was bad or nothing came of it.
fn opt<T, U>(field: &Field<T>, read: impl FnOnce(&T, Span) -> Option<U>) -> Option<Option<U>> {
    if field.is_absent() {
        return Some(None);
    }
    let (value, at) = given(field)?;
    read(value, at).map(Some)
}

fn signal(checker: &mut Checker<'_>, field: &Field<String>, default: Signal) -> Option<Signal> {
    if field.is_absent() {
        return Some(default);
    }
    let (text, at) = given(field)?;
    text.parse().map_err(|why: String| checker.problems.error("bad-parameter", at, why)).ok()
}

fn checked(
    checker: &mut Checker<'_>,
    fault: HostFault,
    place: impl Fn(&str) -> Option<Span>,
    at: Span,
) -> Option<HostFault> {
    let problems = fault.check();
    report(checker, &problems, place, at);
    problems.is_empty().then_some(fault)
}

/// Problems of parameters, each at its key, or at the block.
pub(super) fn report(
    checker: &mut Checker<'_>,
    problems: &[ParameterProblem],
    place: impl Fn(&str) -> Option<Span>,
    at: Span,
) {
    for problem in problems {
        let span = place(&problem.key).unwrap_or(at);
        checker
            .problems
            .error("bad-parameter", span, format!("`{}` {}", problem.key, problem.why))
            .help(problem.way_out.clone());
    }
}
