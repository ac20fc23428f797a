//! Which requests, and which share of them.

use std::collections::BTreeMap;

use super::processes::report;
use super::{Checker, given, key_span, optional};
use crate::fault::{
    Clients, OPT_IN_HEADER, OptIn, Pattern, Percent, RequestMatch, Requests, Scope, Secret, Status, Statuses,
    Sticky,
};
use crate::scenario::written::{
    Match, OptIn as WrittenOptIn, RequestCount, Scope as WrittenScope, ScopePercent, ScopeSteps, StickyKey,
};
use crate::text::{Field, Form, Never, Pairs, Scalar, Span, quote};

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
    let (status, opt_in) = (statuses(checker, &map.status), opt_in(checker, &map.opt_in));
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
        status: status?,
        opt_in: opt_in?,
    };
    if matching.is_empty() {
        checker
            .problems
            .warning("empty-match", span, "an empty matcher fits every request")
            .help("leave it out, or say which requests: `{method: POST, path: /v1/*}`");
    }
    let problems = with_any_secret(&matching).check();
    report(checker, &problems, |key| place(map, key), span);
    problems.is_empty().then_some(matching)
}

/// The same with a secret that is long enough: the real one is only known when the drill begins.
fn with_any_secret(matching: &RequestMatch) -> RequestMatch {
    let mut judged = matching.clone();
    if let Some(opt_in) = &mut judged.opt_in {
        opt_in.secret = Secret("-".repeat(32));
    }
    judged
}

/// Where a key of a matcher was written; `headers.NAME` is one of its headers.
fn place(map: &Match, key: &str) -> Option<Span> {
    let one = |pairs: &Field<Pairs<Scalar>>, name: &str| pairs.get()?.get(name)?.value.span();
    match key.split_once('.') {
        Some(("headers", name)) => one(&map.headers, name),
        Some(("query", name)) => one(&map.query, name),
        Some(("opt_in", "header")) => map.opt_in.get()?.header.span(),
        Some(_) => None,
        None => match key {
            "method" => map.method.span(),
            "path" => map.path.span(),
            "host" => map.host.span(),
            "client" => map.client.span(),
            "grpc" => map.grpc.span(),
            "headers" => map.headers.span(),
            "query" => map.query.span(),
            _ => None,
        },
    }
}

/// The statuses of the upstream that are meant, each looked at.
fn statuses(
    checker: &mut Checker<'_>,
    field: &Field<Form<Scalar, Never, Vec<Field<Scalar>>>>,
) -> Option<Option<Statuses>> {
    if field.is_absent() {
        return Some(None);
    }
    let (form, at) = given(field)?;
    let words: Vec<(&str, Span)> = match form {
        Form::Word(word) => vec![(word.0.as_str(), at)],
        Form::Map(never) => match *never {},
        Form::List(list) if list.iter().any(Field::is_bad) => return None,
        Form::List(list) => list.iter().filter_map(given).map(|(word, at)| (word.0.as_str(), at)).collect(),
    };
    let mut wrong = |at: Span, why: String| {
        checker.problems.error("bad-parameter", at, why);
    };
    let mut list = Vec::new();
    for (word, at) in &words {
        match word.parse::<Status>() {
            Ok(status) => list.push(status),
            Err(why) => wrong(*at, why),
        }
    }
    if list.len() < words.len() {
        return None;
    }
    Statuses::new(list).map_err(|why| wrong(at, why)).ok().map(Some)
}

/// What opts in: the header, and a secret that stands in the file by name only.
fn opt_in(checker: &mut Checker<'_>, field: &Field<WrittenOptIn>) -> Option<Option<OptIn>> {
    if field.is_absent() {
        return Some(None);
    }
    let (map, at) = given(field)?;
    let header =
        if map.header.is_absent() { Some(OPT_IN_HEADER.to_owned()) } else { checker.text(&map.header) };
    let (raw, secret_at) = checker.need(&map.secret, "secret", at, "\"${secrets.OPT_IN}\"")?;
    if !raw.contains("${secrets.") {
        checker
            .problems
            .error("secret-in-file", secret_at, "what everybody can read in a file is no secret")
            .help(
                "declare it, `secrets: {OPT_IN: {env: OPT_IN_SECRET}}`, and write `${secrets.OPT_IN}` here",
            );
        return None;
    }
    let secret = Secret(checker.private_text(&map.secret)?);
    Some(Some(OptIn { header: header?, secret }))
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
    let is_regex = glob.is_regex();
    if is_regex || glob.0.starts_with(['/', '*', '?']) {
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
        (Form::Map(map), at) => {
            let share = share(checker, &map.percent);
            let sticky =
                if map.sticky.is_absent() { Some(None) } else { sticky(checker, &map.sticky).map(Some) };
            let exclude =
                if map.exclude.is_absent() { Some(None) } else { requests(checker, &map.exclude).map(Some) };
            let requests = requests_by_number(checker, &map.requests);
            let (percent, largest, steps) = share?;
            let scope = Scope { percent, sticky: sticky?, exclude: exclude?, requests: requests? };
            let within = |key: &str| match (key, map.exclude.get()) {
                ("exclude.status", Some(Form::Map(but))) => key_span(&but.status),
                ("exclude.opt_in", Some(Form::Map(but))) => key_span(&but.opt_in),
                _ => map.requests.span(),
            };
            let mut problems = scope.check();
            // Its secret is not known yet, and it cannot stand there at all.
            problems.retain(|problem| !problem.key.starts_with("exclude.opt_in."));
            report(checker, &problems, within, at);
            if !problems.is_empty() {
                return None;
            }
            Some(CheckedScope { scope, largest, percent_at: map.percent.span(), steps })
        }
        (Form::List(never), _) => match *never {},
    }
}

/// Which of them by their number; all when nothing is written.
fn requests_by_number(checker: &mut Checker<'_>, field: &Field<RequestCount>) -> Option<Option<Requests>> {
    if field.is_absent() {
        return Some(None);
    }
    let (map, at) = given(field)?;
    let keys =
        [("first", key_span(&map.first)), ("every", key_span(&map.every)), ("after", key_span(&map.after))];
    let rules = ("no-request-number", "two-request-numbers");
    Some(Some(match checker.exactly_one(&keys, at, "which of the requests", rules)? {
        "first" => Requests::First(*map.first.get()?),
        "every" => Requests::Every(*map.every.get()?),
        _ => Requests::After(*map.after.get()?),
    }))
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
