//! What is asked afterwards, and where the report goes.

use super::later;
use crate::gameday::plan::{ReportTo, Review};
use crate::gameday::written;
use crate::scenario::check::{Checker, given, key_span, probes};
use crate::text::{Field, Form, Never};

/// More questions are answered by nobody.
const QUESTIONS_MAX: usize = 50;

pub(super) fn check(
    checker: &mut Checker<'_>,
    field: &Field<Form<Never, written::Review, Vec<Field<String>>>>,
) -> Review {
    let Some((form, at)) = given(field) else { return Review::default() };
    let (questions, map) = match form {
        Form::Word(never) => match *never {},
        Form::List(list) => (list.as_slice(), None),
        Form::Map(map) => (map.questions.get().map_or(&[][..], Vec::as_slice), Some(map)),
    };
    if questions.len() > QUESTIONS_MAX {
        let message = format!("{} questions; the most is {QUESTIONS_MAX}", questions.len());
        checker.problems.error("too-many", at, message).help("ask what you will act on");
    }
    let questions = questions.iter().filter_map(|entry| checker.text(entry)).collect();
    let Some(map) = map else { return Review { questions, ..Review::default() } };
    Review {
        within: probes::positive(checker, &map.within, "within"),
        questions,
        close_requires: map
            .close_requires
            .get()
            .into_iter()
            .flatten()
            .filter_map(|e| e.get().copied())
            .collect(),
    }
}

pub(super) fn report(checker: &mut Checker<'_>, field: &Field<written::Report>) -> ReportTo {
    let Some((report, _)) = given(field) else { return ReportTo::default() };
    let mut dirs = Vec::new();
    for (place, at) in report.to.get().into_iter().flatten().filter_map(given) {
        let keys = [("dir", key_span(&place.dir)), ("webhook", key_span(&place.webhook))];
        match checker.exactly_one(&keys, at, "the place of a report", ("no-place", "two-places")) {
            Some("dir") => dirs.extend(checker.text(&place.dir)),
            Some(_) => {
                checker.text(&place.webhook);
                later(checker, at, "report.to.webhook: nothing is sent");
            }
            None => {}
        }
    }
    if let Some((true, at)) = given(&report.names) {
        later(checker, at, "report.names: the report names whoever did something, whatever stands here");
    }
    ReportTo {
        formats: report
            .formats
            .get()
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.get().copied())
            .collect(),
        dirs,
        names: report.names.get().copied().unwrap_or(false),
    }
}
