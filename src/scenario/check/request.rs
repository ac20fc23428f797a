//! Requests that the drill sends, for probes and load.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Checker, given};
use crate::scenario::plan::HttpRequest;
use crate::scenario::written::{Http, HttpForm};
use crate::text::{Field, Form, Pairs, Scalar, Span, quote};

/// The request, when all of it is right.
pub(crate) fn check(checker: &mut Checker<'_>, field: &Field<HttpForm>) -> Option<HttpRequest> {
    let (form, span) = given(field)?;
    match form {
        Form::Word(url) => {
            let url = checker.resolve(url, span, true)?;
            let url = checker.url(url, span)?;
            Some(HttpRequest { method: "GET".into(), url, headers: BTreeMap::new(), body: None, ca: None })
        }
        Form::Map(http) => full(checker, http, span),
        Form::List(never) => match *never {},
    }
}

fn full(checker: &mut Checker<'_>, http: &Http, span: Span) -> Option<HttpRequest> {
    let url =
        checker.need(&http.url, "url", span, "\"http://127.0.0.1:8080/health\"").and_then(|(raw, at)| {
            let url = checker.resolve(raw, at, true)?;
            checker.url(url, at)
        });
    let mut headers = headers(checker, &http.headers);
    if let (Some(second), Some(first)) = (http.json.key(), http.body.key()) {
        checker
            .problems
            .error("two-bodies", second, "`json` stands beside `body`: a request has one body")
            .other(first, "the other one")
            .help("keep one");
    }
    let mut body = checker.private_text(&http.body);
    if let (Some((json, at)), Some(headers)) = (given(&http.json), headers.as_mut()) {
        let mut json = json.0.clone();
        body = fill(checker, &mut json, at).then(|| json.to_string());
        if !headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
            headers.insert("content-type".into(), "application/json".into());
        }
    }
    let method = method(checker, &http.method, body.is_some());
    let ca = checker.text(&http.ca);
    let complete = !(http.body.is_bad() || http.json.is_bad() || http.ca.is_bad());
    complete.then_some(())?;
    Some(HttpRequest { method: method?, url: url?, headers: headers?, body, ca })
}

/// Resolves every text of a value; whether all could be. Keys are never substituted, and what is put in is quoted as
/// JSON asks, so that no value can change the shape of the body.
fn fill(checker: &mut Checker<'_>, json: &mut Value, at: Span) -> bool {
    match json {
        Value::String(text) => match checker.resolve(text, at, true) {
            Some(filled) => {
                *text = filled;
                true
            }
            None => false,
        },
        // All of them are asked, so that every problem is found.
        Value::Array(list) => {
            let good: Vec<bool> = list.iter_mut().map(|value| fill(checker, value, at)).collect();
            !good.contains(&false)
        }
        Value::Object(map) => {
            let good: Vec<bool> = map.values_mut().map(|value| fill(checker, value, at)).collect();
            !good.contains(&false)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn method(checker: &mut Checker<'_>, field: &Field<String>, has_body: bool) -> Option<String> {
    if field.is_absent() {
        return Some(if has_body { "POST" } else { "GET" }.into());
    }
    let (raw, span) = given(field)?;
    let method = checker.resolve(raw, span, false)?;
    if !method.is_empty() && method.len() <= 32 && method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-')
    {
        return Some(method);
    }
    checker
        .problems
        .error("bad-method", span, format!("{} is no HTTP method", quote(&method)))
        .help("methods are upper case, for example `GET`, `POST` or `PUT`");
    None
}

/// Headers by name; nothing when one of them cannot be sent.
fn headers(checker: &mut Checker<'_>, field: &Field<Pairs<Scalar>>) -> Option<BTreeMap<String, String>> {
    let (mut headers, mut good) = (BTreeMap::new(), !field.is_bad());
    for pair in field.get().into_iter().flatten() {
        if http::HeaderName::from_bytes(pair.name.as_bytes()).is_err() {
            checker
                .problems
                .error("bad-header", pair.name_span, format!("{} is no name of a header", quote(&pair.name)))
                .help("use letters, digits and `-`");
            good = false;
        }
        let Some((raw, span)) = given(&pair.value) else {
            good = false;
            continue;
        };
        let Some(value) = checker.resolve(&raw.0, span, true) else {
            good = false;
            continue;
        };
        if http::HeaderValue::from_str(&value).is_err() {
            checker
                .problems
                .error("bad-header", span, format!("the header's value {} cannot be sent", quote(&value)))
                .help("use visible characters on one line");
            good = false;
        }
        headers.insert(pair.name.to_ascii_lowercase(), value);
    }
    good.then_some(headers)
}
