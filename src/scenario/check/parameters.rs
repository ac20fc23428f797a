//! The parameters of each fault: from what was written to the fault itself.

use super::processes::{self, report};
use super::{Checker, given, key_span, optional};
use super::{connections, http_faults, latency};
use crate::fault::{
    AcceptStall, Bandwidth, Blackhole, ByteRate, ConnectionLimit, Excess, Fault, Period, Refuse, Reset,
    Stall, TrafficFault,
};
use crate::scenario::written::{
    Bandwidth as WrittenBandwidth, ConnectionLimit as WrittenLimit, FaultEntry, Stall as WrittenStall,
};
use crate::text::{Field, Form, Span};

/// Every kind of fault with the place of its key, where it was written.
pub(in crate::scenario) fn kinds(entry: &FaultEntry) -> [(&'static str, Option<Span>); 22] {
    [
        ("latency", key_span(&entry.latency)),
        ("bandwidth", key_span(&entry.bandwidth)),
        ("reset", key_span(&entry.reset)),
        ("blackhole", key_span(&entry.blackhole)),
        ("stall", key_span(&entry.stall)),
        ("slow_close", key_span(&entry.slow_close)),
        ("limit_data", key_span(&entry.limit_data)),
        ("limit_time", key_span(&entry.limit_time)),
        ("slicer", key_span(&entry.slicer)),
        ("corrupt", key_span(&entry.corrupt)),
        ("refuse", key_span(&entry.refuse)),
        ("accept_stall", key_span(&entry.accept_stall)),
        ("connection_limit", key_span(&entry.connection_limit)),
        ("http_error", key_span(&entry.http_error)),
        ("http_body", key_span(&entry.http_body)),
        ("http_headers", key_span(&entry.http_headers)),
        ("grpc_error", key_span(&entry.grpc_error)),
        ("keep_alive_kill", key_span(&entry.keep_alive_kill)),
        ("http_redirect_loop", key_span(&entry.http_redirect_loop)),
        ("process_kill", key_span(&entry.process_kill)),
        ("process_pause", key_span(&entry.process_pause)),
        ("process_restart", key_span(&entry.process_restart)),
    ]
}

/// The fault of this kind, when its parameters are right.
pub(in crate::scenario) fn fault(checker: &mut Checker<'_>, entry: &FaultEntry, kind: &str) -> Option<Fault> {
    match kind {
        "latency" => latency::check(checker, &entry.latency).map(Fault::Traffic),
        "bandwidth" => bandwidth(checker, &entry.bandwidth).map(Fault::Traffic),
        "reset" => {
            let (map, at) = given(&entry.reset)?;
            let reset = Reset {
                after: optional(&map.after)?,
                after_bytes: optional(&map.after_bytes)?,
                from: optional(&map.from)?.unwrap_or_default(),
                direction: optional(&map.direction)?,
            };
            let place = |key: &str| match key {
                "after_bytes" => map.after_bytes.span(),
                "direction" => map.direction.span(),
                _ => None,
            };
            checked(checker, TrafficFault::Reset(reset), place, at).map(Fault::Traffic)
        }
        "blackhole" => {
            let (map, at) = given(&entry.blackhole)?;
            let direction = optional(&map.direction)?.unwrap_or_default();
            let hole = Blackhole { direction, close_after: optional(&map.close_after)? };
            checked(checker, TrafficFault::Blackhole(hole), |_| map.close_after.span(), at)
                .map(Fault::Traffic)
        }
        "stall" => stall(checker, &entry.stall).map(Fault::Traffic),
        "slow_close" => connections::slow_close(checker, entry).map(Fault::Traffic),
        "limit_data" => connections::limit_data(checker, entry).map(Fault::Traffic),
        "limit_time" => connections::limit_time(checker, entry).map(Fault::Traffic),
        "slicer" => connections::slicer(checker, entry).map(Fault::Traffic),
        "corrupt" => connections::corrupt(checker, entry).map(Fault::Traffic),
        "refuse" => given(&entry.refuse).map(|_| Fault::Traffic(TrafficFault::Refuse(Refuse {}))),
        "accept_stall" => {
            given(&entry.accept_stall).map(|_| Fault::Traffic(TrafficFault::AcceptStall(AcceptStall {})))
        }
        "connection_limit" => connection_limit(checker, &entry.connection_limit).map(Fault::Traffic),
        "http_error" => http_faults::http_error(checker, entry).map(Fault::Traffic),
        "http_body" => http_faults::http_body(checker, entry).map(Fault::Traffic),
        "http_headers" => http_faults::http_headers(checker, entry).map(Fault::Traffic),
        "grpc_error" => http_faults::grpc_error(checker, entry).map(Fault::Traffic),
        "keep_alive_kill" => http_faults::keep_alive_kill(checker, entry).map(Fault::Traffic),
        "http_redirect_loop" => http_faults::http_redirect_loop(checker, entry).map(Fault::Traffic),
        "process_kill" => processes::kill(checker, &entry.process_kill).map(Fault::Host),
        "process_pause" => processes::pause(checker, &entry.process_pause).map(Fault::Host),
        "process_restart" => processes::restart(checker, &entry.process_restart).map(Fault::Host),
        _ => None,
    }
}

fn bandwidth(
    checker: &mut Checker<'_>,
    field: &Field<Form<ByteRate, WrittenBandwidth>>,
) -> Option<TrafficFault> {
    let (form, at) = given(field)?;
    let fault = match form {
        Form::Word(rate) => Bandwidth { rate: *rate, direction: Default::default() },
        Form::Map(map) => {
            let (rate, _) = checker.need(&map.rate, "rate", at, "100KB/s")?;
            Bandwidth { rate: *rate, direction: optional(&map.direction)?.unwrap_or_default() }
        }
        Form::List(never) => match *never {},
    };
    checked(checker, TrafficFault::Bandwidth(fault), |_| None, at)
}

fn stall(checker: &mut Checker<'_>, field: &Field<Form<Period, WrittenStall>>) -> Option<TrafficFault> {
    let (form, at) = given(field)?;
    let (fault, map) = match form {
        Form::Word(lasts) => (Stall { lasts: Some(*lasts), ..Stall::default() }, None),
        Form::Map(map) => {
            let fault = Stall {
                after_bytes: optional(&map.after_bytes)?,
                lasts: optional(&map.lasts)?,
                direction: optional(&map.direction)?.unwrap_or_default(),
            };
            (fault, Some(map))
        }
        Form::List(never) => match *never {},
    };
    let place = |key: &str| if key == "for" { map?.lasts.span() } else { None };
    checked(checker, TrafficFault::Stall(fault), place, at)
}

fn connection_limit(
    checker: &mut Checker<'_>,
    field: &Field<Form<u64, WrittenLimit>>,
) -> Option<TrafficFault> {
    let (form, at) = given(field)?;
    let (fault, map) = match form {
        Form::Word(max) => (ConnectionLimit { max: *max, excess: Excess::default() }, None),
        Form::Map(map) => {
            let (max, _) = checker.need(&map.max, "max", at, "10")?;
            let excess = optional(&map.excess)?.unwrap_or_default();
            (ConnectionLimit { max: *max, excess }, Some(map))
        }
        Form::List(never) => match *never {},
    };
    let place = |key: &str| if key == "max" { map?.max.span() } else { None };
    checked(checker, TrafficFault::ConnectionLimit(fault), place, at)
}

pub(super) fn checked(
    checker: &mut Checker<'_>,
    fault: TrafficFault,
    place: impl Fn(&str) -> Option<Span>,
    at: Span,
) -> Option<TrafficFault> {
    let problems = fault.check();
    report(checker, &problems, place, at);
    problems.is_empty().then_some(fault)
}
