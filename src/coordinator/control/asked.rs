//! What is asked of a running drill, held against what the record takes; the same on the socket and over HTTP.

use super::wire::{ANSWERS_MAX, CHANGES_MAX, SetFault};
use super::{Request, Status};
use crate::coordinator::said::{self, Unfit};
use crate::playbook::event::StepAnswer;
use crate::playbook::plan::Answer;

/// What is asked, if a record takes it. A halt's reason is cut: nobody in a hurry is turned away.
pub(in crate::coordinator) fn fit(mut request: Request) -> Result<Request, Unfit> {
    match &mut request {
        Request::Status { .. } | Request::StartPlaybook { .. } => {}
        Request::Halt { reason, .. } => reason.truncate(said::cut(reason).len()),
        Request::Note { text, .. } => said::text("text", text)?,
        Request::Answer { role, answer, .. } => fit_answer(answer, role.as_deref())?,
        Request::SetFault { changes, .. } => {
            fit_changes(changes.len())?;
            for (key, value) in changes {
                said::length("a key of `set`", key)?;
                said::length(key, value)?;
            }
        }
    }
    Ok(request)
}

fn fit_answer(answer: &StepAnswer, role: Option<&str>) -> Result<(), Unfit> {
    said::length("role", role.unwrap_or_default())?;
    match answer {
        StepAnswer::Taken {} => Ok(()),
        StepAnswer::Done { answers } => {
            if answers.len() > ANSWERS_MAX {
                let why = format!("{} answers; a step takes at most {ANSWERS_MAX}", answers.len());
                return Err(Unfit::new("too long", why));
            }
            for (id, answer) in answers {
                said::length("the name of an answer", id)?;
                if let Answer::Text(text) = answer {
                    let name = id.chars().take(60).flat_map(char::escape_debug).collect::<String>();
                    said::length(&name, text)?;
                }
            }
            Ok(())
        }
        StepAnswer::Skipped { why } | StepAnswer::Failed { why } | StepAnswer::Stuck { why } => {
            said::length("why", why)
        }
    }
}

fn fit_changes(keys: usize) -> Result<(), Unfit> {
    match keys {
        1..=CHANGES_MAX => Ok(()),
        _ => {
            let why = format!("`set` has {keys} keys; give 1 to {CHANGES_MAX}");
            Err(Unfit::new("nothing to set, or too much", why))
        }
    }
}

/// The changes as texts; a number or a truth value is taken as it is written.
pub(in crate::coordinator) fn changes(body: SetFault) -> Result<Vec<(String, String)>, Unfit> {
    fit_changes(body.set.len())?;
    body.set
        .into_iter()
        .map(|(key, value)| match value {
            serde_json::Value::String(text) => Ok((key, text)),
            serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Ok((key, value.to_string())),
            serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
                let why = format!("`{}` is {value}; give a text or a number", key.escape_debug());
                Err(Unfit::new("no value", why))
            }
        })
        .collect()
}

/// Why a drill has no such fault.
pub(in crate::coordinator) fn known_fault(status: &Status, fault: &str) -> Result<(), String> {
    if status.faults.iter().any(|known| known.id == fault) {
        return Ok(());
    }
    let known: Vec<&str> = status.faults.iter().map(|fault| fault.id.as_str()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(format!("drill `{}` has no fault `{}`; it has {known}", status.drill, fault.escape_debug()))
}
