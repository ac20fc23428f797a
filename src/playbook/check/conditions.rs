//! Where a step leads, and on what condition: `when`, `next`, `on_failure`, and the values that texts name.

use std::collections::BTreeSet;

use super::flow::{Failure, Named, Way};
use super::place;
use super::steps::Entry;
use crate::playbook::names::{NamesHere, in_expressions};
use crate::playbook::plan::{Next, OnFailure};
use crate::playbook::when::{Expression, ExpressionError, Names as _};
use crate::playbook::written::NextEntry;
use crate::scenario::check::{Checker, given};
use crate::text::{Field, Form, Source, Span, nearest, quote};

/// What the conditions of one step are checked against.
#[derive(Clone, Copy)]
pub(super) struct Conditions<'a> {
    pub(super) source: &'a Source,
    pub(super) names: NamesHere<'a>,
    pub(super) entries: &'a [Entry<'a>],
    /// The step's own place.
    pub(super) place: usize,
}

/// Where a step leads.
#[derive(Clone, Debug)]
pub(super) struct Leads {
    pub(super) when: Option<Expression>,
    pub(super) next: Vec<Next>,
    pub(super) on_failure: OnFailure,
}

/// Where the step leads when all of that is right, where it may lead, and the steps that its conditions ask.
pub(super) fn check(
    checker: &mut Checker<'_>,
    conditions: &Conditions<'_>,
) -> (Option<Leads>, Way, Vec<Named>) {
    let written = conditions.entries[conditions.place].written;
    let mut asked = Vec::new();
    let when = if written.when.is_absent() {
        Some(None)
    } else {
        conditions.expression(checker, &written.when, false, &mut asked).map(Some)
    };
    let next = conditions.next(checker, &mut asked);
    let on_failure = conditions.on_failure(checker);
    let end = written.end.get().copied().unwrap_or(false);
    if let (true, Some(at)) = (end, written.next.key()) {
        checker
            .problems
            .error("unfit-key", at, "`next` stands beside `end: true`, which ends the playbook")
            .help("keep one");
    }
    let way = Way {
        may_be_skipped: !written.when.is_absent(),
        next: next.iter().flatten().map(|(next, place)| (next.when.is_some(), *place)).collect(),
        failure: match &on_failure {
            Some((_, failure)) => *failure,
            None => Failure::Stops,
        },
        end,
        for_people: written.manual.is_given() || written.approve.is_given(),
        is_broken: next.is_none() || on_failure.is_none() || written.end.is_bad(),
    };
    let leads = (|| {
        let next = next?.into_iter().map(|(next, _)| next).collect();
        Some(Leads { when: when?, next, on_failure: on_failure?.0 })
    })();
    (leads, way, asked)
}

/// A value of a step that a text names, when there is one.
pub(super) fn text(
    checker: &mut Checker<'_>,
    conditions: &Conditions<'_>,
    path: &str,
    at: Span,
) -> Option<Named> {
    let names: Vec<&str> = path.split('.').collect();
    if conditions.names.kind(&names).is_none() {
        let known = conditions.names.known();
        let of_steps = || known.iter().map(String::as_str).filter(|name| name.starts_with("steps."));
        let help = match (conditions.names.step(&names), nearest(&in_expressions(path), of_steps())) {
            (_, Some(near)) => format!("did you mean `${{{near}}}`?"),
            (Some(step), None) => {
                let id = in_expressions(conditions.entries[step].id);
                let has: BTreeSet<String> = of_steps()
                    .filter_map(|name| name.strip_prefix(&format!("steps.{id}.")))
                    .filter(|name| !name.starts_with("outputs."))
                    .map(|name| format!("`{name}`"))
                    .collect();
                format!("it has {}", has.into_iter().collect::<Vec<_>>().join(", "))
            }
            (None, None) => "write `${steps.ID.OUTPUT}`".to_owned(),
        };
        checker.problems.error("no-such-value", at, format!("there is no value {}", quote(path))).help(help);
        return None;
    }
    let asks = conditions.names.step(&names)?;
    let written = conditions.entries[conditions.place].written;
    // The way back is gone at the very end, when every step may have run.
    let undo = written.undo.span().is_some_and(|undo| undo.start <= at.start && at.end <= undo.end);
    (!undo).then_some(Named { by: conditions.place, asks, at, when_over: false })
}

impl Conditions<'_> {
    /// The expression, when it is one and its names are known; `over` when the step is over by then.
    fn expression(
        &self,
        checker: &mut Checker<'_>,
        field: &Field<String>,
        over: bool,
        asked: &mut Vec<Named>,
    ) -> Option<Expression> {
        let (text, at) = given(field)?;
        let expression = match Expression::parse(text) {
            Ok(expression) => expression,
            Err(errors) => {
                self.refuse(checker, (text, at), errors);
                return None;
            }
        };
        let names = NamesHere { own: over.then_some(self.place), ..self.names };
        let errors = expression.check(&names);
        if !errors.is_empty() {
            self.refuse(checker, (text, at), errors);
            return None;
        }
        for path in expression.paths() {
            if let (["inputs", name], Some(book)) = (&path.names()[..], checker.playbook.as_mut()) {
                book.used.insert((*name).to_owned());
            }
            if let Some(asks) = self.names.step(&path.names()) {
                let at = place::inside(self.source, at, text, &path.at());
                asked.push(Named { by: self.place, asks, at, when_over: over });
            }
        }
        Some(expression)
    }

    fn refuse(&self, checker: &mut Checker<'_>, (text, at): (&str, Span), errors: Vec<ExpressionError>) {
        for error in errors {
            let span = place::inside(self.source, at, text, &error.at);
            checker.problems.error("bad-condition", span, error.message).help(error.help);
        }
    }

    /// The entries of `next`, each with the place of the step that it leads to.
    fn next(&self, checker: &mut Checker<'_>, asked: &mut Vec<Named>) -> Option<Vec<(Next, usize)>> {
        let field = &self.entries[self.place].written.next;
        if field.is_absent() {
            return Some(Vec::new());
        }
        let list = match given(field)? {
            (Form::Word(id), at) => {
                let place = self.step(checker, id, at, &[])?;
                return Some(vec![(Next { when: None, go: id.clone() }, place)]);
            }
            (Form::Map(never), _) => match *never {},
            (Form::List(list), _) => list,
        };
        let (mut next, mut good) = (Vec::new(), true);
        let mut always: Option<Span> = None;
        for entry in list {
            let Some((_, at)) = given(entry) else {
                good = false;
                continue;
            };
            if let Some(first) = always {
                checker
                    .problems
                    .warning("unreachable", at, "this is never looked at: the entry before always holds")
                    .other(first, "this one has no `when`")
                    .help("put it before, or leave it out");
            }
            let Some(one) = self.next_entry(checker, entry, asked) else {
                good = false;
                continue;
            };
            if one.0.when.is_none() {
                always.get_or_insert(at);
            }
            next.push(one);
        }
        good.then_some(next)
    }

    fn next_entry(
        &self,
        checker: &mut Checker<'_>,
        entry: &Field<Form<String, NextEntry>>,
        asked: &mut Vec<Named>,
    ) -> Option<(Next, usize)> {
        match given(entry)? {
            (Form::Word(id), at) => {
                let place = self.step(checker, id, at, &[])?;
                Some((Next { when: None, go: id.clone() }, place))
            }
            (Form::Map(map), at) => {
                let go = checker.need(&map.go, "go", at, "escalate");
                let go = go.and_then(|(id, at)| Some((id.clone(), self.step(checker, id, at, &[])?)));
                let when = if map.when.is_absent() {
                    Some(None)
                } else {
                    self.expression(checker, &map.when, true, asked).map(Some)
                };
                let (go, place) = go?;
                Some((Next { when: when?, go }, place))
            }
            (Form::List(never), _) => match *never {},
        }
    }

    fn on_failure(&self, checker: &mut Checker<'_>) -> Option<(OnFailure, Failure)> {
        let field = &self.entries[self.place].written.on_failure;
        if field.is_absent() {
            return Some((OnFailure::Stop, Failure::Stops));
        }
        let (word, at) = given(field)?;
        match word.as_str() {
            "stop" => Some((OnFailure::Stop, Failure::Stops)),
            "continue" => Some((OnFailure::Continue, Failure::Continues)),
            id => {
                let place = self.step(checker, id, at, &["stop", "continue"])?;
                Some((OnFailure::Go(id.to_owned()), Failure::Goes(place)))
            }
        }
    }

    /// The place of a step, or of the words that may stand there too.
    fn step(&self, checker: &mut Checker<'_>, id: &str, at: Span, or: &[&str]) -> Option<usize> {
        let found = self.entries.iter().position(|entry| entry.id == id && !id.is_empty());
        if found.is_none() {
            let ids = || self.entries.iter().map(|entry| entry.id).filter(|id| !id.is_empty());
            let help = nearest(id, ids().chain(or.iter().copied())).map_or_else(
                || {
                    let mut words: Vec<&str> = or.iter().copied().chain(ids()).collect();
                    words.dedup();
                    let words: Vec<String> = words.iter().take(12).map(|id| format!("`{id}`")).collect();
                    format!("write one of {}", words.join(", "))
                },
                |near| format!("did you mean `{near}`?"),
            );
            checker.problems.error("unknown-step", at, format!("there is no step {}", quote(id))).help(help);
        }
        found
    }
}
