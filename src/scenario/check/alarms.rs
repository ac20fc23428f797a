//! Matchers of alarms, and where alarms come from.

use super::{Checker, given, key_span};
use crate::scenario::written::{AlarmMatch, AlarmSource};
use crate::text::{Field, Form, Span, quote};

/// A matcher holds at least one label, and each label has a pattern.
pub(in crate::scenario) fn matcher(checker: &mut Checker<'_>, field: &Field<AlarmMatch>) {
    let Some((form, at)) = given(field) else { return };
    match form {
        Form::Word(name) => pattern(checker, &name.0, at),
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
                    pattern(checker, &value.0, at);
                }
            }
        }
        Form::List(never) => match *never {},
    }
}

fn pattern(checker: &mut Checker<'_>, raw: &str, at: Span) {
    let Some(text) = checker.resolve(raw, at, false) else { return };
    if text.is_empty() {
        checker
            .problems
            .error("bad-text", at, "an empty pattern fits nothing")
            .help("write `*` for anything");
    }
}

/// Where alarms come from: one address each.
pub(in crate::scenario) fn sources(checker: &mut Checker<'_>, field: &Field<Vec<Field<AlarmSource>>>) {
    for entry in field.get().into_iter().flatten() {
        let Some((source, at)) = given(entry) else { continue };
        let keys =
            [("alertmanager", key_span(&source.alertmanager)), ("prometheus", key_span(&source.prometheus))];
        let rules = ("bad-alarm-source", "bad-alarm-source");
        let url = match checker.exactly_one(&keys, at, "the source of alarms", rules) {
            Some("alertmanager") => &source.alertmanager,
            Some(_) => &source.prometheus,
            None => continue,
        };
        let Some((raw, at)) = given(url) else { continue };
        let Some(text) = checker.resolve(raw, at, false) else { continue };
        if let Some(url) = checker.url(text, at) {
            checker.not_acted_on(format!("alarms: {} is neither asked nor heard", quote(&url)));
        }
    }
}
