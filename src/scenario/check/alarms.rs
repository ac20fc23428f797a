//! Matchers of alarms, and where alarms come from.

use std::collections::BTreeMap;

use super::{Checker, given, key_span};
use crate::fault::Glob;
use crate::scenario::expectation::{
    AlarmMatch as Planned, AlarmSource as PlannedSource, GenericSource, MonitorKind,
};
use crate::scenario::written::{AlarmMatch, AlarmMode, AlarmSource, Generic, Mapping};
use crate::text::{Field, Form, JsonPath, Span};

/// A matcher holds at least one label, and each label has a pattern.
pub(crate) fn matcher(checker: &mut Checker<'_>, field: &Field<AlarmMatch>) -> Planned {
    let mut planned = Planned::default();
    let Some((form, at)) = given(field) else { return planned };
    match form {
        Form::Word(name) => {
            planned.0.extend(pattern(checker, &name.0, at).map(|glob| ("alertname".to_owned(), glob)));
        }
        Form::Map(labels) => {
            if labels.0.is_empty() {
                checker
                    .problems
                    .error("empty-match", at, "an empty matcher would fit every alarm")
                    .help("name a label: `{alertname: CheckoutSlow}`");
            }
            for pair in labels {
                if pair.name.is_empty() {
                    checker
                        .problems
                        .error("bad-name", pair.name_span, "a label without a name")
                        .help("name it");
                }
                if let Some((value, at)) = given(&pair.value) {
                    planned.0.extend(pattern(checker, &value.0, at).map(|glob| (pair.name.clone(), glob)));
                }
            }
        }
        Form::List(never) => match *never {},
    }
    planned
}

fn pattern(checker: &mut Checker<'_>, raw: &str, at: Span) -> Option<Glob> {
    let text = checker.resolve(raw, at, false)?;
    if text.is_empty() {
        checker
            .problems
            .error("bad-text", at, "an empty pattern fits nothing")
            .help("write `*` for anything");
        return None;
    }
    Some(Glob(text))
}

/// Where alarms come from: systems with an address each, and those that post a form of their own.
pub(in crate::scenario) fn sources(
    checker: &mut Checker<'_>,
    field: &Field<Vec<Field<AlarmSource>>>,
) -> (Vec<PlannedSource>, Vec<GenericSource>) {
    let (mut planned, mut generic) = (Vec::new(), Vec::<(GenericSource, Span)>::new());
    for entry in field.get().into_iter().flatten() {
        let Some((source, at)) = given(entry) else { continue };
        let keys = [
            ("alertmanager", key_span(&source.alertmanager)),
            ("prometheus", key_span(&source.prometheus)),
            ("generic", key_span(&source.generic)),
        ];
        let rules = ("bad-alarm-source", "bad-alarm-source");
        let (kind, url) = match checker.exactly_one(&keys, at, "the source of alarms", rules) {
            Some("alertmanager") => (MonitorKind::Alertmanager, &source.alertmanager),
            Some("prometheus") => (MonitorKind::Prometheus, &source.prometheus),
            Some(_) => {
                own_form(checker, source, &mut generic);
                continue;
            }
            None => continue,
        };
        let Some((raw, at)) = given(url) else { continue };
        let Some(text) = checker.resolve(raw, at, false) else { continue };
        if let Some(url) = checker.url(text, at) {
            // Without a word the file wants alarms from there, and asking needs no change to anyone's pager.
            let poll = source.mode.get().copied().unwrap_or(AlarmMode::Poll) == AlarmMode::Poll;
            planned.push(PlannedSource { kind, url: url.trim_end_matches('/').to_owned(), poll });
        }
    }
    (planned, generic.into_iter().map(|(source, _)| source).collect())
}

/// A system that posts JSON of its own form: its name, and where each thing stands.
fn own_form(checker: &mut Checker<'_>, source: &AlarmSource, all: &mut Vec<(GenericSource, Span)>) {
    if let Some(at) = source.mode.key() {
        checker
            .problems
            .error(
                "bad-alarm-source",
                at,
                "`mode` beside `generic`: what posts a form of its own is never asked",
            )
            .help("leave `mode` out");
    }
    let Some((form, at)) = given(&source.generic) else { return };
    let (name, mapping) = match form {
        Form::Word(word) => (source.generic.as_ref().map(|_| word.clone()), None),
        Form::Map(Generic { name, mapping }) => (name.as_ref().map(Clone::clone), mapping.get()),
        Form::List(never) => match *never {},
    };
    checker.need(&name, "name", at, "pager");
    let mut places = BTreeMap::new();
    for (thing, field) in mapping.into_iter().flat_map(Mapping::places) {
        let Some((path, at)) = given(field) else { continue };
        if let Err(why) = path.parse::<JsonPath>() {
            checker.problems.error("bad-path", at, format!("`{thing}`: {why}"));
        }
        places.insert(thing.to_owned(), path.clone());
    }
    let Some((name, at)) = checker.name(&name, "name") else { return };
    if let Some((_, first)) = all.iter().find(|(other, _)| other.name == name) {
        checker
            .problems
            .error("duplicate-name", at, format!("two sources of alarms have the name `{name}`"))
            .other(*first, "the first one")
            .help("give each its own `name`");
    }
    all.push((GenericSource { name: name.to_owned(), mapping: places }, at));
}
