//! The long form of a scenario: every short form and every default written out, as YAML.

mod yaml;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::plan::SteadyState;
use super::{defaults, written};
use crate::fault::{Fault, OPT_IN_HEADER, TrafficFault};

type Block = Map<String, Value>;

/// Each fault's main key, by its kind.
const MAIN_KEYS: [(&str, &str); 15] = [
    ("latency", "delay"),
    ("bandwidth", "rate"),
    ("stall", "for"),
    ("slow_close", "delay"),
    ("limit_data", "bytes"),
    ("limit_time", "after"),
    ("slicer", "size"),
    ("corrupt", "bits"),
    ("connection_limit", "max"),
    ("http_error", "status"),
    ("grpc_error", "status"),
    ("http_redirect_loop", "status"),
    ("process_kill", "name"),
    ("process_pause", "name"),
    ("process_restart", "name"),
];

/// The faults that have a direction, `response` unless told.
const DIRECTED: [&str; 10] = [
    "latency",
    "bandwidth",
    "blackhole",
    "stall",
    "slow_close",
    "limit_data",
    "slicer",
    "corrupt",
    "http_body",
    "http_headers",
];

pub(super) fn text(written: &written::Scenario, steady: &SteadyState) -> String {
    let mut value = serde_json::to_value(written).unwrap_or_default();
    if let Value::Object(top) = &mut value {
        expand(top, steady);
    }
    strip(&mut value);
    yaml::print(&value)
}

fn expand(top: &mut Block, steady: &SteadyState) {
    for (_, route) in blocks_by_name(top, "routes") {
        fill(route, "protocol", "auto");
        fill(route, "mark_faults", false);
    }
    if let Some(load) = block(top, "load") {
        request(load);
        fill(load, "timeout", defaults::LOAD_TIMEOUT);
    }
    if is_written(top, "steady_state") {
        listed(top, "steady_state", "probes");
    }
    if let Some(block) = block(top, "steady_state") {
        steady_state(block, steady);
    }
    let has_playbook = is_written(top, "playbook");
    let mut counts = BTreeMap::new();
    for entry in blocks(top, "faults") {
        fault(entry, has_playbook, &mut counts);
    }
    listed(top, "expect", "alarms");
    if let Some(expect) = block(top, "expect") {
        for (n, alarm) in blocks(expect, "alarms").enumerate() {
            fill(alarm, "id", defaults::numbered("alarm", n + 1));
            long(alarm, "match", "alertname");
            fill(alarm, "from", "impact");
        }
        for key in ["collateral", "forbidden"] {
            for entry in expect.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
                as_block(entry, "alertname");
            }
        }
    }
    long(top, "playbook", "name");
    if let Some(playbook) = block(top, "playbook") {
        fill(playbook, "start", "alarm");
    }
    for entry in blocks(top, "alarms") {
        long(entry, "generic", "name");
    }
    for entry in blocks(top, "abort") {
        long(entry, "alarm", "alertname");
        if let Some(tolerance) = block(entry, "tolerance") {
            fill(tolerance, "over", defaults::OVER);
        }
    }
}

fn steady_state(block: &mut Block, steady: &SteadyState) {
    fill(block, "every", defaults::EVERY);
    fill(block, "stable_for", steady.stable_for);
    fill(block, "no_impact_after", steady.no_impact_after);
    fill(block, "gate_within", steady.gate_within);
    fill(block, "recovery_within", steady.recovery_within);
    let marked = blocks(block, "probes").any(|probe| probe.get("impact") == Some(&Value::Bool(true)));
    let mut counts = BTreeMap::new();
    for probe in blocks(block, "probes") {
        let kind = ["http", "tcp", "run", "prometheus"].into_iter().find(|kind| is_written(probe, kind));
        let count = counts.entry(kind).or_insert(0_usize);
        *count += 1;
        fill(probe, "name", defaults::numbered(kind.unwrap_or_default(), *count));
        fill(probe, "level", "application");
        fill(probe, "invariant", false);
        let invariant = probe.get("invariant") == Some(&Value::Bool(true));
        fill(probe, "impact", !marked && !invariant);
        fill(probe, "timeout", defaults::PROBE_TIMEOUT);
        request(probe);
        if !is_written(probe, "tolerance") {
            probe.insert("tolerance".into(), json!({ "over": written::ABSENT }));
        }
        if let Some(tolerance) = self::block(probe, "tolerance") {
            fill(tolerance, "over", defaults::OVER);
        }
    }
}

/// The `http` of a probe or a load.
fn request(block: &mut Block) {
    long(block, "http", "url");
    if let Some(http) = self::block(block, "http") {
        let has_body = is_written(http, "body") || is_written(http, "json");
        let method = if has_body { "POST" } else { "GET" };
        if http.contains_key("method") {
            fill(http, "method", method);
        } else {
            http.insert("method".into(), method.into());
        }
    }
}

fn fault(entry: &mut Block, has_playbook: bool, counts: &mut BTreeMap<&'static str, usize>) {
    let Some(kind) = Fault::kinds().find(|kind| is_written(entry, kind)) else { return };
    let count = counts.entry(kind).or_insert(0);
    *count += 1;
    fill(entry, "id", defaults::numbered(kind, *count));
    if let Some((_, main)) = MAIN_KEYS.iter().find(|(name, _)| *name == kind) {
        long(entry, kind, main);
    }
    long(entry, "start", "delay");
    if !is_written(entry, "start") {
        entry.insert("start".into(), json!({ "delay": "0s" }));
    }
    if !matches!(kind, "process_kill" | "process_restart") {
        // Without a playbook a fault ends at its `max`, which has no word of its own.
        fill(entry, "until", if has_playbook { "recovered" } else { written::ABSENT });
    } else if let Some(block) = block(entry, kind) {
        let restarts = kind == "process_restart";
        if !is_written(block, "signal") {
            block.insert("signal".into(), if restarts { "TERM" } else { "KILL" }.into());
        }
        if restarts && !is_written(block, "grace") {
            block.insert("grace".into(), "10s".into());
        }
    }
    if TrafficFault::KINDS.contains(&kind) {
        traffic(entry, kind);
    }
}

fn traffic(entry: &mut Block, kind: &str) {
    fill(entry, "on_remove", "release");
    long(entry, "match", "path");
    if let Some(opt_in) = block(entry, "match").and_then(|matching| block(matching, "opt_in")) {
        fill(opt_in, "header", OPT_IN_HEADER);
    }
    long(entry, "scope", "percent");
    if !is_written(entry, "scope") {
        entry.insert("scope".into(), json!({ "percent": "100%" }));
    }
    if let Some(scope) = block(entry, "scope") {
        if !is_written(scope, "percent") {
            scope.insert("percent".into(), "100%".into());
        }
        long(scope, "exclude", "path");
    }
    let Some(block) = block(entry, kind) else { return };
    let mut otherwise = |key: &str, default: Value| {
        if !is_written(block, key) {
            block.insert(key.to_owned(), default);
        }
    };
    match kind {
        "connection_limit" => otherwise("excess", "queue".into()),
        "http_error" => otherwise("when", "before".into()),
        "grpc_error" => {
            otherwise("trailers", true.into());
            otherwise("when", "before".into());
        }
        "keep_alive_kill" => otherwise("silent", false.into()),
        "http_redirect_loop" => otherwise("status", 302.into()),
        _ => {}
    }
    // What waits `before` the request or the answer says the direction too.
    if DIRECTED.contains(&kind) && !is_written(block, "direction") && !is_written(block, "before") {
        block.insert("direction".into(), "response".into());
    }
}

fn is_written(block: &Block, key: &str) -> bool {
    block.get(key).is_some_and(|value| *value != written::ABSENT)
}

/// Writes a default where nothing was written, in the key's own place.
fn fill(block: &mut Block, key: &str, default: impl serde::Serialize) {
    if let Some(value) = block.get_mut(key)
        && *value == written::ABSENT
    {
        *value = serde_json::to_value(default).unwrap_or_default();
    }
}

/// `key: word` becomes `key: {main: word}`.
fn long(block: &mut Block, key: &str, main: &str) {
    if let Some(value) = block.get_mut(key)
        && *value != written::ABSENT
    {
        as_block(value, main);
    }
}

fn as_block(value: &mut Value, main: &str) {
    if !value.is_object() {
        *value = Value::Object(Map::from_iter([(main.to_owned(), value.take())]));
    }
}

/// `key: [...]` becomes `key: {main: [...]}`, with room for the block's other keys before it.
fn listed(block: &mut Block, key: &str, main: &str) {
    let Some(value) = block.get_mut(key) else { return };
    if value.is_array() {
        let times = ["every", "stable_for", "no_impact_after", "gate_within", "recovery_within"];
        let mut long = Map::new();
        if main == "probes" {
            long.extend(times.map(|time| (time.to_owned(), Value::from(written::ABSENT))));
        }
        long.insert(main.to_owned(), value.take());
        *value = Value::Object(long);
    }
}

fn block<'b>(block: &'b mut Block, key: &str) -> Option<&'b mut Block> {
    block.get_mut(key)?.as_object_mut()
}

fn blocks<'b>(block: &'b mut Block, key: &str) -> impl Iterator<Item = &'b mut Block> {
    block.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

fn blocks_by_name<'b>(block: &'b mut Block, key: &str) -> impl Iterator<Item = (&'b String, &'b mut Block)> {
    let map = block.get_mut(key).and_then(Value::as_object_mut).into_iter().flatten();
    map.filter_map(|(name, value)| Some((name, value.as_object_mut()?)))
}

/// Takes out every key that was not written.
fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| *value != written::ABSENT);
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}
