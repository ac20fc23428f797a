//! Any JSON body, read by a mapping that says where each thing stands.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::body::{self, BodyError};
use super::labels::{Labels, fingerprint};
use super::timestamp::Claim;
use crate::drill::alarm::{Alarm, AlarmKind};
use crate::text::{JsonPath, JsonPathError};

/// A body without a known form is held in memory as a whole tree, so it may be no larger.
const MAPPED_BODY_MAX_BYTES: usize = 1 << 20;
/// A message of more alarms than this is refused.
const ALARMS_MAX: usize = 10_000;

const EXPECTED: &str = "a JSON object, or a list of them, for example `{\"name\": \"CheckoutSlow\", \"status\": \"firing\", \"severity\": \"page\"}`";

/// The words that say what happened, in lower case.
const FIRED: &[&str] = &[
    "firing",
    "fired",
    "alarm",
    "alerting",
    "alert",
    "triggered",
    "trigger",
    "problem",
    "open",
    "opened",
    "down",
    "critical",
    "warning",
];
const RESOLVED: &[&str] =
    &["resolved", "resolve", "ok", "recovered", "recovery", "up", "closed", "close", "normal"];
const ACKNOWLEDGED: &[&str] = &["acknowledged", "acknowledge", "ack"];
const BLIND: &[&str] = &["nodata", "no data", "no_data", "insufficient_data", "error", "unknown"];

/// Where each thing stands in a body: the first path that leads to something counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    name: Vec<JsonPath>,
    status: Vec<JsonPath>,
    starts_at: Vec<JsonPath>,
    ends_at: Vec<JsonPath>,
    key: Vec<JsonPath>,
    severity: Vec<JsonPath>,
    receiver: Vec<JsonPath>,
    labels: Vec<JsonPath>,
    annotations: Vec<JsonPath>,
}

/// Why a mapping cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A path is wrong.
    #[error("`{field}`: {why}")]
    Path {
        /// The field.
        field: String,
        /// What is wrong.
        why: JsonPathError,
    },
    /// There is no such field.
    #[error(
        "`{0}` is no field of an alarm; there are annotations, ends_at, key, labels, name, receiver, severity, starts_at and status"
    )]
    Field(String),
}

impl Default for Mapping {
    /// Finds the names that most systems use.
    fn default() -> Self {
        // The paths are written here and are right; a wrong one would lead nowhere and fail the tests.
        let paths = |texts: &[&str]| texts.iter().filter_map(|text| text.parse().ok()).collect();
        Self {
            name: paths(&["$.alertname", "$.name", "$.labels.alertname", "$.AlarmName", "$.title"]),
            status: paths(&["$.status", "$.state", "$.NewStateValue"]),
            starts_at: paths(&["$.startsAt", "$.starts_at", "$.StateChangeTime", "$.timestamp", "$.time"]),
            ends_at: paths(&["$.endsAt", "$.ends_at"]),
            key: paths(&["$.fingerprint", "$.key", "$.dedup_key", "$.id"]),
            severity: paths(&["$.severity", "$.labels.severity", "$.priority"]),
            receiver: paths(&["$.receiver", "$.team"]),
            labels: paths(&["$.labels", "$.tags"]),
            annotations: paths(&["$.annotations"]),
        }
    }
}

impl Mapping {
    /// The default mapping with some fields at other places: field name → JSON path.
    pub fn with(places: &BTreeMap<String, String>) -> Result<Self, MappingError> {
        let mut mapping = Self::default();
        for (field, path) in places {
            let into = match field.as_str() {
                "name" => &mut mapping.name,
                "status" => &mut mapping.status,
                "starts_at" => &mut mapping.starts_at,
                "ends_at" => &mut mapping.ends_at,
                "key" => &mut mapping.key,
                "severity" => &mut mapping.severity,
                "receiver" => &mut mapping.receiver,
                "labels" => &mut mapping.labels,
                "annotations" => &mut mapping.annotations,
                other => return Err(MappingError::Field(other.into())),
            };
            *into = vec![path.parse().map_err(|why| MappingError::Path { field: field.clone(), why })?];
        }
        Ok(mapping)
    }

    /// Every alarm of a body that came to the intake `name`.
    pub fn read(&self, name: &str, body: &[u8], received_at: Timestamp) -> Result<Vec<Alarm>, BodyError> {
        let parsed: Value = body::read(body, MAPPED_BODY_MAX_BYTES, EXPECTED)?;
        let body_sha256 = body::sha256(body);
        let entries = match &parsed {
            Value::Array(entries) => entries.as_slice(),
            one => std::slice::from_ref(one),
        };
        if entries.len() > ALARMS_MAX {
            return Err(BodyError::Value {
                place: "$".into(),
                found: format!("a list of {}", entries.len()),
                expected: "a list of at most 10000 alarms",
            });
        }
        let alarm = |(index, entry): (usize, &Value)| {
            let place = if parsed.is_array() { format!("$[{index}]") } else { "$".into() };
            let mut alarm = self.alarm(&place, entry, received_at)?;
            alarm.source = format!("generic/{name}");
            alarm.body_sha256.clone_from(&body_sha256);
            Ok(alarm)
        };
        entries.iter().enumerate().map(alarm).collect()
    }

    fn alarm(&self, place: &str, entry: &Value, received_at: Timestamp) -> Result<Alarm, BodyError> {
        if !entry.is_object() {
            return Err(BodyError::Value {
                place: place.into(),
                found: "no object".into(),
                expected: "an object that describes one alarm",
            });
        }
        let name = text(entry, &self.name).ok_or_else(|| BodyError::Value {
            place: place.into(),
            found: "without a name".into(),
            expected: "the alarm's name under `alertname` or `name`",
        })?;
        let kind = kind(place, text(entry, &self.status))?;
        let mut labels = map(entry, &self.labels);
        labels.insert("alertname".into(), name);
        if let Some(severity) = text(entry, &self.severity) {
            labels.insert("severity".into(), severity);
        }
        let time = |paths| {
            found(entry, paths).and_then(|value| serde_json::from_value::<Claim>(value.clone()).ok()?.time())
        };
        Ok(Alarm {
            source: String::new(),
            kind,
            key: text(entry, &self.key).unwrap_or_else(|| fingerprint(&labels)),
            group_key: None,
            annotations: map(entry, &self.annotations),
            receiver: text(entry, &self.receiver),
            claimed_at: time(&self.starts_at),
            ends_at: time(&self.ends_at).filter(|_| kind == AlarmKind::Resolved),
            received_at,
            repeat: false,
            polled_every: None,
            body_sha256: String::new(),
            labels,
        })
    }
}

fn kind(place: &str, status: Option<String>) -> Result<AlarmKind, BodyError> {
    const WORDS: &str = "a word under `status` such as `firing`, `resolved`, `acknowledged` or `no data`";
    let Some(status) = status else {
        return Err(BodyError::Value {
            place: place.into(),
            found: "without a status".into(),
            expected: WORDS,
        });
    };
    let word = status.trim().to_lowercase();
    let all = [
        (FIRED, AlarmKind::Fired),
        (RESOLVED, AlarmKind::Resolved),
        (ACKNOWLEDGED, AlarmKind::Acknowledged),
        (BLIND, AlarmKind::Blind),
    ];
    all.into_iter().find(|(words, _)| words.contains(&word.as_str())).map(|(_, kind)| kind).ok_or_else(|| {
        BodyError::Value {
            place: format!("{place}, its status"),
            found: body::shown(&status),
            expected: WORDS,
        }
    })
}

fn found<'v>(entry: &'v Value, paths: &[JsonPath]) -> Option<&'v Value> {
    paths.iter().find_map(|path| path.find(entry).filter(|value| !value.is_null()))
}

/// A scalar as text; the first path that leads to one counts.
fn text(entry: &Value, paths: &[JsonPath]) -> Option<String> {
    paths.iter().filter_map(|path| scalar(path.find(entry)?)).find(|text| !text.is_empty())
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn map(entry: &Value, paths: &[JsonPath]) -> Labels {
    let object = paths.iter().find_map(|path| path.find(entry)?.as_object());
    let scalars = object.into_iter().flatten().map(|(name, value)| Some((name.clone(), scalar(value)?)));
    scalars.flatten().collect()
}
