//! The steady state: how often, how long, and its probes.

use super::address::Use;
use super::tolerance::{self, Kind};
use super::{Checker, given, key_span, optional, request};
use crate::fault::Period;
use crate::scenario::defaults;
use crate::scenario::plan::{Probe, ProbeAction};
use crate::scenario::written::{Probe as Written, Prometheus, SteadyState};
use crate::text::{Field, Form, Never, Span, quote};

/// A probe that can be planned, or one that this version cannot ask.
#[derive(Clone, Debug)]
pub(crate) struct NamedProbe {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Where it was written.
    pub(crate) at: Span,
    /// Where its tolerance was written, for lints.
    pub(crate) tolerance_at: Span,
    /// Absent: it is broken (reported) or a `prometheus` probe (not acted on).
    pub(crate) probe: Option<Probe>,
}

/// What a file says about the steady state; times that are absent follow from the rest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steady {
    pub(crate) stable_for: Option<Period>,
    pub(crate) no_impact_after: Option<Period>,
    pub(crate) gate_within: Option<Period>,
    pub(crate) recovery_within: Option<Period>,
    pub(crate) probes: Vec<NamedProbe>,
}

type SteadyForm = Form<Never, SteadyState, Vec<Field<Written>>>;

pub(crate) fn check(checker: &mut Checker<'_>, field: &Field<SteadyForm>, top: Span) -> Steady {
    let example = "[{http: \"http://127.0.0.1:8080/health\"}]";
    let Some((form, span)) = checker.need(field, "steady_state", top, example) else {
        return Steady::default();
    };
    let (list, list_at, times) = match form {
        Form::Word(never) => match *never {},
        Form::List(list) => (list, span, None),
        Form::Map(map) => {
            let found = checker.need(&map.probes, "probes", field.key().unwrap_or(span), example);
            let Some((list, at)) = found else { return Steady::default() };
            (list, at, Some(map))
        }
    };
    let mut steady = Steady::default();
    let mut every = defaults::EVERY;
    if let Some(map) = times {
        every = interval(checker, &map.every).unwrap_or(every);
        steady.stable_for = positive(checker, &map.stable_for, "stable_for");
        steady.no_impact_after = positive(checker, &map.no_impact_after, "no_impact_after");
        steady.gate_within = positive(checker, &map.gate_within, "gate_within");
        steady.recovery_within = positive(checker, &map.recovery_within, "recovery_within");
    }
    if list.is_empty() {
        checker
            .problems
            .error("no-probe", list_at, "the steady state has no probe, so nothing could be judged")
            .help(format!("add one: `steady_state: {example}`"));
    }
    probes(checker, list, every, &mut steady);
    let unasked = |probe: &NamedProbe| probe.kind == Kind::Prometheus;
    if !steady.probes.is_empty() && steady.probes.iter().all(unasked) {
        checker
            .problems
            .error("no-probe", list_at, "this version does not ask Prometheus, and no other probe is left")
            .help("add a probe with `http`, `tcp` or `run`");
    }
    steady
}

fn probes(checker: &mut Checker<'_>, list: &[Field<Written>], every: Period, steady: &mut Steady) {
    let marked = list.iter().filter_map(Field::get).any(|probe| probe.impact.get() == Some(&true));
    let mut counts = [0_usize; 5];
    for entry in list {
        let Some((written, at)) = given(entry) else { continue };
        let found = kind(checker, written, at);
        let slot = &mut counts[found.map_or(4, |kind| kind as usize)];
        *slot += 1;
        let name = match checker.name(&written.name, "name") {
            Some((name, _)) => Some(name.to_owned()),
            None if written.name.is_absent() => found.map(|kind| defaults::numbered(kind.word(), *slot)),
            None => None,
        };
        let probe = one(checker, written, (found, at), name.clone().unwrap_or_default(), (every, marked));
        let Some(name) = name else { continue };
        let at = written.name.span().unwrap_or(at);
        if let Some(first) = steady.probes.iter().find(|probe| probe.name == name) {
            checker
                .problems
                .error("duplicate-name", at, format!("two probes are named `{name}`"))
                .other(first.at, "the first one")
                .help("give each probe its own `name`");
            continue;
        }
        let tolerance_at = key_span(&written.tolerance).unwrap_or(at);
        steady.probes.push(NamedProbe { name, kind: found.unwrap_or(Kind::Broken), at, tolerance_at, probe });
    }
}

/// A probe that stands by itself: it measures until it is good, and is neither an impact nor an invariant.
pub(crate) fn alone(
    checker: &mut Checker<'_>,
    written: &Written,
    at: Span,
    otherwise: &str,
) -> Option<Probe> {
    let kind = kind(checker, written, at);
    let own = checker.name(&written.name, "name").map(|(name, _)| name.to_owned());
    let name = if written.name.is_absent() { Some(otherwise.to_owned()) } else { own };
    let keys = [
        ("level", key_span(&written.level)),
        ("impact", key_span(&written.impact)),
        ("invariant", key_span(&written.invariant)),
    ];
    for (key, at) in keys {
        if let Some(at) = at {
            checker
                .problems
                .error("unfit-key", at, format!("`{key}` belongs to the probes of a steady state"))
                .help("leave it out");
        }
    }
    if let (Some(Kind::Prometheus), Some(at)) = (kind, written.prometheus.key()) {
        checker
            .problems
            .error("not-asked", at, "this version does not ask Prometheus, so the probe would never be good")
            .help("use `http`, `tcp` or `run`");
    }
    let probe = one(checker, written, (kind, at), String::new(), (defaults::EVERY, true))?;
    Some(Probe { name: name?, ..probe })
}

/// Which of the actions it has, when it has exactly one.
fn kind(checker: &mut Checker<'_>, written: &Written, at: Span) -> Option<Kind> {
    let keys = [
        ("http", key_span(&written.http)),
        ("tcp", key_span(&written.tcp)),
        ("run", key_span(&written.run)),
        ("prometheus", key_span(&written.prometheus)),
    ];
    let key = checker.exactly_one(&keys, at, "the action of a probe", ("no-action", "two-actions"))?;
    Some(match key {
        "http" => Kind::Http,
        "tcp" => Kind::Tcp,
        "run" => Kind::Run,
        _ => Kind::Prometheus,
    })
}

fn one(
    checker: &mut Checker<'_>,
    written: &Written,
    (kind, at): (Option<Kind>, Span),
    name: String,
    (every, marked): (Period, bool),
) -> Option<Probe> {
    let tolerance = tolerance::check(checker, &written.tolerance, kind.unwrap_or(Kind::Broken));
    let timeout = positive(checker, &written.timeout, "timeout").unwrap_or(defaults::PROBE_TIMEOUT);
    let invariant = optional(&written.invariant)?.unwrap_or(false);
    let impact = optional(&written.impact)?.unwrap_or(!marked && !invariant);
    let level = optional(&written.level)?.unwrap_or_default();
    let action = match kind? {
        Kind::Http => ProbeAction::Http(request::check(checker, &written.http)?),
        Kind::Tcp => {
            let text = checker.text(&written.tcp)?;
            ProbeAction::Tcp(checker.address(text, written.tcp.span()?, Use::Connect)?)
        }
        Kind::Run => ProbeAction::Run(command(checker, written, at)?),
        Kind::Prometheus => {
            prometheus(checker, &written.prometheus);
            checker.not_acted_on(format!("probe `{name}`: Prometheus is not asked; the probe is left out"));
            return None;
        }
        Kind::Broken => return None,
    };
    Some(Probe { name, level, impact, invariant, every, timeout, action, tolerance: tolerance? })
}

fn command(checker: &mut Checker<'_>, written: &Written, at: Span) -> Option<Vec<String>> {
    let (words, span) = given(&written.run)?;
    let mut command = Vec::with_capacity(words.len());
    for word in words {
        let (raw, span) = given(word)?;
        command.push(checker.resolve(&raw.0, span, true)?);
    }
    if command.first().is_none_or(|program| program.trim().is_empty()) {
        let place = if words.is_empty() { span } else { written.run.span().unwrap_or(at) };
        checker
            .problems
            .error("no-command", place, "`run` names no program")
            .help("write the program and its arguments: `run: [./check-charges, --fast]`; there is no shell");
        return None;
    }
    Some(command)
}

fn prometheus(checker: &mut Checker<'_>, field: &Field<Prometheus>) {
    let Some((written, span)) = given(field) else { return };
    if let Some((raw, at)) = checker.need(&written.url, "url", span, "\"http://127.0.0.1:9090\"")
        && let Some(url) = checker.resolve(raw, at, true)
    {
        checker.url(url, at);
    }
    if let Some((query, at)) = checker.need(&written.query, "query", span, "'sum(rate(orders_total[1m]))'")
        && query.trim().is_empty()
    {
        checker.problems.error("no-query", at, "the query is empty").help("write a PromQL expression");
    }
}

/// A length of time that is more than none.
pub(crate) fn positive(checker: &mut Checker<'_>, field: &Field<Period>, key: &str) -> Option<Period> {
    let (period, span) = given(field)?;
    if period.is_zero() {
        checker
            .problems
            .error("bad-number", span, format!("`{key}` is no time at all"))
            .help(format!("write more than zero, for example `{key}: 10s`, or leave it out"));
        return None;
    }
    Some(*period)
}

/// How often a probe measures: often enough to see something, rarely enough to be no load test.
fn interval(checker: &mut Checker<'_>, field: &Field<Period>) -> Option<Period> {
    let every = positive(checker, field, "every")?;
    if every < defaults::EVERY_MIN {
        let span = field.span()?;
        checker
            .problems
            .error("bad-number", span, format!("`every` is {every}, more often than {}", defaults::EVERY_MIN))
            .help(format!("use {} or more; `load` brings traffic", quote(&defaults::EVERY_MIN.to_string())));
        return None;
    }
    Some(every)
}
