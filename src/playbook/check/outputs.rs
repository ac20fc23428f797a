//! What is kept of a step's result.

use std::collections::BTreeMap;

use super::steps::is_value_name;
use crate::playbook::plan::Capture;
use crate::playbook::written::Output;
use crate::scenario::check::{Checker, given, key_span};
use crate::text::{Field, Form, JsonPath, Pairs, Span, quote};

pub(super) fn check(
    checker: &mut Checker<'_>,
    field: &Field<Pairs<Form<String, Output>>>,
    kind: Option<&str>,
) -> Option<BTreeMap<String, Capture>> {
    let (mut outputs, mut good) = (BTreeMap::new(), !field.is_bad());
    for pair in field.get().into_iter().flatten() {
        good &= is_value_name(checker, &pair.name, pair.name_span, "an output");
        let Some((form, at)) = given(&pair.value) else {
            good = false;
            continue;
        };
        let capture = match form {
            Form::Word(pattern) => stdout(checker, pattern, at, (at, kind)),
            Form::Map(map) => one(checker, map, at, kind),
            Form::List(never) => match *never {},
        };
        good &= capture.is_some();
        outputs.extend(capture.map(|capture| (pair.name.clone(), capture)));
    }
    good.then_some(outputs)
}

fn one(checker: &mut Checker<'_>, written: &Output, at: Span, kind: Option<&str>) -> Option<Capture> {
    let keys = [
        ("stdout", key_span(&written.stdout)),
        ("json", key_span(&written.json)),
        ("header", key_span(&written.header)),
    ];
    match checker.exactly_one(&keys, at, "what is kept", ("no-capture", "two-captures"))? {
        "stdout" => {
            let (pattern, at) = given(&written.stdout)?;
            stdout(checker, pattern, at, (written.stdout.key()?, kind))
        }
        "json" => {
            let (path, at) = given(&written.json)?;
            of_http(checker, "json", written.json.key()?, kind);
            if let Err(error) = path.parse::<JsonPath>() {
                let words = error.to_string();
                let (why, help) = words.split_once("; ").unwrap_or((&words, ""));
                checker.problems.error("bad-path", at, why).help(help);
                return None;
            }
            Some(Capture::Json(path.clone()))
        }
        _ => {
            let (name, at) = given(&written.header)?;
            of_http(checker, "header", written.header.key()?, kind);
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                checker
                    .problems
                    .error("bad-header", at, format!("{} is no name of a header", quote(name)))
                    .help("use letters, digits and `-`");
                return None;
            }
            Some(Capture::Header(name.to_ascii_lowercase()))
        }
    }
}

fn of_http(checker: &mut Checker<'_>, key: &str, at: Span, kind: Option<&str>) {
    if kind.is_some_and(|kind| kind != "http") {
        checker
            .problems
            .error("unfit-key", at, format!("`{key}` is of the answer to an `http` step"))
            .help("keep something of `stdout`: `{stdout: 'TICKET=(\\S+)'}`");
    }
}

fn stdout(
    checker: &mut Checker<'_>,
    pattern: &str,
    at: Span,
    (key, kind): (Span, Option<&str>),
) -> Option<Capture> {
    if kind.is_some_and(|kind| kind != "run") {
        checker
            .problems
            .error("unfit-key", key, "`stdout` is of the command of a `run` step")
            .help("keep something of the answer: `{json: \"$.id\"}` or `{header: location}`");
    }
    let compiled = match Capture::expression(pattern) {
        Ok(compiled) => compiled,
        Err(error) => {
            let why = match error {
                regex::Error::CompiledTooBig(limit) => format!("needs more than {limit} bytes when compiled"),
                // The last line says why; the ones before draw the place.
                other => other.to_string().lines().last().unwrap_or_default().replace("error: ", ""),
            };
            checker
                .problems
                .error("bad-pattern", at, format!("{} is no pattern: {why}", quote(pattern)))
                .help("write a regular expression with one group: `'TICKET=(\\S+)'`");
            return None;
        }
    };
    if compiled.captures_len() < 2 {
        checker
            .problems
            .error("bad-pattern", at, format!("{} has no group, so nothing would be kept", quote(pattern)))
            .help("put what is kept in parentheses: `'TICKET=(\\S+)'`");
        return None;
    }
    Some(Capture::Stdout(pattern.to_owned()))
}
