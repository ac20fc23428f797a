//! What of a timeline is known before anything happens: the probes with their bounds, the faults with their words.

use super::{Bar, Bound, Curve, Unit};
use crate::scenario::plan::{PlannedFault, Probe, Tolerance};

pub(super) fn curve(probe: &Probe) -> Curve {
    let Tolerance { p50, p95, p99, at_least, at_most, .. } = &probe.tolerance;
    let number = at_least.is_some() || at_most.is_some();
    let times = [("p50", p50), ("p95", p95), ("p99", p99)].into_iter().filter_map(|(name, bound)| {
        let value = bound.as_ref()?.duration().as_secs_f64() * 1e3;
        Some(Bound { name: name.to_owned(), value, is_upper: true })
    });
    let numbers = [("at most", at_most, true), ("at least", at_least, false)];
    let numbers = numbers.into_iter().filter_map(|(name, bound, is_upper)| {
        Some(Bound { name: name.to_owned(), value: (*bound)?, is_upper })
    });
    Curve {
        probe: probe.name.clone(),
        unit: if number { Unit::Number } else { Unit::Milliseconds },
        points: Vec::new(),
        samples: 0,
        load: Vec::new(),
        answers: 0,
        bounds: if number { numbers.collect() } else { times.collect() },
        violations: Vec::new(),
        is_impact: probe.impact,
        is_invariant: probe.invariant,
    }
}

pub(super) fn bar(fault: &PlannedFault) -> Bar {
    let words = serde_json::to_value(&fault.fault).ok();
    let parameters = words.as_ref().and_then(|value| value.as_object()?.values().next().cloned());
    let parameters = match parameters {
        Some(serde_json::Value::Object(map)) => {
            let set = map.iter().filter(|(_, value)| !value.is_null());
            let words = set.map(|(key, value)| format!("{key} {}", value.to_string().trim_matches('"')));
            words.collect::<Vec<_>>().join(", ")
        }
        _ => String::new(),
    };
    Bar {
        fault: fault.id.clone(),
        kind: fault.fault.kind().to_owned(),
        target: fault.target.to_string(),
        words: parameters,
        applied: None,
        effective: None,
        removed: None,
        is_instant: fault.fault.is_instant(),
        lines: Vec::new(),
    }
}
