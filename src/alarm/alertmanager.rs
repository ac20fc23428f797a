//! Alertmanager's webhook, version 4.

use jiff::Timestamp;
use serde::Deserialize;

use super::body::{self, BODY_MAX_BYTES, BodyError};
use super::labels::{Labels, fingerprint};
use super::timestamp::Claim;
use crate::drill::alarm::{Alarm, AlarmKind};

const EXPECTED: &str = "Alertmanager's webhook, version `4`: `{\"version\": \"4\", \"alerts\": [{\"status\": …, \"labels\": {…}, \"startsAt\": …}, …]}`";

/// Only what is used; whatever else a version sends is accepted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    version: Option<String>,
    group_key: Option<String>,
    receiver: Option<String>,
    /// From 0.32 on.
    #[serde(rename = "notification_reason")]
    notification_reason: Option<String>,
    alerts: Option<Vec<Alert>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    status: Option<String>,
    labels: Labels,
    annotations: Option<Labels>,
    starts_at: Option<Claim>,
    ends_at: Option<Claim>,
    fingerprint: Option<String>,
}

/// Every alarm of a message. Each has its own state: a message that is `firing` as a whole may hold resolved ones.
pub fn read(body: &[u8], received_at: Timestamp) -> Result<Vec<Alarm>, BodyError> {
    let webhook: Webhook = body::read(body, BODY_MAX_BYTES, EXPECTED)?;
    let wrong =
        |place: &str, found: String, expected| BodyError::Value { place: place.into(), found, expected };
    match webhook.version.as_deref() {
        Some("4") => {}
        Some(other) => return Err(wrong("version", body::shown(other), "`4`, as Alertmanager sends it")),
        None => return Err(wrong("version", "missing".into(), "`4`, as Alertmanager sends it")),
    }
    let alerts = webhook.alerts.ok_or_else(|| wrong("alerts", "missing".into(), "a list of alarms"))?;
    let body_sha256 = body::sha256(body);
    let repeat = webhook.notification_reason.as_deref() == Some("repeat interval elapsed");
    let alarm = |(index, alert): (usize, Alert)| {
        let kind = match alert.status.as_deref() {
            Some("firing") => AlarmKind::Fired,
            Some("resolved") => AlarmKind::Resolved,
            other => {
                let found = other.map_or_else(|| "missing".to_owned(), body::shown);
                return Err(wrong(&format!("alerts[{index}].status"), found, "`firing` or `resolved`"));
            }
        };
        let ends_at = alert.ends_at.and_then(|claim| claim.time());
        Ok(Alarm {
            source: "alertmanager".into(),
            kind,
            key: alert
                .fingerprint
                .filter(|given| !given.is_empty())
                .unwrap_or_else(|| fingerprint(&alert.labels)),
            group_key: webhook.group_key.clone(),
            annotations: alert.annotations.unwrap_or_default(),
            receiver: webhook.receiver.clone(),
            claimed_at: alert.starts_at.and_then(|claim| claim.time()),
            ends_at: ends_at.filter(|_| kind == AlarmKind::Resolved),
            received_at,
            repeat,
            polled_every: None,
            body_sha256: body_sha256.clone(),
            labels: alert.labels,
        })
    };
    alerts.into_iter().enumerate().map(alarm).collect()
}
