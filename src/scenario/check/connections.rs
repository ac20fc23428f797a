//! The parameters of the faults that act on the bytes of whole connections.

use super::parameters::checked;
use super::{Checker, given, optional};
use crate::fault::{Corrupt, LimitData, LimitTime, Period, Slicer, SlowClose, TrafficFault};
use crate::scenario::written::FaultEntry;
use crate::text::Form;

pub(super) fn slow_close(checker: &mut Checker<'_>, entry: &FaultEntry) -> Option<TrafficFault> {
    let (form, at) = given(&entry.slow_close)?;
    let (fault, place) = match form {
        Form::Word(delay) => (SlowClose { delay: *delay, direction: Default::default() }, None),
        Form::Map(map) => {
            let (delay, _) = checker.need(&map.delay, "delay", at, "5s")?;
            let direction = optional(&map.direction)?.unwrap_or_default();
            (SlowClose { delay: *delay, direction }, map.delay.span())
        }
        Form::List(never) => match *never {},
    };
    checked(checker, TrafficFault::SlowClose(fault), |_| place, at)
}

pub(super) fn limit_data(checker: &mut Checker<'_>, entry: &FaultEntry) -> Option<TrafficFault> {
    let (form, at) = given(&entry.limit_data)?;
    let fault = match form {
        Form::Word(bytes) => LimitData { bytes: *bytes, direction: Default::default() },
        Form::Map(map) => {
            let (bytes, _) = checker.need(&map.bytes, "bytes", at, "64KiB")?;
            LimitData { bytes: *bytes, direction: optional(&map.direction)?.unwrap_or_default() }
        }
        Form::List(never) => match *never {},
    };
    checked(checker, TrafficFault::LimitData(fault), |_| None, at)
}

pub(super) fn limit_time(checker: &mut Checker<'_>, entry: &FaultEntry) -> Option<TrafficFault> {
    let (form, at) = given(&entry.limit_time)?;
    let after: Period = match form {
        Form::Word(after) => *after,
        Form::Map(map) => *checker.need(&map.after, "after", at, "30s")?.0,
        Form::List(never) => match *never {},
    };
    checked(checker, TrafficFault::LimitTime(LimitTime { after }), |_| None, at)
}

pub(super) fn slicer(checker: &mut Checker<'_>, entry: &FaultEntry) -> Option<TrafficFault> {
    let (form, at) = given(&entry.slicer)?;
    let (fault, map) = match form {
        Form::Word(size) => {
            let (variation, delay, direction) = Default::default();
            (Slicer { size: *size, variation, delay, direction }, None)
        }
        Form::Map(map) => {
            let (size, _) = checker.need(&map.size, "size", at, "64B")?;
            let fault = Slicer {
                size: *size,
                variation: optional(&map.variation)?.unwrap_or_default(),
                delay: optional(&map.delay)?.unwrap_or_default(),
                direction: optional(&map.direction)?.unwrap_or_default(),
            };
            (fault, Some(map))
        }
        Form::List(never) => match *never {},
    };
    let place = |key: &str| match (key, map?) {
        ("size", map) => map.size.span(),
        ("variation", map) => map.variation.span(),
        _ => None,
    };
    checked(checker, TrafficFault::Slicer(fault), place, at)
}

pub(super) fn corrupt(checker: &mut Checker<'_>, entry: &FaultEntry) -> Option<TrafficFault> {
    let (form, at) = given(&entry.corrupt)?;
    let (fault, place) = match form {
        Form::Word(bits) => (Corrupt { bits: *bits, direction: Default::default() }, None),
        Form::Map(map) => {
            let (bits, _) = checker.need(&map.bits, "bits", at, "0.01%")?;
            let direction = optional(&map.direction)?.unwrap_or_default();
            (Corrupt { bits: *bits, direction }, map.bits.span())
        }
        Form::List(never) => match *never {},
    };
    checked(checker, TrafficFault::Corrupt(fault), |_| place, at)
}
