//! The steps: ids that differ, each step by itself, and then how they hang together.

use std::collections::BTreeMap;

use super::conditions::{self, Conditions};
use super::flow::{self, Named, Way};
use super::inputs::{self, Input};
use super::{File, action, lint, step};
use crate::playbook::names::{NamesHere, Shape};

use crate::playbook::plan::{STEPS_MAX, Step};
use crate::playbook::when::Kind;
use crate::playbook::written::{Playbook as WrittenBook, Step as Written};
use crate::scenario::check::{Checker, given};
use crate::text::{Span, quote};

/// Words that mean something else where a step may be named.
const RESERVED: [&str; 2] = ["stop", "continue"];
/// What every step has in expressions.
const OF_STEPS: [&str; 6] = ["outcome", "verify", "approved", "attempts", "answers", "outputs"];
/// Words of expressions that alone are no names.
const OF_EXPRESSIONS: [&str; 5] = ["and", "or", "not", "true", "false"];

/// A step as written.
#[derive(Clone, Copy)]
pub(super) struct Entry<'w> {
    pub(super) written: &'w Written,
    /// Where it begins.
    pub(super) at: Span,
    /// Its id as it was written; empty when there is none.
    pub(super) id: &'w str,
    /// Where its id, or else the step, was written.
    pub(super) id_at: Span,
}

pub(super) fn check(
    checker: &mut Checker<'_>,
    book: &WrittenBook,
    declared: &BTreeMap<String, Input>,
    file: &File<'_>,
    top: Span,
) -> Option<Vec<Step>> {
    const EXAMPLE: &str = "[{id: look, manual: Open the dashboard}]";
    let (list, at) = checker.need(&book.steps, "steps", top, EXAMPLE)?;
    if list.is_empty() {
        checker
            .problems
            .error("no-step", at, "there is no step")
            .help(format!("add one: `steps: {EXAMPLE}`"));
    }
    if let Some(first) = list.get(STEPS_MAX) {
        checker
            .problems
            .error(
                "too-many-steps",
                first.span().unwrap_or(at),
                format!("{} steps are more than {STEPS_MAX}, the most of a playbook", list.len()),
            )
            .help("nobody follows so many in a bad hour: make two playbooks");
        return None;
    }
    let entries: Vec<Entry<'_>> = list.iter().filter_map(given).map(entry).collect();
    let usable = ids(checker, &entries);
    let shapes: Vec<Shape> = entries.iter().map(shape).collect();
    let kinds: BTreeMap<String, Kind> =
        declared.iter().map(|(name, input)| (name.clone(), input.kind.clone())).collect();
    let names = NamesHere { inputs: &kinds, steps: &shapes, own: None };
    let (mut steps, mut ways, mut named) = (Vec::new(), Vec::new(), Vec::new());
    for (place, entry) in entries.iter().enumerate() {
        let conditions = Conditions { source: file.source, names, entries: &entries, place };
        let (leads, way, asked) = conditions::check(checker, &conditions);
        named.extend(asked);
        let checked = step::check(checker, entry.written, (entry.id, entry.at), leads, file);
        named.extend(texts(checker, &conditions));
        lint::step(checker, entry, checked.as_ref());
        ways.push(way);
        steps.push(checked.filter(|_| usable[place]));
    }
    hang_together(checker, &entries, &ways, &named);
    lint::nothing_changes(checker, &steps, at);
    let complete = steps.len() == list.len() && !steps.is_empty();
    steps.into_iter().collect::<Option<Vec<Step>>>().filter(|_| complete)
}

fn entry((written, at): (&Written, Span)) -> Entry<'_> {
    let id = written.id.get().map_or("", String::as_str);
    Entry { written, at, id, id_at: written.id.span().unwrap_or(at) }
}

/// Whether each step has an id of its own.
fn ids(checker: &mut Checker<'_>, entries: &[Entry<'_>]) -> Vec<bool> {
    let mut usable = Vec::with_capacity(entries.len());
    for (place, entry) in entries.iter().enumerate() {
        checker.need(&entry.written.id, "id", entry.at, "look");
        let mut good = checker.name(&entry.written.id, "id").is_some();
        if RESERVED.contains(&entry.id) {
            checker
                .problems
                .error("bad-name", entry.id_at, format!("no step may be named `{}`", entry.id))
                .help("`on_failure` reads it as something else: choose another `id`");
            good = false;
        }
        let first = entries[..place].iter().find(|other| other.id == entry.id && !entry.id.is_empty());
        if let Some(first) = first {
            checker
                .problems
                .error("duplicate-name", entry.id_at, format!("two steps have the id {}", quote(entry.id)))
                .other(first.id_at, "the first one")
                .help("give each its own `id`");
            good = false;
        }
        usable.push(good);
    }
    usable
}

/// What expressions may ask of a step.
fn shape(entry: &Entry<'_>) -> Shape {
    let kind = |question: &crate::playbook::written::Question| {
        let kind = question.kind.get().copied().unwrap_or_default();
        let choices = question.choices.get().into_iter().flatten();
        let choices: Vec<String> =
            choices.filter_map(|choice| choice.get().map(|choice| choice.0.clone())).collect();
        inputs::kind_of(kind, &choices)
    };
    let answers = action::answers(&entry.written.questions);
    let outputs = entry.written.outputs.get().into_iter().flatten();
    Shape {
        id: entry.id.to_owned(),
        answers: answers.into_iter().map(|(id, question)| (id, kind(question))).collect(),
        outputs: outputs.map(|pair| pair.name.clone()).collect(),
        verifies: !entry.written.verify.is_absent(),
        approves: !entry.written.approve.is_absent(),
    }
}

/// What expressions may ask of each step of a file.
#[cfg(test)]
pub(super) fn shapes(book: &WrittenBook) -> Vec<Shape> {
    let steps = book.steps.get().into_iter().flatten();
    steps.filter_map(given).map(|found| shape(&entry(found))).collect()
}

/// The name of an answer or an output: one that an expression can say.
pub(super) fn is_value_name(checker: &mut Checker<'_>, name: &str, at: Span, what: &str) -> bool {
    let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && name.len() <= 100;
    if !well_formed {
        checker
            .problems
            .error("bad-name", at, format!("{} is no name of {what}", quote(name)))
            .help("use letters, digits, `-` and `_`, and begin with a letter");
        return false;
    }
    let folded = name.replace('-', "_");
    if OF_STEPS.contains(&folded.as_str()) || OF_EXPRESSIONS.contains(&folded.as_str()) {
        checker
            .problems
            .error("bad-name", at, format!("`{name}` means something else in conditions"))
            .help("choose another name");
        return false;
    }
    true
}

/// The steps that the texts of this one name.
fn texts(checker: &mut Checker<'_>, conditions: &Conditions<'_>) -> Vec<Named> {
    let Some(book) = checker.playbook.as_mut() else { return Vec::new() };
    let found = std::mem::take(&mut book.steps);
    found.into_iter().filter_map(|(path, at)| conditions::text(checker, conditions, &path, at)).collect()
}

/// How the steps hang together; only when each of them leads somewhere.
fn hang_together(checker: &mut Checker<'_>, entries: &[Entry<'_>], ways: &[Way], named: &[Named]) {
    if ways.iter().any(|way| way.is_broken) || ways.is_empty() {
        return;
    }
    let leads_to = flow::edges(ways);
    let reach = flow::reach(&leads_to);
    flow::unreachable(checker, entries, &leads_to);
    flow::circles(checker, entries, ways, &leads_to);
    flow::too_early(checker, entries, named, &reach);
}
