//! Matchers of alarms, and where alarms come from.

use super::{Checker, given, key_span};
use crate::fault::Glob;
use crate::scenario::expectation::{AlarmMatch as Planned, AlarmSource as PlannedSource, MonitorKind};
use crate::scenario::written::{AlarmMatch, AlarmMode, AlarmSource};
use crate::text::{Field, Form, Span};

/// A matcher holds at least one label, and each label has a pattern.
pub(in crate::scenario) fn matcher(checker: &mut Checker<'_>, field: &Field<AlarmMatch>) -> Planned {
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

/// Where alarms come from: one address each.
pub(in crate::scenario) fn sources(
    checker: &mut Checker<'_>,
    field: &Field<Vec<Field<AlarmSource>>>,
) -> Vec<PlannedSource> {
    let mut planned = Vec::new();
    for entry in field.get().into_iter().flatten() {
        let Some((source, at)) = given(entry) else { continue };
        let keys =
            [("alertmanager", key_span(&source.alertmanager)), ("prometheus", key_span(&source.prometheus))];
        let rules = ("bad-alarm-source", "bad-alarm-source");
        let (kind, url) = match checker.exactly_one(&keys, at, "the source of alarms", rules) {
            Some("alertmanager") => (MonitorKind::Alertmanager, &source.alertmanager),
            Some(_) => (MonitorKind::Prometheus, &source.prometheus),
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
    planned
}
