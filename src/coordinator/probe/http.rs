//! An HTTP probe: one request over a connection of its own, told in curl's words.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Finding, seconds, shortened, without_secrets};
use crate::coordinator::clock::DrillClock;
use crate::coordinator::http::{self, Answer, Exchange, PreparedRequest};
use crate::coordinator::secrets::Secrets;
use crate::scenario::plan::{HttpRequest, JsonExpectation, StatusRange, Tolerance};
use crate::text::{JsonPath, same_json};

/// So much of a body is shown where it is not what it should be.
const BODY_SHOWN_MAX: usize = 200;

/// Measures once; tells when it began, because reading certificates comes before and is not part of it.
pub(super) async fn measure(
    request: &HttpRequest,
    tolerance: &Tolerance,
    timeout: Duration,
    clock: &DrillClock,
    secrets: &Secrets,
) -> (Duration, Finding) {
    let prepared = PreparedRequest::new(request, secrets).await;
    let began = clock.now();
    let exchange = match prepared {
        Ok(prepared) => http::measure(&prepared, timeout).await,
        Err(failure) => Exchange { failure: Some(failure), ..Exchange::default() },
    };
    let failure = match (&exchange.failure, &exchange.answer) {
        (Some(failure), _) => Some(failure.to_string()),
        (None, Some(answer)) => out_of_tolerance(answer, tolerance, secrets),
        (None, None) => None,
    };
    let took = exchange.times.total;
    (began, Finding { took, failure, value: None, detail: curl_line(&request.url, &exchange) })
}

/// The exchange by the names of curl's `-w` variables; times are cumulative and 0 for what was not reached, as
/// curl's are.
fn curl_line(url: &str, exchange: &Exchange) -> Map<String, Value> {
    let times = &exchange.times;
    let reached = |time: Option<Duration>| seconds(time.unwrap_or_default());
    let answer = exchange.answer.as_ref();
    let bytes = answer.map_or(0, |answer| answer.body_bytes);
    let total = times.total.as_secs_f64();
    let speed = if total > 0.0 { (bytes as f64 / total) as u64 } else { 0 };
    let content_type = answer.and_then(Answer::content_type);
    [
        ("time_namelookup_seconds", reached(times.dial.resolved)),
        ("time_connect_seconds", reached(times.dial.connected)),
        ("time_appconnect_seconds", reached(times.dial.secured)),
        ("time_starttransfer_seconds", reached(times.first_byte)),
        ("time_total_seconds", seconds(times.total)),
        ("http_code", answer.map_or(0, |answer| answer.status).into()),
        ("content_type", content_type.map_or(Value::Null, Value::from)),
        ("speed_download", speed.into()),
        ("url", url.into()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// Measured against allowed; `None` when all holds.
pub(in crate::coordinator) fn out_of_tolerance(
    answer: &Answer,
    tolerance: &Tolerance,
    secrets: &Secrets,
) -> Option<String> {
    let mut wrong = Vec::new();
    if !tolerance.allows(answer.status) {
        wrong.push(format!("status {}, allowed {}", answer.status, ranges(&tolerance.status)));
    }
    if !tolerance.body.is_empty() {
        let whole = String::from_utf8_lossy(&answer.body);
        for text in &tolerance.body {
            // A text may itself name a secret, so that what is searched is the body as it came.
            if !whole.contains(&secrets.reveal(text)) {
                let shown = shortened(&secrets.cut_from(&whole), BODY_SHOWN_MAX);
                wrong.push(format!(
                    "body of {} bytes without `{text}`{}: `{shown}`",
                    answer.body_bytes,
                    cut_note(answer)
                ));
            }
        }
    }
    if !tolerance.json.is_empty() {
        wrong.extend(json_out_of_tolerance(answer, &tolerance.json, secrets));
    }
    (!wrong.is_empty()).then(|| wrong.join("; "))
}

fn json_out_of_tolerance(answer: &Answer, expected: &[JsonExpectation], secrets: &Secrets) -> Vec<String> {
    let body: Value = match serde_json::from_slice(&answer.body) {
        Ok(body) => body,
        Err(error) => return vec![format!("body is no JSON{}: {error}", cut_note(answer))],
    };
    let mut wrong = Vec::new();
    for JsonExpectation { path, equals } in expected {
        let parsed = match path.parse::<JsonPath>() {
            Ok(parsed) => parsed,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
        };
        let allowed = revealed(equals, secrets);
        match parsed.find(&body) {
            Some(found) if same_json(found, &allowed) => {}
            Some(found) => {
                // Cut before printing: JSON escapes would hide a secret from a later cut.
                let found = without_secrets(found.clone(), secrets).to_string();
                wrong.push(format!("{path} is {}, allowed {equals}", shortened(&found, BODY_SHOWN_MAX)));
            }
            None => wrong.push(format!("{path} is not in the body, allowed {equals}")),
        }
    }
    wrong
}

fn revealed(value: &Value, secrets: &Secrets) -> Value {
    match value {
        Value::String(text) => Value::String(secrets.reveal(text)),
        other => other.clone(),
    }
}

pub(in crate::coordinator) fn cut_note(answer: &Answer) -> &'static str {
    if answer.body_bytes > answer.body.len() as u64 { " (only its first 1MiB was looked at)" } else { "" }
}

fn ranges(allowed: &[StatusRange]) -> String {
    let allowed = if allowed.is_empty() { &[StatusRange::SUCCESS] } else { allowed };
    allowed.iter().map(StatusRange::to_string).collect::<Vec<_>>().join(", ")
}
