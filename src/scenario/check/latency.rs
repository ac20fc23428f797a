//! The parameters of `latency`: from what was written to the fault itself.

use super::parameters::checked;
use super::{Checker, given, optional};
use crate::fault::{Before, Direction, Latency, Percent, Period, TrafficFault, Wave};
use crate::scenario::written::{Latency as Written, Wave as WrittenWave};
use crate::text::{Field, Form, quote};

type Table = Field<Vec<Field<Vec<Field<String>>>>>;

pub(in crate::scenario) fn check(
    checker: &mut Checker<'_>,
    field: &Field<Form<Period, Written>>,
) -> Option<TrafficFault> {
    let (form, at) = given(field)?;
    let (fault, map) = match form {
        Form::Word(delay) => (Latency { delay: *delay, ..Latency::default() }, None),
        Form::Map(map) => {
            if map.table.is_absent() {
                checker.need(&map.delay, "delay", at, "200ms")?;
            }
            let (table, wave) = (table(checker, &map.table), wave(checker, &map.wave));
            let fault = Latency {
                delay: optional(&map.delay)?.unwrap_or_default(),
                jitter: optional(&map.jitter)?.unwrap_or_default(),
                distribution: optional(&map.distribution)?,
                table: table?,
                correlation: optional(&map.correlation)?,
                direction: optional(&map.direction)?.unwrap_or_default(),
                before: optional(&map.before)?,
                ramp: optional(&map.ramp)?,
                wave: wave?,
            };
            // Asked here, where it is seen what was written: the fault itself cannot tell it from the default.
            if fault.before == Some(Before::Request)
                && let Some((Direction::Response, at)) = given(&map.direction)
            {
                let message = "`direction` is response beside `before: request`";
                checker.problems.error("bad-parameter", at, message).help("leave `direction` out");
                return None;
            }
            (fault, Some(map))
        }
        Form::List(never) => match *never {},
    };
    let place = |key: &str| match (key, map?) {
        ("delay", map) => map.delay.span(),
        ("jitter", map) => map.jitter.span(),
        ("distribution", map) => map.distribution.span(),
        ("table", map) => map.table.span(),
        ("correlation", map) => map.correlation.span(),
        ("before", map) => map.before.span(),
        ("ramp", map) => map.ramp.span(),
        ("wave", map) => map.wave.span(),
        _ => None,
    };
    checked(checker, TrafficFault::Latency(fault), place, at)
}

fn wave(checker: &mut Checker<'_>, field: &Field<WrittenWave>) -> Option<Option<Wave>> {
    if field.is_absent() {
        return Some(None);
    }
    let (wave, at) = given(field)?;
    let shape = checker.need(&wave.shape, "shape", at, "sine");
    let period = checker.need(&wave.period, "period", at, "30s");
    let low = optional(&wave.low)?.unwrap_or_default();
    Some(Some(Wave { shape: *shape?.0, period: *period?.0, low }))
}

/// Every point that is one; what is none is reported, each in its place.
fn table(checker: &mut Checker<'_>, field: &Table) -> Option<Vec<(Percent, Period)>> {
    if field.is_absent() {
        return Some(Vec::new());
    }
    let (points, _) = given(field)?;
    let read: Vec<_> = points.iter().map(|written| point(checker, written)).collect();
    read.into_iter().collect()
}

fn point(checker: &mut Checker<'_>, written: &Field<Vec<Field<String>>>) -> Option<(Percent, Period)> {
    let (pair, at) = given(written)?;
    let [share, delay] = &pair[..] else {
        let message =
            format!("a point of `table` is a share and a delay, and this has {} values", pair.len());
        checker.problems.error("bad-parameter", at, message).help("write for example `[50%, 5ms]`");
        return None;
    };
    let (share, delay) = (quantity(checker, share), quantity(checker, delay));
    Some((share?, delay?))
}

fn quantity<T>(checker: &mut Checker<'_>, field: &Field<String>) -> Option<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let (text, at) = given(field)?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            checker
                .problems
                .error("bad-parameter", at, format!("{} does not belong here: {error}", quote(text)))
                .help("write a point of `table` as a share and a delay: `[50%, 5ms]`");
            None
        }
    }
}
