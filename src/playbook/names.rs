//! What an expression may name at its place in a playbook: the same names as `progress::values` has values for.

use std::collections::BTreeMap;

use super::when::{Kind, Names};

/// What is known of a step before it runs: enough to say what it will have.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    /// Its id.
    pub(super) id: String,
    /// The answers to its questions.
    pub(super) answers: BTreeMap<String, Kind>,
    /// The names of its outputs.
    pub(super) outputs: Vec<String>,
    /// Whether something verifies it.
    pub(super) verifies: bool,
    /// Whether people approve it.
    pub(super) approves: bool,
}

/// The names at one place of a playbook.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamesHere<'a> {
    /// Every input.
    pub(super) inputs: &'a BTreeMap<String, Kind>,
    /// Every step.
    pub(super) steps: &'a [Shape],
    /// The step that is just over, whose answers and outputs go by their bare name; none in a `when:` of its own.
    pub(super) own: Option<usize>,
}

/// An id as it is written in an expression.
pub(super) fn in_expressions(id: &str) -> String {
    id.replace('-', "_")
}

/// Whether a name of a path means this id.
fn means(name: &str, id: &str) -> bool {
    name == id || name == in_expressions(id)
}

impl Shape {
    fn kind(&self, rest: &[&str]) -> Option<Kind> {
        let choice = |words: &[&str]| Kind::Choice(words.iter().map(|word| (*word).to_owned()).collect());
        match rest {
            ["outcome"] => Some(choice(&["ok", "failed", "timed_out", "skipped"])),
            ["verify"] => self.verifies.then(|| choice(&["passed", "failed"])),
            ["approved"] => self.approves.then_some(Kind::Boolean),
            ["attempts"] => Some(Kind::Number),
            ["answers", name] => self.answer(name),
            ["outputs", name] | [name] => {
                self.outputs.iter().any(|output| means(name, output)).then_some(Kind::Text)
            }
            _ => None,
        }
    }

    fn answer(&self, name: &str) -> Option<Kind> {
        self.answers.iter().find(|(id, _)| means(name, id)).map(|(_, kind)| kind.clone())
    }

    /// What stands behind its id.
    fn rests(&self) -> Vec<String> {
        let mut rests = vec!["outcome".to_owned(), "attempts".to_owned()];
        rests.extend(self.verifies.then(|| "verify".to_owned()));
        rests.extend(self.approves.then(|| "approved".to_owned()));
        rests.extend(self.answers.keys().map(|id| format!("answers.{}", in_expressions(id))));
        for output in &self.outputs {
            rests.push(in_expressions(output));
            rests.push(format!("outputs.{}", in_expressions(output)));
        }
        rests
    }
}

impl NamesHere<'_> {
    /// The place of the step that a path is about.
    pub(super) fn step(&self, path: &[&str]) -> Option<usize> {
        match path {
            ["steps", id, ..] => self.steps.iter().position(|step| means(id, &step.id)),
            _ => None,
        }
    }
}

impl Names for NamesHere<'_> {
    fn kind(&self, path: &[&str]) -> Option<Kind> {
        match path {
            ["inputs", name] => self.inputs.get(*name).cloned(),
            ["impact", "seen"] => Some(Kind::Boolean),
            ["steps", _, rest @ ..] => self.steps.get(self.step(path)?)?.kind(rest),
            [own] => {
                let step = self.steps.get(self.own?)?;
                step.answer(own).or_else(|| step.kind(&[own]))
            }
            _ => None,
        }
    }

    fn known(&self) -> Vec<String> {
        let mut known = Vec::new();
        if let Some(own) = self.own.and_then(|own| self.steps.get(own)) {
            known.extend(own.answers.keys().map(|id| in_expressions(id)));
            known.extend(own.rests().into_iter().filter(|rest| !rest.contains('.')));
        }
        known.extend(self.inputs.keys().map(|name| format!("inputs.{name}")));
        for step in self.steps {
            let id = in_expressions(&step.id);
            known.extend(step.rests().into_iter().map(|rest| format!("steps.{id}.{rest}")));
        }
        known.push("impact.seen".to_owned());
        known
    }
}
