//! Who takes part and who is told: mostly read for people, and said to be.

use super::later;
use crate::gameday::written::{Announcement, Comms, GameDay, Roles, StopWhen};
use crate::scenario::check::{Checker, given, key_span, probes};
use crate::text::{Field, quote};

/// The facilitator's name; of the other roles only that they are not acted on.
pub(super) fn roles(checker: &mut Checker<'_>, field: &Field<Roles>) -> Option<String> {
    let (roles, _) = given(field)?;
    let others = [
        ("commander", key_span(&roles.commander)),
        ("scribe", key_span(&roles.scribe)),
        ("comms", key_span(&roles.comms)),
        ("responders", key_span(&roles.responders)),
        ("observers", key_span(&roles.observers)),
        ("unavailable", key_span(&roles.unavailable)),
    ];
    for (role, at) in others {
        if let Some(at) = at {
            later(checker, at, &format!("roles.{role}: nobody is asked, shown or kept away by it"));
        }
    }
    for list in [&roles.responders, &roles.observers, &roles.unavailable] {
        checker.names(list, "roles");
    }
    for one in [&roles.commander, &roles.scribe, &roles.comms] {
        checker.name(one, "roles");
    }
    checker.name(&roles.facilitator, "facilitator").map(|(name, _)| name.to_owned())
}

pub(super) fn not_acted_on(checker: &mut Checker<'_>, written: &GameDay) {
    announce(checker, &written.announce);
    if let Some((true, at)) = given(&written.sealed) {
        later(checker, at, "sealed: everybody who may see the day sees its injects");
    }
    comms(checker, &written.comms);
    stop_when(checker, &written.stop_when);
}

fn announce(checker: &mut Checker<'_>, field: &Field<Vec<Field<Announcement>>>) {
    for (entry, at) in field.get().into_iter().flatten().filter_map(given) {
        checker.need(&entry.to, "to", at, "\"#shop\"");
        checker.text(&entry.to);
        let Some((when, at)) = checker.need(&entry.at, "at", at, "start") else { continue };
        let before = when.strip_prefix('-').is_some_and(|rest| rest.parse::<crate::fault::Period>().is_ok());
        if !before && !matches!(when.as_str(), "start" | "end") {
            checker
                .problems
                .error("bad-time", at, format!("{} is no time of an announcement", quote(when)))
                .help("write `start`, `end`, or for example `-7d` for seven days before");
        }
    }
    if let Some(at) = key_span(field) {
        later(checker, at, "announce: nobody is told");
    }
}

fn comms(checker: &mut Checker<'_>, field: &Field<Comms>) {
    let Some((comms, at)) = given(field) else { return };
    checker.text(&comms.status_page);
    for (field, key) in [
        (&comms.appoint_within, "appoint_within"),
        (&comms.internal_every, "internal_every"),
        (&comms.external_every, "external_every"),
    ] {
        probes::positive(checker, field, key);
    }
    later(checker, key_span(field).unwrap_or(at), "comms: nothing is reminded of or measured");
}

fn stop_when(checker: &mut Checker<'_>, field: &Field<Vec<Field<StopWhen>>>) {
    for (entry, at) in field.get().into_iter().flatten().filter_map(given) {
        let keys = [("role_lost", key_span(&entry.role_lost)), ("host_lost", key_span(&entry.host_lost))];
        checker.exactly_one(&keys, at, "what stops it", ("no-stop", "two-stops"));
    }
    if let Some(at) = key_span(field) {
        later(checker, at, "stop_when: nobody watches for it; people stop or halt the day");
    }
}
