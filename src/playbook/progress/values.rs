//! What expressions and texts may name while a playbook runs, and what it is worth.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Visit;
use crate::playbook::event::StepResult;
use crate::playbook::plan::{Action, Answer, Playbook};
use crate::playbook::when::{Expression, Value, Values};

/// What is known at one moment.
#[derive(Debug)]
pub struct Known<'a> {
    book: &'a Playbook,
    visits: &'a [Visit],
    impact: Option<Duration>,
}

impl<'a> Known<'a> {
    pub(super) fn new(book: &'a Playbook, visits: &'a [Visit], impact: Option<Duration>) -> Self {
        Self { book, visits, impact }
    }

    /// The last visit of a step, whose id is written as in expressions (`_` for `-`).
    fn visit(&self, id: &str) -> Option<&'a Visit> {
        let place =
            self.book.steps.iter().position(|step| step.id == id || step.id.replace('-', "_") == id)?;
        self.visits.iter().rev().find(|visit| visit.step == place)
    }

    fn of_step(&self, visit: &Visit, rest: &[&str]) -> Option<Value> {
        let result = visit.finished.as_ref().map(|(_, result)| result);
        match rest {
            ["outcome"] => Some(text(result?.word())),
            ["verify"] => match result? {
                StepResult::Ok { verified: true } => Some(text("passed")),
                StepResult::NotVerified { .. } => Some(text("failed")),
                _ => None,
            },
            ["approved"] => {
                let approves = matches!(self.book.steps[visit.step].action, Action::Approve { .. });
                approves.then_some(())?;
                Some(Value::Boolean(matches!(result?, StepResult::Ok { .. })))
            }
            ["attempts"] => Some(Value::Number(f64::from(visit.attempts))),
            ["answers", id] => answer(&visit.answers, id),
            ["outputs", id] | [id] => {
                let named = |name: &&String| name.as_str() == *id || name.replace('-', "_") == *id;
                let name = visit.outputs.keys().find(named)?;
                visit.outputs.get(name).map(|output| text(output))
            }
            _ => None,
        }
    }
}

impl Values for Known<'_> {
    fn value(&self, path: &[&str]) -> Option<Value> {
        match path {
            ["inputs", name] => self.book.inputs.get(*name).map(worth),
            ["impact", "seen"] => Some(Value::Boolean(self.impact.is_some())),
            ["steps", id, rest @ ..] => self.of_step(self.visit(id)?, rest),
            // A step's own answers and outputs go by their bare name.
            [own] => {
                let visit = self.visits.last()?;
                answer(&visit.answers, own).or_else(|| self.of_step(visit, &[own]))
            }
            _ => None,
        }
    }
}

fn answer(answers: &BTreeMap<String, Answer>, id: &str) -> Option<Value> {
    let named = |name: &&String| name.as_str() == id || name.replace('-', "_") == id;
    answers.get(answers.keys().find(named)?).map(worth)
}

fn worth(answer: &Answer) -> Value {
    match answer {
        Answer::Boolean(value) => Value::Boolean(*value),
        Answer::Number(value) => Value::Number(*value),
        Answer::Text(value) => text(value),
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// Whether a condition holds.
pub(super) fn holds(when: &Expression, known: &Known<'_>) -> bool {
    // The check has made sure that its kinds fit; one that does not fit all the same does not hold.
    when.evaluate(known).unwrap_or(false)
}

/// The action with `${steps.ID.OUTPUT}` replaced; secrets and the time of the impact are left to the edge.
///
/// # Errors
/// A value that is named is not known (yet).
pub(super) fn fill_in(action: &Action, known: &Known<'_>) -> Result<Action, String> {
    let mut action = action.clone();
    let mut wrong = Vec::new();
    each_text(&mut action, &mut |text| replace(text, known, &mut wrong));
    if wrong.is_empty() { Ok(action) } else { Err(wrong.join("; ")) }
}

fn each_text(action: &mut Action, act: &mut dyn FnMut(&mut String)) {
    match action {
        Action::Http { request, tolerance: _ } => {
            act(&mut request.url);
            request.headers.values_mut().for_each(&mut *act);
            request.body.iter_mut().for_each(act);
        }
        Action::Run { argv, env, exit: _ } => {
            argv.iter_mut().for_each(&mut *act);
            env.values_mut().for_each(act);
        }
        Action::Manual { text, questions: _ } | Action::Notify { audience: _, text } => act(text),
        Action::Approve { .. } | Action::Probe(_) | Action::Host { .. } => {}
    }
}

fn replace(text: &mut String, known: &Known<'_>, wrong: &mut Vec<String>) {
    *text = replaced(text, known, &mut |path| {
        wrong.push(format!("`{path}` has no value: the step did not run, or kept nothing"));
        String::new()
    });
}

/// The text with each `${steps.…}` replaced; `unknown` says what stands for one that has no value.
fn replaced(text: &str, known: &Known<'_>, unknown: &mut dyn FnMut(&str) -> String) -> String {
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(start) = rest.find("${steps.") {
        let Some(length) = rest[start..].find('}') else { break };
        let written = &rest[start + 2..start + length];
        let path: Vec<&str> = written.split('.').collect();
        filled.push_str(&rest[..start]);
        filled.push_str(&match known.value(&path) {
            Some(Value::Text(value)) => value,
            Some(Value::Boolean(value)) => value.to_string(),
            Some(Value::Number(value)) => value.to_string(),
            None => unknown(written),
        });
        rest = &rest[start + length + 1..];
    }
    filled.push_str(rest);
    filled
}

/// A text for people: what is known of `${steps.…}` and `${impact.at}` is filled in, the time of the impact in the
/// words given; what is not known (yet) is said to be so. Secrets stay names.
pub fn shown(text: &str, (book, visits): (&Playbook, &[Visit]), impact: Option<(Duration, &str)>) -> String {
    let known = Known::new(book, visits, impact.map(|(at, _)| at));
    let filled = replaced(text, &known, &mut |path| format!("(`{path}` is not known)"));
    filled.replace("${impact.at}", impact.map_or("(no impact yet)", |(_, words)| words))
}
