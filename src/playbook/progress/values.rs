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
    each_text(&mut action, &mut |text, form| replace(text, form, known, &mut wrong));
    if wrong.is_empty() { Ok(action) } else { Err(wrong.join("; ")) }
}

/// What a text is a part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TextForm {
    Plain,
    /// Values are quoted, so that none can change the shape of what they are put into.
    Json,
}

fn each_text(action: &mut Action, act: &mut dyn FnMut(&mut String, TextForm)) {
    match action {
        Action::Http { request, tolerance: _ } => {
            let is_json = request.headers.get("content-type").is_some_and(|kind| kind.contains("json"));
            let form = if is_json { TextForm::Json } else { TextForm::Plain };
            act(&mut request.url, TextForm::Plain);
            request.headers.values_mut().for_each(|text| act(text, TextForm::Plain));
            request.body.iter_mut().for_each(|text| act(text, form));
        }
        Action::Run { argv, env, exit: _ } => {
            argv.iter_mut().chain(env.values_mut()).for_each(|text| act(text, TextForm::Plain));
        }
        Action::Manual { text, questions: _ } | Action::Notify { audience: _, text } => {
            act(text, TextForm::Plain)
        }
        Action::Approve { .. } | Action::Probe(_) | Action::Host { .. } => {}
    }
}

fn replace(text: &mut String, form: TextForm, known: &Known<'_>, wrong: &mut Vec<String>) {
    *text = replaced(text, known, &mut |path, value| match value {
        // The edge would put a secret in its place: what a system answered must never choose one.
        Some(value) if value.contains("${") => {
            wrong.push(format!("the value of `{path}` holds `${{`, which would be read once more"));
            String::new()
        }
        Some(value) if form == TextForm::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
        Some(value) => value,
        None => {
            wrong.push(format!("`{path}` has no value: the step did not run, or kept nothing"));
            String::new()
        }
    });
}

/// The text with each `${steps.…}` replaced by what `put` makes of its path and value.
fn replaced(text: &str, known: &Known<'_>, put: &mut dyn FnMut(&str, Option<String>) -> String) -> String {
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(start) = rest.find("${steps.") {
        let Some(length) = rest[start..].find('}') else { break };
        let written = &rest[start + 2..start + length];
        let path: Vec<&str> = written.split('.').collect();
        filled.push_str(&rest[..start]);
        let value = known.value(&path).map(|value| match value {
            Value::Text(value) => value,
            Value::Boolean(value) => value.to_string(),
            Value::Number(value) => value.to_string(),
        });
        filled.push_str(&put(written, value));
        rest = &rest[start + length + 1..];
    }
    filled.push_str(rest);
    filled
}

/// A text for people: what is known of `${steps.…}` and `${impact.at}` is filled in, the time of the impact in the
/// words given; what is not known (yet) is said to be so. Secrets stay names.
pub fn shown(text: &str, (book, visits): (&Playbook, &[Visit]), impact: Option<(Duration, &str)>) -> String {
    let known = Known::new(book, visits, impact.map(|(at, _)| at));
    let filled = replaced(text, &known, &mut |path, value| {
        value.unwrap_or_else(|| format!("(`{path}` is not known)"))
    });
    filled.replace("${impact.at}", impact.map_or("(no impact yet)", |(_, words)| words))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a body that names an output with this value.
    fn body(json: bool, value: &str) -> Result<String, String> {
        let mut headers = BTreeMap::new();
        if json {
            headers.insert("content-type".to_owned(), "application/json".to_owned());
        }
        let action = serde_json::json!({"http": {
            "request": {"method": "PUT", "url": "http://127.0.0.1/", "headers": headers, "body": "{\"a\":\"${steps.s.out}\"}", "ca": null},
            "tolerance": {"status": [], "body": [], "json": [], "over": "30s"},
        }});
        let step = serde_json::json!({
            "id": "s", "title": null, "role": null, "links": [], "action": action, "when": null, "next": [],
            "retry": {"attempts": 1, "delay": "0s"}, "timeout": "30s", "budget": null, "verify": null,
            "on_failure": "stop", "outputs": {}, "mutates": true, "undo": null, "end": false,
        });
        let book: Playbook = serde_json::from_value(serde_json::json!({
            "name": "b", "title": null, "owner": null, "triggers": [], "objectives": {"rto": null, "rpo": null},
            "inputs": {}, "secrets": {}, "contacts": [], "steps": [step],
        }))
        .unwrap();
        let mut visit = Visit::new(0, Duration::ZERO);
        visit.outputs.insert("out".to_owned(), value.to_owned());
        let visits = [visit];
        let filled = fill_in(&book.steps[0].action, &Known::new(&book, &visits, None))?;
        match filled {
            Action::Http { request, .. } => Ok(request.body.unwrap_or_default()),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn what_a_system_answered_cannot_change_the_shape_of_a_body() {
        let tricky = "x\",\"admin\":\"yes";
        let filled: serde_json::Value = serde_json::from_str(&body(true, tricky).unwrap()).unwrap();
        assert_eq!(filled, serde_json::json!({ "a": tricky }));
        assert_eq!(body(false, "x y").unwrap(), "{\"a\":\"x y\"}");
    }

    #[test]
    fn what_a_system_answered_cannot_name_a_secret() {
        let why = body(true, "${secrets.FLAGS}").unwrap_err();
        assert!(why.contains("`steps.s.out` holds `${`"), "{why}");
    }
}
