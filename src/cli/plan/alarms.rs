//! What a plan expects of alarms, in words.

use crate::scenario::expectation::{
    AlarmMatch, AlarmSource, Alarms, CountedFrom, Expectation, GenericSource, MonitorKind,
};

/// One line for each expectation, each matcher and each source.
pub(super) fn lines(alarms: &Alarms) -> Vec<String> {
    let silence = alarms.silence.then(|| "silence: no alarm must come".to_owned());
    let collateral = alarms.collateral.iter().map(|matching| format!("may come: {}", labels(matching)));
    let forbidden = alarms.forbidden.iter().map(|matching| format!("must stay silent: {}", labels(matching)));
    let expected = alarms.expected.iter().map(expected);
    expected
        .chain(silence)
        .chain(collateral)
        .chain(forbidden)
        .chain(alarms.sources.iter().map(source))
        .chain(alarms.generic.iter().map(own_form))
        .collect()
}

fn expected(expectation: &Expectation) -> String {
    let from = match expectation.from {
        CountedFrom::Impact => "the impact",
        CountedFrom::Effect => "the effect",
    };
    let about = expectation.fault.as_ref().map_or(String::new(), |fault| format!(" of {fault}"));
    let to = expectation.receiver.as_ref().map_or(String::new(), |receiver| format!(", to {receiver}"));
    let reset = expectation
        .resolve_within
        .map_or(String::new(), |within| format!(", over within {within} after recovery"));
    let matching = labels(&expectation.matching);
    format!("{}  {matching} within {} of {from}{about}{to}{reset}", expectation.id, expectation.within)
}

fn labels(matching: &AlarmMatch) -> String {
    let labels: Vec<String> = matching.0.iter().map(|(name, pattern)| format!("{name}={pattern}")).collect();
    labels.join(", ")
}

fn source(source: &AlarmSource) -> String {
    let name = match source.kind {
        MonitorKind::Alertmanager => "Alertmanager",
        MonitorKind::Prometheus => "Prometheus",
    };
    let how = if source.poll { "asked for alarms every second" } else { "posts to the drill" };
    format!("from {name} at {}: {how}; also asked why an alarm stays away", source.url)
}

fn own_form(source: &GenericSource) -> String {
    let places: Vec<String> = source.mapping.iter().map(|(thing, path)| format!("{thing} {path}")).collect();
    let read = if places.is_empty() { "the usual names".to_owned() } else { places.join(", ") };
    format!("from whatever posts JSON to /v1/alarms/generic/{}, read by {read}", source.name)
}
