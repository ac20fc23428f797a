//! Probes: one measurement, repeated.

mod http;
mod run;
mod schedule;
mod tcp;

use std::time::Duration;

use serde_json::{Map, Value};

pub(super) use http::{cut_note, out_of_tolerance};
pub use schedule::{PROBE_QUEUE, ProbeRunner, spawn_probes};

use super::clock::DrillClock;
use super::secrets::Secrets;
use crate::drill::Sample;
use crate::scenario::plan::{Probe, ProbeAction};

/// What one measurement found, before the time and the secrets are dealt with.
struct Finding {
    took: Duration,
    failure: Option<String>,
    value: Option<f64>,
    detail: Map<String, Value>,
}

/// Measures once. Never fails: what goes wrong is what was measured. Holds no secret value.
///
/// Dropping the future ends everything it began: connections are closed, commands and what they started are killed.
pub async fn measure(probe: &Probe, clock: &DrillClock, secrets: &Secrets) -> Sample {
    let timeout = probe.timeout.duration();
    let (began, finding) = match &probe.action {
        ProbeAction::Http(request) => http::measure(request, &probe.tolerance, timeout, clock, secrets).await,
        ProbeAction::Tcp(address) => (clock.now(), tcp::measure(address, timeout, secrets).await),
        ProbeAction::Run(argv) => (clock.now(), run::measure(argv, &probe.tolerance, timeout, secrets).await),
    };
    let mut detail = finding.detail;
    if let Some(failure) = &finding.failure {
        detail.insert("error".into(), failure.as_str().into());
    }
    Sample {
        began,
        took: finding.took,
        failure: finding.failure.map(|failure| secrets.cut_from(&failure)),
        value: finding.value,
        detail: Some(without_secrets(Value::Object(detail), secrets)),
    }
}

/// The value with every secret cut out of its texts, keys included.
pub(super) fn without_secrets(value: Value, secrets: &Secrets) -> Value {
    match value {
        Value::String(text) => Value::String(secrets.cut_from(&text)),
        Value::Array(items) => items.into_iter().map(|item| without_secrets(item, secrets)).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (secrets.cut_from(&key), without_secrets(value, secrets)))
            .collect(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
    }
}

/// The first so many characters of a text, with a mark where it goes on.
pub(super) fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Seconds as curl prints them: to the microsecond.
fn seconds(duration: Duration) -> Value {
    (duration.as_micros() as f64 / 1e6).into()
}

#[cfg(test)]
mod tests;
