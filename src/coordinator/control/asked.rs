//! What is asked of a running drill, held against what the record takes; the same on the socket and over HTTP.

use super::Status;
use super::wire::{ANSWERS_MAX, CHANGES_MAX, SetFault, TEXT_MAX_BYTES};
use crate::playbook::event::StepAnswer;
use crate::playbook::plan::Answer;

/// What of an answer is more than the record takes.
pub(in crate::coordinator) fn too_long(answer: &StepAnswer, role: Option<&str>) -> Option<String> {
    let mut texts: Vec<(&str, &str)> = role.map(|role| ("role", role)).into_iter().collect();
    match answer {
        StepAnswer::Taken {} => {}
        StepAnswer::Done { answers } => {
            if answers.len() > ANSWERS_MAX {
                return Some(format!("{} answers; a step takes at most {ANSWERS_MAX}", answers.len()));
            }
            for (id, answer) in answers {
                texts.push(("the name of an answer", id));
                if let Answer::Text(text) = answer {
                    texts.push((id, text));
                }
            }
        }
        StepAnswer::Skipped { why } | StepAnswer::Failed { why } | StepAnswer::Stuck { why } => {
            texts.push(("why", why));
        }
    }
    let (name, text) = texts.into_iter().find(|(_, text)| text.len() > TEXT_MAX_BYTES)?;
    let length = text.len();
    let name = name.chars().take(60).flat_map(char::escape_debug).collect::<String>();
    Some(format!("`{name}` is {length} bytes long and may have {TEXT_MAX_BYTES}; shorten it"))
}

/// The changes as texts; a number or a truth value is taken as it is written.
pub(in crate::coordinator) fn changes(body: SetFault) -> Result<Vec<(String, String)>, String> {
    if body.set.is_empty() || body.set.len() > CHANGES_MAX {
        return Err(format!("`set` has {} keys; give 1 to {CHANGES_MAX}", body.set.len()));
    }
    body.set
        .into_iter()
        .map(|(key, value)| match value {
            serde_json::Value::String(text) => Ok((key, text)),
            serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Ok((key, value.to_string())),
            serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
                Err(format!("`{}` is {value}; give a text or a number", key.escape_debug()))
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
