//! Which requests, and which share of them.

use std::collections::BTreeMap;

use super::{Checker, given, key_span, optional};
use crate::fault::{Clients, Pattern, Percent, RequestMatch, Scope, Sticky};
use crate::scenario::written::{Match, Scope as WrittenScope, ScopePercent, ScopeSteps, StickyKey};
use crate::text::{Field, Form, Pairs, Scalar, Span, quote};

/// The requests meant; everything when nothing is written.
pub(in crate::scenario) fn requests(
    checker: &mut Checker<'_>,
    field: &Field<Form<String, Match>>,
) -> Option<RequestMatch> {
    if field.is_absent() {
        return Some(RequestMatch::default());
    }
    match given(field)? {
        (Form::Word(path), span) => {
            let path = glob(checker, path, span)?;
            Some(RequestMatch { path: Some(path_glob(checker, path, span)?), ..RequestMatch::default() })
        }
        (Form::Map(map), span) => full(checker, map, span),
        (Form::List(never), _) => match *never {},
    }
}

fn full(checker: &mut Checker<'_>, map: &Match, span: Span) -> Option<RequestMatch> {
    let one = |checker: &mut Checker<'_>, field: &Field<String>| -> Option<Option<Pattern>> {
        if field.is_absent() {
            return Some(None);
        }
        let (raw, at) = given(field)?;
        glob(checker, raw, at).map(Some)
    };
    let (method, path, host) = (one(checker, &map.method), one(checker, &map.path), one(checker, &map.host));
    let (client, grpc) = (one(checker, &map.client), one(checker, &map.grpc));
    let (headers, query) = (globs(checker, &map.headers), globs(checker, &map.query));
    let mut path = path?;
    if let (Some(glob), Some(at)) = (path.take(), map.path.span()) {
        path = Some(path_glob(checker, glob, at)?);
    }
    let matching = RequestMatch {
        method: method?,
        path,
        host: host?,
        headers: headers?,
        query: query?,
        client: client?.map(|pattern| Clients(pattern.0)),
        grpc: grpc?,
        status: None,
        opt_in: None,
    };
    if matching.is_empty() {
        checker
            .problems
            .warning("empty-match", span, "an empty matcher fits every request")
            .help("leave it out, or say which requests: `{method: POST, path: /v1/*}`");
    }
    Some(matching)
}

fn glob(checker: &mut Checker<'_>, raw: &str, span: Span) -> Option<Pattern> {
    let text = checker.resolve(raw, span, false)?;
    if text.is_empty() {
        checker
            .problems
            .error("bad-text", span, "an empty pattern fits nothing")
            .help("write `*` for anything");
        return None;
    }
    Some(Pattern(text))
}

/// A path begins with `/`, or its pattern fits one that does.
fn path_glob(checker: &mut Checker<'_>, glob: Pattern, span: Span) -> Option<Pattern> {
    if glob.0.starts_with(['/', '*', '?', '~']) {
        return Some(glob);
    }
    checker
        .problems
        .error("bad-text", span, format!("no path fits {}: paths begin with `/`", quote(&glob.0)))
        .help(format!("write {}", quote(&format!("/{}", glob.0))));
    None
}

fn globs(checker: &mut Checker<'_>, field: &Field<Pairs<Scalar>>) -> Option<BTreeMap<String, Pattern>> {
    let (mut globs, mut good) = (BTreeMap::new(), !field.is_bad());
    for pair in field.get().into_iter().flatten() {
        let value = given(&pair.value).and_then(|(raw, at)| glob(checker, &raw.0, at));
        match value {
            Some(value) => drop(globs.insert(pair.name.clone(), value)),
            None => good = false,
        }
    }
    good.then_some(globs)
}

/// A share, what is left of it when it wants to grow, and where it was written.
#[derive(Clone, Debug)]
pub(in crate::scenario) struct CheckedScope {
    pub(in crate::scenario) scope: Scope,
    /// The largest share that is asked for, now or later.
    pub(in crate::scenario) largest: Percent,
    /// Where the share was written, if it was.
    pub(in crate::scenario) percent_at: Option<Span>,
    /// Whether it asks for steps.
    pub(in crate::scenario) steps: bool,
}

/// The share; everything when nothing is written.
pub(in crate::scenario) fn scope(
    checker: &mut Checker<'_>,
    field: &Field<Form<Percent, WrittenScope>>,
) -> Option<CheckedScope> {
    let all = CheckedScope { scope: Scope::default(), largest: Percent::ALL, percent_at: None, steps: false };
    if field.is_absent() {
        return Some(all);
    }
    match given(field)? {
        (Form::Word(percent), at) => {
            let percent = somebody(checker, *percent, at)?;
            let scope = Scope { percent, ..Scope::default() };
            Some(CheckedScope { scope, largest: percent, percent_at: Some(at), steps: false })
        }
        (Form::Map(map), _) => {
            let share = share(checker, &map.percent);
            let sticky =
                if map.sticky.is_absent() { Some(None) } else { sticky(checker, &map.sticky).map(Some) };
            let exclude =
                if map.exclude.is_absent() { Some(None) } else { requests(checker, &map.exclude).map(Some) };
            let (percent, largest, steps) = share?;
            let scope = Scope { percent, sticky: sticky?, exclude: exclude?, requests: None };
            Some(CheckedScope { scope, largest, percent_at: map.percent.span(), steps })
        }
        (Form::List(never), _) => match *never {},
    }
}

/// The share to begin with, the largest, and whether it grows in between.
fn share(checker: &mut Checker<'_>, field: &Field<ScopePercent>) -> Option<(Percent, Percent, bool)> {
    if field.is_absent() {
        return Some((Percent::ALL, Percent::ALL, false));
    }
    match given(field)? {
        (Form::Word(percent), at) => {
            let percent = somebody(checker, *percent, at)?;
            Some((percent, percent, false))
        }
        (Form::Map(map), at) => steps(checker, map, at),
        (Form::List(never), _) => match *never {},
    }
}

fn steps(checker: &mut Checker<'_>, map: &ScopeSteps, at: Span) -> Option<(Percent, Percent, bool)> {
    checker.need(&map.every, "every", at, "60s");
    super::probes::positive(checker, &map.every, "every");
    let (list, at) = checker.need(&map.steps, "steps", at, "[1%, 5%, 25%]")?;
    let mut shares: Vec<Percent> = Vec::new();
    for entry in list {
        let Some((percent, at)) = given(entry) else { continue };
        let percent = somebody(checker, *percent, at)?;
        if let Some(last) = shares.last()
            && *last >= percent
        {
            checker
                .problems
                .error("bad-number", at, format!("the step {percent} does not grow from {last}"))
                .help("write the steps from small to large");
        }
        shares.push(percent);
    }
    let (Some(first), Some(last)) = (shares.first(), shares.last()) else {
        checker
            .problems
            .error("bad-number", at, "there is no step")
            .help("write for example `[1%, 5%, 25%]`");
        return None;
    };
    Some((*first, *last, true))
}

fn somebody(checker: &mut Checker<'_>, percent: Percent, at: Span) -> Option<Percent> {
    if percent == Percent::ZERO {
        checker
            .problems
            .error("bad-number", at, "a share of 0% hits nobody")
            .help("write more than 0%, or leave the fault out");
        return None;
    }
    Some(percent)
}

fn sticky(checker: &mut Checker<'_>, field: &Field<StickyKey>) -> Option<Sticky> {
    let (map, at) = given(field)?;
    let keys = [
        ("header", key_span(&map.header)),
        ("cookie", key_span(&map.cookie)),
        ("client", key_span(&map.client)),
    ];
    let key = checker.exactly_one(&keys, at, "what it sticks to", ("no-sticky-key", "two-sticky-keys"))?;
    match key {
        "header" => optional(&map.header)?.and_then(|_| checker.text(&map.header)).map(Sticky::Header),
        "cookie" => optional(&map.cookie)?.and_then(|_| checker.text(&map.cookie)).map(Sticky::Cookie),
        _ => given(&map.client).map(|_| Sticky::Client {}),
    }
}
