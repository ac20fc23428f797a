//! What a game day wants different in a scenario: keys of faults, by the fault's id, before anything is checked.

use std::collections::BTreeMap;

use super::check::parameters;
use super::defaults;
use super::written::{FaultEntry, Scenario};
use crate::text::{Field, Problems, Span, nearest, quote};

/// The keys of one fault that are different.
#[derive(Debug)]
pub(crate) struct FaultChange {
    /// The fault's id.
    pub(crate) id: String,
    /// Where that was written.
    pub(crate) at: Span,
    /// What is different.
    pub(crate) keys: FaultEntry,
}

/// Puts what is different in its place. Places stay those of the file that each value was written in.
pub(super) fn apply(written: &mut Scenario, changes: Vec<FaultChange>, problems: &mut Problems) {
    let Field::Given { value: list, .. } = &mut written.faults else { return };
    let mut counts = BTreeMap::new();
    let mut ids: Vec<(String, &mut FaultEntry)> = Vec::new();
    for entry in list {
        let Field::Given { value: entry, .. } = entry else { continue };
        let kind = parameters::kinds(entry).iter().find_map(|(kind, at)| at.map(|_| *kind));
        let count = counts.entry(kind).or_insert(0_usize);
        *count += 1;
        let id = match entry.id.get() {
            Some(id) => id.clone(),
            None => kind.map_or_else(String::new, |kind| defaults::numbered(kind, *count)),
        };
        ids.push((id, entry));
    }
    for change in changes {
        match ids.iter_mut().find(|(id, _)| *id == change.id) {
            Some((_, entry)) => put(entry, change.keys, problems),
            None => {
                let known = || ids.iter().map(|(id, _)| id.as_str());
                let help = match nearest(&change.id, known()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("its faults are {}", known().collect::<Vec<_>>().join(", ")),
                };
                let message = format!("the scenario has no fault {}", quote(&change.id));
                problems.error("unknown-fault-id", change.at, message).help(help);
            }
        }
    }
}

fn put(entry: &mut FaultEntry, change: FaultEntry, problems: &mut Problems) {
    // A key that is new to faults has to be put too: the compiler asks for it here.
    let FaultEntry {
        id,
        target,
        matching,
        scope,
        schedule,
        hosts,
        start,
        until,
        max,
        on_remove,
        latency,
        bandwidth,
        reset,
        blackhole,
        stall,
        slow_close,
        limit_data,
        limit_time,
        slicer,
        corrupt,
        refuse,
        accept_stall,
        connection_limit,
        http_error,
        process_kill,
        process_pause,
        process_restart,
    } = change;
    if let Some(at) = id.span() {
        problems
            .error("bad-override", at, "the id of a fault cannot be different")
            .help("leave it out: the key above says which fault is meant");
    }
    set(&mut entry.target, target);
    set(&mut entry.matching, matching);
    set(&mut entry.scope, scope);
    set(&mut entry.schedule, schedule);
    set(&mut entry.hosts, hosts);
    set(&mut entry.start, start);
    set(&mut entry.until, until);
    set(&mut entry.max, max);
    set(&mut entry.on_remove, on_remove);
    set(&mut entry.latency, latency);
    set(&mut entry.bandwidth, bandwidth);
    set(&mut entry.reset, reset);
    set(&mut entry.blackhole, blackhole);
    set(&mut entry.stall, stall);
    set(&mut entry.slow_close, slow_close);
    set(&mut entry.limit_data, limit_data);
    set(&mut entry.limit_time, limit_time);
    set(&mut entry.slicer, slicer);
    set(&mut entry.corrupt, corrupt);
    set(&mut entry.refuse, refuse);
    set(&mut entry.accept_stall, accept_stall);
    set(&mut entry.connection_limit, connection_limit);
    set(&mut entry.http_error, http_error);
    set(&mut entry.process_kill, process_kill);
    set(&mut entry.process_pause, process_pause);
    set(&mut entry.process_restart, process_restart);
}

fn set<T>(field: &mut Field<T>, change: Field<T>) {
    if !change.is_absent() {
        *field = change;
    }
}
