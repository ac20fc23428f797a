//! What is kept of a step's result, for later steps and for the record.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::coordinator::http::Answer;
use crate::coordinator::probe::{cut_note, shortened, without_secrets};
use crate::coordinator::secrets::Secrets;
use crate::playbook::event::Job;
use crate::playbook::plan::Capture;
use crate::text::{JsonPath, JsonPathError};

/// The longest output, in bytes: it goes into the record and into further steps.
const OUTPUT_MAX_BYTES: usize = 16 * 1024;

/// So much of what was searched in vain is shown.
const SHOWN_MAX: usize = 200;

/// Where outputs are found.
pub(super) enum Found<'a> {
    /// Standard output, without secrets.
    Stdout(&'a str),
    /// An answer.
    Answer(&'a Answer),
}

/// Every output of a job.
///
/// # Errors
/// All that are not there, or too long.
pub(super) fn outputs(
    job: &Job,
    result: &Found<'_>,
    secrets: &Secrets,
) -> Result<BTreeMap<String, String>, String> {
    let (mut kept, mut wrong) = (BTreeMap::new(), Vec::new());
    for (name, capture) in &job.outputs {
        match output(capture, result, secrets) {
            Ok(value) if value.len() > OUTPUT_MAX_BYTES => wrong.push(format!(
                "output `{name}` has {} bytes and may have {OUTPUT_MAX_BYTES}; keep less of it",
                value.len()
            )),
            Ok(value) => drop(kept.insert(name.clone(), value)),
            Err(why) => wrong.push(format!("output `{name}`: {why}")),
        }
    }
    if wrong.is_empty() { Ok(kept) } else { Err(wrong.join("; ")) }
}

fn output(capture: &Capture, result: &Found<'_>, secrets: &Secrets) -> Result<String, String> {
    match (capture, result) {
        (Capture::Stdout(expression), Found::Stdout(text)) => in_text(expression, text),
        (Capture::Json(path), Found::Answer(answer)) => in_json(path, answer, secrets),
        (Capture::Header(name), Found::Answer(answer)) => {
            let value = answer.headers.get(name.as_str());
            let value = value.ok_or_else(|| format!("the answer has no header `{name}`"))?;
            Ok(secrets.cut_from(&String::from_utf8_lossy(value.as_bytes())))
        }
        (Capture::Stdout(_), Found::Answer(_)) => Err("an answer has no standard output".into()),
        (Capture::Json(_) | Capture::Header(_), Found::Stdout(_)) => {
            Err("a command gives no answer; keep of its standard output: `regex`".into())
        }
    }
}

fn in_text(expression: &str, text: &str) -> Result<String, String> {
    let expression = Capture::expression(expression)
        .map_err(|error| format!("`{expression}` is no regular expression: {error}"))?;
    let found = expression.captures(text).ok_or_else(|| {
        format!("nothing on standard output fits `{expression}`: `{}`", shortened(text.trim(), SHOWN_MAX))
    })?;
    // Without a group the whole match is meant.
    let group = found.get(1).or_else(|| found.get(0));
    Ok(group.map(|group| group.as_str().to_owned()).unwrap_or_default())
}

fn in_json(path: &str, answer: &Answer, secrets: &Secrets) -> Result<String, String> {
    let parsed: JsonPath = path.parse().map_err(|error: JsonPathError| error.to_string())?;
    let body: Value = serde_json::from_slice(&answer.body)
        .map_err(|error| format!("the body is no JSON{}: {error}", cut_note(answer)))?;
    let found = parsed.find(&body).ok_or_else(|| format!("{path} is not in the body"))?;
    // Cut before printing: JSON escapes would hide a secret from a later cut.
    Ok(match without_secrets(found.clone(), secrets) {
        Value::String(text) => text,
        other => other.to_string(),
    })
}
