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

/// Takes every key of the change out of it and puts those that were written. A key that is new to faults has to be named
/// too: the compiler asks for it.
macro_rules! put_keys {
    ($entry:ident, $change:ident, $id:ident, $($key:ident)*) => {
        let FaultEntry { $id, $($key),* } = $change;
        $(set(&mut $entry.$key, $key);)*
    };
}

fn put(entry: &mut FaultEntry, change: FaultEntry, problems: &mut Problems) {
    put_keys!(entry, change, id,
        target matching scope schedule hosts start until max on_remove
        latency bandwidth reset blackhole stall slow_close limit_data limit_time slicer corrupt refuse accept_stall
        connection_limit http_error http_body http_headers grpc_error keep_alive_kill http_redirect_loop
        process_kill process_pause process_restart
    );
    if let Some(at) = id.span() {
        problems
            .error("bad-override", at, "the id of a fault cannot be different")
            .help("leave it out: the key above says which fault is meant");
    }
}

fn set<T>(field: &mut Field<T>, change: Field<T>) {
    if !change.is_absent() {
        *field = change;
    }
}
