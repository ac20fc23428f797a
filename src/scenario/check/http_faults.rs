//! The parameters of the faults that act on HTTP requests and answers.

use std::collections::BTreeMap;

use super::parameters::checked;
use super::{Checker, given, optional};
use crate::fault::{
    Drip, GrpcError, HttpBody, HttpError, HttpHeaders, HttpRedirectLoop, KeepAliveKill, TrafficFault,
};
use crate::scenario::written::{Drip as WrittenDrip, FaultEntry};
use crate::text::{Field, Form, Pairs, Scalar};

pub(super) fn http_error(checker: &mut Checker<'_>, entry: &FaultEntry) -> Option<TrafficFault> {
    let (form, at) = given(&entry.http_error)?;
    let (fault, map) = match form {
        Form::Word(status) => (HttpError { status: *status, ..HttpError::default() }, None),
        Form::Map(map) => {
            let status = checker.need(&map.status, "status", at, "503");
            let (body, headers) = (text(checker, &map.body), texts(checker, &map.headers));
            let fault = HttpError {
                status: *status?.0,
                body: body?,
                headers: headers?,
                retry_after: optional(&map.retry_after)?,
                when: optional(&map.when)?.unwrap_or_default(),
            };
            (fault, Some(map))
        }
        Form::List(never) => match *never {},
    };
    let place = |key: &str| match (key, map?) {
        ("status", map) => map.status.span(),
        ("body", map) => map.body.span(),
        ("headers", map) => map.headers.span(),
        ("retry_after", map) => map.retry_after.span(),
        _ => None,
    };
    checked(checker, TrafficFault::HttpError(fault), place, at)
}

pub(super) fn http_body(checker: &mut Checker<'_>, entry: &FaultEntry) -> Option<TrafficFault> {
    let (map, at) = given(&entry.http_body)?;
    let (drip, replace) = (drip(checker, &map.drip), text(checker, &map.replace));
    let fault = HttpBody {
        truncate: optional(&map.truncate)?,
        drip: drip?,
        replace: replace?,
        corrupt: optional(&map.corrupt)?,
        wrong_length: optional(&map.wrong_length)?,
        no_last_chunk: optional(&map.no_last_chunk)?.unwrap_or_default(),
        direction: optional(&map.direction)?.unwrap_or_default(),
    };
    let place = |key: &str| match key {
        "truncate" => map.truncate.span(),
        "drip" => map.drip.span(),
        "replace" => map.replace.span(),
        "corrupt" => map.corrupt.span(),
        "wrong_length" => map.wrong_length.span(),
        "no_last_chunk" => map.no_last_chunk.span(),
        "direction" => map.direction.span(),
        _ => None,
    };
    checked(checker, TrafficFault::HttpBody(fault), place, at)
}

pub(super) fn http_headers(checker: &mut Checker<'_>, entry: &FaultEntry) -> Option<TrafficFault> {
    let (map, at) = given(&entry.http_headers)?;
    let (set, slow) = (texts(checker, &map.set), drip(checker, &map.slow));
    let names = map.remove.get().into_iter().flatten();
    let remove: Option<Vec<String>> = names.map(|name| checker.text(name)).collect();
    let fault = HttpHeaders {
        set: set?,
        remove: if map.remove.is_bad() { None } else { remove }?,
        huge: optional(&map.huge)?,
        slow: slow?,
        direction: optional(&map.direction)?.unwrap_or_default(),
    };
    let place = |key: &str| match key {
        "set" => map.set.span(),
        "remove" => map.remove.span(),
        "huge" => map.huge.span(),
        "slow" => map.slow.span(),
        "direction" => map.direction.span(),
        _ => None,
    };
    checked(checker, TrafficFault::HttpHeaders(fault), place, at)
}

pub(super) fn grpc_error(checker: &mut Checker<'_>, entry: &FaultEntry) -> Option<TrafficFault> {
    let (form, at) = given(&entry.grpc_error)?;
    let (fault, map) = match form {
        Form::Word(status) => (GrpcError::new(*status), None),
        Form::Map(map) => {
            let status = checker.need(&map.status, "status", at, "UNAVAILABLE");
            let message = text(checker, &map.message);
            let fault = GrpcError {
                status: *status?.0,
                message: message?,
                trailers: optional(&map.trailers)?.unwrap_or(true),
                when: optional(&map.when)?.unwrap_or_default(),
            };
            (fault, Some(map))
        }
        Form::List(never) => match *never {},
    };
    let place = |key: &str| if key == "message" { map?.message.span() } else { None };
    checked(checker, TrafficFault::GrpcError(fault), place, at)
}

pub(super) fn keep_alive_kill(checker: &mut Checker<'_>, entry: &FaultEntry) -> Option<TrafficFault> {
    let (map, at) = given(&entry.keep_alive_kill)?;
    let fault = KeepAliveKill {
        after_requests: optional(&map.after_requests)?,
        silent: optional(&map.silent)?.unwrap_or_default(),
    };
    checked(checker, TrafficFault::KeepAliveKill(fault), |_| map.after_requests.span(), at)
}

pub(super) fn http_redirect_loop(checker: &mut Checker<'_>, entry: &FaultEntry) -> Option<TrafficFault> {
    let (form, at) = given(&entry.http_redirect_loop)?;
    let usual = HttpRedirectLoop::default();
    let (fault, map) = match form {
        Form::Word(status) => (HttpRedirectLoop { status: *status, ..usual }, None),
        Form::Map(map) => {
            let location = text(checker, &map.location);
            let status = optional(&map.status)?.unwrap_or(usual.status);
            (HttpRedirectLoop { status, location: location? }, Some(map))
        }
        Form::List(never) => match *never {},
    };
    let place = |key: &str| match (key, map?) {
        ("status", map) => map.status.span(),
        ("location", map) => map.location.span(),
        _ => None,
    };
    checked(checker, TrafficFault::HttpRedirectLoop(fault), place, at)
}

/// Nothing, or the text with its variables replaced.
fn text(checker: &mut Checker<'_>, field: &Field<String>) -> Option<Option<String>> {
    if field.is_absent() { Some(None) } else { checker.text(field).map(Some) }
}

/// Texts by name, each with its variables replaced.
fn texts(checker: &mut Checker<'_>, field: &Field<Pairs<Scalar>>) -> Option<BTreeMap<String, String>> {
    let (mut texts, mut good) = (BTreeMap::new(), !field.is_bad());
    for pair in field.get().into_iter().flatten() {
        match given(&pair.value).and_then(|(raw, at)| checker.resolve(&raw.0, at, false)) {
            Some(value) => drop(texts.insert(pair.name.clone(), value)),
            None => good = false,
        }
    }
    good.then_some(texts)
}

fn drip(checker: &mut Checker<'_>, field: &Field<WrittenDrip>) -> Option<Option<Drip>> {
    if field.is_absent() {
        return Some(None);
    }
    let (map, at) = given(field)?;
    let size = checker.need(&map.size, "size", at, "64B");
    let every = checker.need(&map.every, "every", at, "100ms");
    Some(Some(Drip { size: *size?.0, every: *every?.0 }))
}
