//! Toxics as faults, and faults as toxics.

use super::kind::{Attributes, Kind};
use super::toxic::{self, Toxic};
use crate::control::wire::{FaultSpec, MANUAL, OnRemove};
use crate::fault::{
    Bandwidth, Blackhole, Direction, Latency, LimitData, RequestMatch, Reset, ResetFrom, Scope, Slicer,
    SlowClose, Stall, TrafficFault,
};
use crate::quantity::{ByteRate, ByteSize, Percent, Period};
use crate::seed::Seed;

/// The fault that does what the toxic does; nothing where the toxic lets everything pass as it is.
pub(super) fn spec_of(toxic: &Toxic, seed: Seed) -> Option<FaultSpec> {
    Some(FaultSpec {
        id: toxic.name.clone(),
        owner: MANUAL.to_owned(),
        fault: fault_of(&toxic.attributes, toxic.direction())?,
        matching: RequestMatch::default(),
        scope: Scope { percent: share(toxic.toxicity), ..Scope::default() },
        schedule: None,
        seed,
        lease: None,
        max: None,
        on_remove: OnRemove::default(),
        replay: None,
    })
}

/// Whether a fault does what was asked for, whoever asked and with whatever seed.
pub(super) fn is_same(one: &FaultSpec, other: &FaultSpec) -> bool {
    (&one.fault, &one.matching, &one.scope, one.schedule, &one.replay)
        == (&other.fault, &other.matching, &other.scope, other.schedule, &other.replay)
}

/// The toxic that says all that the fault does; nothing where no toxic can.
pub(super) fn toxic_of(spec: &FaultSpec) -> Option<Toxic> {
    let (attributes, direction) = attributes_of(&spec.fault)?;
    let toxic = Toxic {
        attributes,
        name: spec.id.clone(),
        kind: attributes.kind.name(),
        stream: toxic::stream(direction).to_owned(),
        toxicity: spec.scope.percent.fraction() as f32,
    };
    // Whatever the fault has that a toxic has not, a fault made of the toxic lacks.
    spec_of(&toxic, spec.seed).filter(|made| is_same(made, spec)).map(|_| toxic)
}

/// A share of any size becomes one from nobody to everybody.
fn share(toxicity: f32) -> Percent {
    let parts = (f64::from(toxicity) * 1e6).round().clamp(0.0, 1e6);
    Percent::from_parts_per_million(parts as u32)
}

fn fault_of(attributes: &Attributes, direction: Direction) -> Option<TrafficFault> {
    let [first, second, third] = attributes.values;
    Some(match attributes.kind {
        Kind::Noop => return None,
        Kind::Latency => TrafficFault::Latency(latency(first, second, direction)?),
        // At no rate nothing flows until the toxic is gone, and nothing is lost.
        Kind::Bandwidth => match ByteRate::from_bytes_per_second(positive(first).saturating_mul(1_000)) {
            Some(rate) => TrafficFault::Bandwidth(Bandwidth { rate, direction }),
            None => TrafficFault::Stall(Stall { direction, ..Stall::default() }),
        },
        Kind::Timeout => {
            let close_after = Some(millis(first)).filter(|after| !after.is_zero());
            TrafficFault::Blackhole(Blackhole { direction, close_after })
        }
        Kind::ResetPeer => TrafficFault::Reset(Reset {
            after: Some(millis(first)),
            from: ResetFrom::FirstBytes,
            direction: Some(direction),
            ..Reset::default()
        }),
        Kind::SlowClose => {
            let delay = Some(millis(first)).filter(|delay| !delay.is_zero())?;
            TrafficFault::SlowClose(SlowClose { delay, direction })
        }
        Kind::Slicer => TrafficFault::Slicer(slicer(first, second, third, direction)?),
        Kind::LimitData => {
            TrafficFault::LimitData(LimitData { bytes: ByteSize::from_bytes(positive(first)), direction })
        }
    })
}

/// Delays spread evenly from `latency - jitter` to `latency + jitter`, of which those below zero are none.
fn latency(latency: i64, jitter: i64, direction: Direction) -> Option<Latency> {
    let jitter = jitter.max(0);
    let longest = latency.saturating_add(jitter);
    if longest <= 0 {
        return None;
    }
    let plain = Latency { delay: millis(latency), jitter: millis(jitter), direction, ..Latency::default() };
    if jitter <= latency {
        return Some(plain);
    }
    // Part of the spread lies below zero: that share of the bytes is not delayed.
    let undelayed = jitter.saturating_sub(latency) as f64 / (2.0 * jitter as f64);
    let undelayed = Percent::from_parts_per_million((undelayed * 1e6).round() as u32);
    if undelayed == Percent::ZERO {
        return Some(Latency { jitter: plain.delay, ..plain });
    }
    if undelayed == Percent::ALL {
        return None;
    }
    let table = vec![
        (Percent::ZERO, Period::ZERO),
        (undelayed, Period::from(std::time::Duration::from_micros(1))),
        (Percent::ALL, millis(longest)),
    ];
    Some(Latency { delay: Period::ZERO, jitter: Period::ZERO, table, ..plain })
}

/// Pieces of no size cannot be, so a slicer without a size lets everything pass; sizes spread by less than themselves.
fn slicer(size: i64, variation: i64, delay_us: i64, direction: Direction) -> Option<Slicer> {
    let size = Some(positive(size)).filter(|size| *size > 0)?;
    let variation = positive(variation).min(size - 1);
    Some(Slicer {
        size: ByteSize::from_bytes(size),
        variation: ByteSize::from_bytes(variation),
        delay: Period::from(std::time::Duration::from_micros(positive(delay_us))).min(Period::MAX),
        direction,
    })
}

fn attributes_of(fault: &TrafficFault) -> Option<(Attributes, Direction)> {
    let (kind, values, direction) = match fault {
        TrafficFault::Latency(latency) => {
            (Kind::Latency, [in_millis(latency.delay), in_millis(latency.jitter), 0], latency.direction())
        }
        TrafficFault::Bandwidth(bandwidth) => {
            let rate = i64::try_from(bandwidth.rate.bytes_per_second() / 1_000).ok()?;
            (Kind::Bandwidth, [rate, 0, 0], bandwidth.direction)
        }
        TrafficFault::Stall(stall) => (Kind::Bandwidth, [0; 3], stall.direction),
        TrafficFault::Blackhole(hole) => {
            (Kind::Timeout, [hole.close_after.map_or(0, in_millis), 0, 0], hole.direction)
        }
        TrafficFault::Reset(reset) => {
            (Kind::ResetPeer, [reset.after.map_or(0, in_millis), 0, 0], reset.direction.unwrap_or_default())
        }
        TrafficFault::SlowClose(close) => (Kind::SlowClose, [in_millis(close.delay), 0, 0], close.direction),
        TrafficFault::Slicer(slicer) => {
            let [size, variation] = [slicer.size, slicer.variation].map(|size| i64::try_from(size.bytes()));
            let delay_us = i64::try_from(slicer.delay.duration().as_micros()).ok()?;
            (Kind::Slicer, [size.ok()?, variation.ok()?, delay_us], slicer.direction)
        }
        TrafficFault::LimitData(limit) => {
            (Kind::LimitData, [i64::try_from(limit.bytes.bytes()).ok()?, 0, 0], limit.direction)
        }
        _ => return None,
    };
    Some((Attributes::new(kind, values), direction))
}

fn positive(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn millis(millis: i64) -> Period {
    Period::from_millis(positive(millis)).min(Period::MAX)
}

fn in_millis(period: Period) -> i64 {
    i64::try_from(period.duration().as_millis()).unwrap_or(i64::MAX)
}
