//! `inputs:`: what is given when the playbook is used, each of its kind and one of its choices.

use std::collections::BTreeMap;

use crate::playbook::plan::Answer;
use crate::playbook::when::Kind;
use crate::playbook::written::{Input as Written, ValueKind};
use crate::scenario::check::substitute::is_variable;
use crate::scenario::check::{Checker, given};
use crate::text::{Field, Form, Pairs, Scalar, Span, nearest, quote};

/// An input that is declared.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// What it is now; a stand-in where nothing was given, which is reported.
    pub(super) value: Answer,
    /// The same as it is put into texts.
    text: String,
    /// What expressions may do with it.
    pub(super) kind: Kind,
}

type WrittenInputs = Field<Pairs<Form<Scalar, Written>>>;

pub(super) fn check(
    checker: &mut Checker<'_>,
    field: &WrittenInputs,
    values: &BTreeMap<String, String>,
    top: Span,
) -> BTreeMap<String, Input> {
    let mut inputs = BTreeMap::new();
    for pair in field.get().into_iter().flatten() {
        if !is_variable(&pair.name) {
            checker
                .problems
                .error("bad-name", pair.name_span, format!("{} is no name of an input", quote(&pair.name)))
                .help("use letters, digits and `_`, for example `region`");
        }
        let one = Declared { name: &pair.name, at: pair.name_span, given: values.get(&pair.name) };
        let input = match given(&pair.value) {
            Some((Form::Word(word), at)) => {
                let word = Field::Given { key: pair.name_span, span: at, value: word.clone() };
                one.check(checker, &Written { default: word, ..Written::default() })
            }
            Some((Form::Map(map), _)) => one.check(checker, map),
            Some((Form::List(never), _)) => match *never {},
            // It is declared all the same: its uses are not wrong too.
            None => stand_in(ValueKind::String, &[]),
        };
        inputs.insert(pair.name.clone(), input);
    }
    let declared = field.get().into_iter().flatten().map(|pair| pair.name.as_str());
    unknown(checker, declared.collect(), values, field.key().unwrap_or(top));
    inputs
}

/// What is put into texts for each.
pub(super) fn texts(inputs: &BTreeMap<String, Input>) -> BTreeMap<String, String> {
    inputs.iter().map(|(name, input)| (name.clone(), input.text.clone())).collect()
}

/// What was given and is not declared.
fn unknown(checker: &mut Checker<'_>, declared: Vec<&str>, values: &BTreeMap<String, String>, at: Span) {
    for name in values.keys().filter(|name| !declared.contains(&name.as_str())) {
        let help = match nearest(name, declared.iter().copied()) {
            Some(near) => format!("did you mean `--input {near}=…`?"),
            None if declared.is_empty() => "it has no inputs".to_owned(),
            None => format!("its inputs are {}", declared.join(", ")),
        };
        checker
            .problems
            .error("unknown-input", at, format!("the input {} was given and is not declared", quote(name)))
            .help(help);
    }
}

struct Declared<'a> {
    name: &'a str,
    at: Span,
    given: Option<&'a String>,
}

impl Declared<'_> {
    fn check(&self, checker: &mut Checker<'_>, written: &Written) -> Input {
        let kind = written.kind.get().copied().unwrap_or_default();
        let choices = choices(checker, &written.choices, kind);
        let default = given(&written.default).and_then(|(raw, at)| {
            let text = checker.resolve(&raw.0, at, false)?;
            let value = value(&text, kind);
            if value.is_none() || !is_choice(&text, &choices) {
                let what = expected(kind, &choices);
                checker
                    .problems
                    .error("bad-input", at, format!("the default {} is not {what}", quote(&text)))
                    .help(format!("write {what}"));
            }
            Some((text, value?))
        });
        let chosen = match self.given {
            Some(text) if text.contains("${") => {
                let message = format!("the input `{}` was given {}", self.name, quote(text));
                checker
                    .problems
                    .error("bad-input", self.at, message)
                    .help("give the value itself: what is given is not looked into again");
                None
            }
            Some(text) => {
                let value = value(text, kind).filter(|_| is_choice(text, &choices));
                if value.is_none() {
                    let what = expected(kind, &choices);
                    let message = format!("the input `{}` was given {}", self.name, quote(text));
                    checker
                        .problems
                        .error("bad-input", self.at, message)
                        .help(format!("give {what}: `--input {}=…`", self.name));
                }
                value.map(|value| (text.clone(), value))
            }
            None => {
                if written.default.is_absent() && !written.choices.is_bad() && !written.kind.is_bad() {
                    let what = expected(kind, &choices);
                    checker
                        .problems
                        .error(
                            "missing-input",
                            self.at,
                            format!("the input `{}` has no value and no default", self.name),
                        )
                        .help(format!("give {what}: `--input {}=…`", self.name));
                }
                default
            }
        };
        let Some((text, value)) = chosen else { return stand_in(kind, &choices) };
        Input { value, text, kind: kind_of(kind, &choices) }
    }
}

/// The only values, each of the kind.
pub(super) fn choices(
    checker: &mut Checker<'_>,
    field: &Field<Vec<Field<Scalar>>>,
    kind: ValueKind,
) -> Vec<String> {
    let mut choices: Vec<String> = Vec::new();
    let Some((list, at)) = given(field) else { return choices };
    if list.is_empty() {
        checker
            .problems
            .error("no-choice", at, "`choices` is empty")
            .help("name the values, or leave it out");
    }
    for (raw, at) in list.iter().filter_map(given) {
        let Some(text) = checker.resolve(&raw.0, at, false) else { continue };
        if value(&text, kind).is_none() {
            let what = expected(kind, &[]);
            checker
                .problems
                .error("bad-input", at, format!("the choice {} is not {what}", quote(&text)))
                .help("write its kind as `type`, or another value");
        } else if choices.contains(&text) {
            checker
                .problems
                .error("duplicate-name", at, format!("{} stands twice in `choices`", quote(&text)))
                .help("leave one out");
        } else {
            choices.push(text);
        }
    }
    choices
}

/// What expressions may do with a value.
pub(super) fn kind_of(kind: ValueKind, choices: &[String]) -> Kind {
    match kind {
        ValueKind::Boolean => Kind::Boolean,
        ValueKind::Number => Kind::Number,
        ValueKind::String if choices.is_empty() => Kind::Text,
        ValueKind::String => Kind::Choice(choices.to_vec()),
    }
}

fn value(text: &str, kind: ValueKind) -> Option<Answer> {
    match kind {
        ValueKind::String => Some(Answer::Text(text.to_owned())),
        ValueKind::Boolean => text.parse().ok().map(Answer::Boolean),
        // What Rust reads beside plain numbers (`inf`, `nan`) is none.
        ValueKind::Number => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Answer::Number),
    }
}

fn is_choice(text: &str, choices: &[String]) -> bool {
    choices.is_empty() || choices.iter().any(|choice| choice == text)
}

fn expected(kind: ValueKind, choices: &[String]) -> String {
    if !choices.is_empty() {
        let choices: Vec<String> = choices.iter().take(8).map(|choice| quote(choice)).collect();
        return format!("one of {}", choices.join(", "));
    }
    match kind {
        ValueKind::String => "a text",
        ValueKind::Number => "a number",
        ValueKind::Boolean => "`true` or `false`",
    }
    .to_owned()
}

/// So that what uses the input can be looked at all the same.
fn stand_in(kind: ValueKind, choices: &[String]) -> Input {
    let usual = match kind {
        ValueKind::String => "value",
        ValueKind::Number => "1",
        ValueKind::Boolean => "true",
    };
    let text = choices.first().map_or(usual, String::as_str).to_owned();
    let value = value(&text, kind).unwrap_or_else(|| Answer::Text(text.clone()));
    Input { value, text, kind: kind_of(kind, choices) }
}
