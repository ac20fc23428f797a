//! Tolerances: which keys fit which action, and numbers that can be.

use super::{Checker, given};
use crate::fault::Percent;
use crate::scenario::defaults;
use crate::scenario::plan::{JsonExpectation, KOfN, StatusRange, Tolerance};
use crate::scenario::written::Tolerance as Written;
use crate::text::{Field, Form, Json, Never, Pairs, Scalar, Span, quote};

/// What a probe does, for which keys of a tolerance fit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    Tcp,
    Run,
    Prometheus,
    /// Its action could not be read: every key may fit.
    Broken,
}

impl Kind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Run => "run",
            Self::Prometheus => "prometheus",
            Self::Broken => "probe",
        }
    }

    const fn keys(self) -> &'static [&'static str] {
        const TIMED: [&str; 6] = ["p50", "p95", "p99", "errors", "failures", "over"];
        match self {
            Self::Http => &["status", "body", "json", "p50", "p95", "p99", "errors", "failures", "over"],
            Self::Tcp => &TIMED,
            Self::Run => &["exit", "p50", "p95", "p99", "errors", "failures", "over"],
            Self::Prometheus => &["at_least", "at_most", "failures", "over"],
            Self::Broken => &[],
        }
    }
}

/// The tolerance with its defaults, when all of it is right.
pub(crate) fn check(checker: &mut Checker<'_>, field: &Field<Written>, kind: Kind) -> Option<Tolerance> {
    let default = Tolerance { over: defaults::OVER, ..Tolerance::default() };
    if field.is_absent() {
        return Some(default);
    }
    let (written, span) = given(field)?;
    let errors_before = checker.problems.len();
    fits(checker, written, kind);
    let any_bad = [
        written.exit.is_bad(),
        written.p50.is_bad(),
        written.p95.is_bad(),
        written.p99.is_bad(),
        written.errors.is_bad(),
        written.over.is_bad(),
        written.at_least.is_bad(),
        written.at_most.is_bad(),
        written.failures.is_bad(),
        written.status.is_bad(),
        written.body.is_bad(),
        written.json.is_bad(),
    ]
    .contains(&true);
    for (quantile, key) in [(&written.p50, "p50"), (&written.p95, "p95"), (&written.p99, "p99")] {
        super::probes::positive(checker, quantile, key);
    }
    let over = super::probes::positive(checker, &written.over, "over").unwrap_or(defaults::OVER);
    let tolerance = Tolerance {
        status: statuses(checker, &written.status),
        body: bodies(checker, &written.body),
        json: paths(checker, &written.json),
        exit: written.exit.get().copied(),
        p50: written.p50.get().copied(),
        p95: written.p95.get().copied(),
        p99: written.p99.get().copied(),
        errors: written.errors.get().copied(),
        failures: failures(checker, &written.failures),
        over,
        at_least: finite(checker, &written.at_least, "at_least"),
        at_most: finite(checker, &written.at_most, "at_most"),
    };
    contradictions(checker, written, &tolerance, span);
    (!any_bad && checker.problems.len() == errors_before).then_some(tolerance)
}

fn fits(checker: &mut Checker<'_>, written: &Written, kind: Kind) {
    let keys = [
        ("status", written.status.key()),
        ("body", written.body.key()),
        ("json", written.json.key()),
        ("exit", written.exit.key()),
        ("p50", written.p50.key()),
        ("p95", written.p95.key()),
        ("p99", written.p99.key()),
        ("errors", written.errors.key()),
        ("failures", written.failures.key()),
        ("over", written.over.key()),
        ("at_least", written.at_least.key()),
        ("at_most", written.at_most.key()),
    ];
    if kind == Kind::Broken {
        return;
    }
    for (key, at) in keys {
        let Some(at) = at else { continue };
        if !kind.keys().contains(&key) {
            let fitting: Vec<String> = kind.keys().iter().map(|key| format!("`{key}`")).collect();
            checker
                .problems
                .error("tolerance-unfit", at, format!("`{key}` says nothing about a `{}` probe", kind.word()))
                .help(format!("use {}", fitting.join(", ")));
        }
    }
}

fn contradictions(checker: &mut Checker<'_>, written: &Written, tolerance: &Tolerance, span: Span) {
    let quantiles = [
        ("p50", tolerance.p50, &written.p50),
        ("p95", tolerance.p95, &written.p95),
        ("p99", tolerance.p99, &written.p99),
    ];
    let given: Vec<_> =
        quantiles.iter().filter_map(|(key, value, field)| Some((key, (*value)?, field))).collect();
    for pair in given.windows(2) {
        let ((low_key, low, low_field), (high_key, high, high_field)) = (pair[0], pair[1]);
        if low > high {
            checker
                .problems
                .warning(
                    "loose-bound",
                    low_field.span().unwrap_or(span),
                    format!("`{low_key}` {low} can never be reached: `{high_key}` {high} is broken before"),
                )
                .other(high_field.span().unwrap_or(span), "the tighter bound")
                .help("leave the loose bound out, or lower it");
        }
    }
    if let (Some(least), Some(most)) = (tolerance.at_least, tolerance.at_most)
        && least > most
    {
        checker
            .problems
            .error("bad-number", span, format!("no number is at least {least} and at most {most}"))
            .help("swap them");
    }
    if tolerance.errors == Some(Percent::ALL) {
        checker
            .problems
            .warning(
                "loose-bound",
                written.errors.span().unwrap_or(span),
                "`errors: 100%` can never be exceeded",
            )
            .help("lower it, for example `errors: 1%`");
    }
}

fn statuses(
    checker: &mut Checker<'_>,
    field: &Field<Form<Scalar, Never, Vec<Field<Scalar>>>>,
) -> Vec<StatusRange> {
    let mut ranges = Vec::new();
    for (word, span) in words(field) {
        match status(&word.0) {
            Some(range) => ranges.push(range),
            None => {
                checker
                    .problems
                    .error("bad-number", span, format!("{} is no HTTP status", quote(&word.0)))
                    .help("write a status from 100 to 599 (`200`), a class (`2xx`), or a list of them");
            }
        }
    }
    ranges
}

/// `200` or `2xx`.
fn status(text: &str) -> Option<StatusRange> {
    if let Some(class) = text.strip_suffix("xx") {
        let class: u16 = class.parse().ok().filter(|class| (1..=5).contains(class))?;
        return Some(StatusRange { from: class * 100, to: class * 100 + 99 });
    }
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let one: u16 = digits.then(|| text.parse().ok())?.filter(|status| (100..=599).contains(status))?;
    Some(StatusRange { from: one, to: one })
}

fn bodies(checker: &mut Checker<'_>, field: &Field<Form<Scalar, Never, Vec<Field<Scalar>>>>) -> Vec<String> {
    let mut texts = Vec::new();
    for (word, span) in words(field) {
        if word.0.is_empty() {
            checker
                .problems
                .error("bad-text", span, "every body holds the empty text")
                .help("write what the body must hold");
        }
        texts.extend(checker.resolve(&word.0, span, false));
    }
    texts
}

/// The words of a list, or the only one.
fn words(field: &Field<Form<Scalar, Never, Vec<Field<Scalar>>>>) -> Vec<(&Scalar, Span)> {
    match given(field) {
        None => Vec::new(),
        Some((Form::Word(word), span)) => vec![(word, span)],
        Some((Form::List(list), _)) => list.iter().filter_map(given).collect(),
        Some((Form::Map(never), _)) => match *never {},
    }
}

fn paths(checker: &mut Checker<'_>, field: &Field<Pairs<Json>>) -> Vec<JsonExpectation> {
    let mut expectations = Vec::new();
    for pair in field.get().into_iter().flatten() {
        if !is_path(&pair.name) {
            checker
                .problems
                .error(
                    "bad-path",
                    pair.name_span,
                    format!("{} is no path into a JSON body", quote(&pair.name)),
                )
                .help("write for example `\"$.payments.state\"` or `\"$.items[0].id\"`");
        }
        if let Some((value, _)) = given(&pair.value) {
            expectations.push(JsonExpectation { path: pair.name.clone(), equals: value.0.clone() });
        }
    }
    expectations
}

/// `$`, then `.key` and `[index]` in any order.
fn is_path(path: &str) -> bool {
    let Some(mut rest) = path.strip_prefix('$') else { return false };
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix('.') {
            let end = tail.find(['.', '[']).unwrap_or(tail.len());
            if end == 0 {
                return false;
            }
            rest = &tail[end..];
        } else if let Some((index, tail)) = rest.strip_prefix('[').and_then(|tail| tail.split_once(']')) {
            if index.is_empty() || index.len() > 9 || !index.bytes().all(|byte| byte.is_ascii_digit()) {
                return false;
            }
            rest = tail;
        } else {
            return false;
        }
    }
    true
}

fn failures(checker: &mut Checker<'_>, field: &Field<String>) -> Option<KOfN> {
    let (text, span) = given(field)?;
    let parsed = text.split_once(" of ").and_then(|(k, n)| Some((number(k)?, number(n)?)));
    let Some((k, n)) = parsed else {
        checker
            .problems
            .error("bad-number", span, format!("{} does not say how many of how many", quote(text)))
            .help("write at most how many of the last how many may fail: `failures: 3 of 5`");
        return None;
    };
    if n == 0 || n > defaults::FAILURES_MAX || k >= n {
        let why = if k >= n { "can never be exceeded".to_owned() } else { format!("looks at {n}") };
        checker
            .problems
            .error("bad-number", span, format!("`{k} of {n}` {why}"))
            .help(format!("at most how many of the last 1 to {} may fail: `3 of 5`", defaults::FAILURES_MAX));
        return None;
    }
    Some(KOfN { k, n })
}

fn number(text: &str) -> Option<u32> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn finite(checker: &mut Checker<'_>, field: &Field<f64>, key: &str) -> Option<f64> {
    let (value, span) = given(field)?;
    if value.is_finite() {
        return Some(*value);
    }
    checker
        .problems
        .error("bad-number", span, format!("`{key}` is no number"))
        .help("write for example `40`");
    None
}
