//! Alarms found by asking: what an API lists, and what became of it since it was last asked.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::body::{self, BODY_MAX_BYTES, BodyError};
use super::labels::{Labels, fingerprint};
use super::timestamp::Claim;
use crate::drill::alarm::{Alarm, AlarmKind};

/// No more alarms of one source are followed; those beyond are as if they were not listed.
const FOLLOWED_MAX: usize = 10_000;

/// An alarm of a list.
#[derive(Clone, Debug, PartialEq)]
struct Listed {
    alarm: Alarm,
    /// It fires and somebody is told. A silenced or inhibited one is in the list as well.
    told: bool,
}

/// What one source listed last.
#[derive(Debug, Default)]
pub struct Polled {
    /// By key and receiver: an alarm for two receivers is two.
    known: BTreeMap<(String, Option<String>), Alarm>,
}

impl Polled {
    /// Alarms from Alertmanager's `GET /api/v2/alerts`: what fires since the last time, and what fires no more.
    pub fn alertmanager(&mut self, body: &[u8], received_at: Timestamp) -> Result<Vec<Alarm>, BodyError> {
        let listed = alertmanager(body, received_at)?;
        Ok(self.changes(listed, body, received_at))
    }

    /// Alarms from Prometheus' `GET /api/v1/alerts`.
    pub fn prometheus(&mut self, body: &[u8], received_at: Timestamp) -> Result<Vec<Alarm>, BodyError> {
        let listed = prometheus(body, received_at)?;
        Ok(self.changes(listed, body, received_at))
    }

    fn changes(&mut self, listed: Vec<Listed>, body: &[u8], received_at: Timestamp) -> Vec<Alarm> {
        let body_sha256 = body::sha256(body);
        let mut before = std::mem::take(&mut self.known);
        let mut changes = Vec::new();
        for Listed { mut alarm, told } in listed {
            let id = (alarm.key.clone(), alarm.receiver.clone());
            let was = before.remove(&id);
            if was.is_none() && (!told || self.known.len() >= FOLLOWED_MAX) {
                continue;
            }
            // The same labels with another beginning: it ended and began again between two polls.
            let unchanged = was.is_some_and(|was| was.claimed_at == alarm.claimed_at);
            if !unchanged && told {
                alarm.body_sha256.clone_from(&body_sha256);
                changes.push(alarm.clone());
            }
            self.known.insert(id, alarm);
        }
        changes.extend(before.into_values().map(|alarm| Alarm {
            kind: AlarmKind::Resolved,
            received_at,
            body_sha256: body_sha256.clone(),
            ..alarm
        }));
        changes
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gettable {
    labels: Labels,
    annotations: Option<Labels>,
    starts_at: Option<Claim>,
    fingerprint: Option<String>,
    #[serde(default)]
    receivers: Vec<Named>,
    status: Status,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Status {
    state: String,
}

fn alertmanager(body: &[u8], received_at: Timestamp) -> Result<Vec<Listed>, BodyError> {
    const EXPECTED: &str = "Alertmanager's `/api/v2/alerts`: `[{\"labels\": {…}, \"status\": {\"state\": …}, \"receivers\": [{\"name\": …}]}, …]`";
    let gettable: Vec<Gettable> = body::read(body, BODY_MAX_BYTES, EXPECTED)?;
    let mut listed = Vec::new();
    for alert in gettable {
        let alarm = Alarm {
            source: "poll/alertmanager".into(),
            kind: AlarmKind::Fired,
            key: alert.fingerprint.unwrap_or_else(|| fingerprint(&alert.labels)),
            group_key: None,
            annotations: alert.annotations.unwrap_or_default(),
            receiver: None,
            claimed_at: alert.starts_at.and_then(|claim| claim.time()),
            ends_at: None,
            received_at,
            repeat: false,
            polled_every: None,
            body_sha256: String::new(),
            labels: alert.labels,
        };
        let told = alert.status.state == "active";
        if alert.receivers.is_empty() {
            listed.push(Listed { alarm, told });
            continue;
        }
        let each = alert
            .receivers
            .into_iter()
            .map(|receiver| Listed { alarm: Alarm { receiver: Some(receiver.name), ..alarm.clone() }, told });
        listed.extend(each);
    }
    Ok(listed)
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    alerts: Vec<Active>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Active {
    labels: Labels,
    annotations: Option<Labels>,
    state: String,
    active_at: Option<Claim>,
}

fn prometheus(body: &[u8], received_at: Timestamp) -> Result<Vec<Listed>, BodyError> {
    const EXPECTED: &str = "Prometheus' `/api/v1/alerts`: `{\"data\": {\"alerts\": [{\"labels\": {…}, \"state\": …, \"activeAt\": …}, …]}}`";
    let answer: Answer = body::read(body, BODY_MAX_BYTES, EXPECTED)?;
    let listed = answer.data.alerts.into_iter().map(|alert| Listed {
        told: alert.state == "firing",
        alarm: Alarm {
            source: "poll/prometheus".into(),
            kind: AlarmKind::Fired,
            key: fingerprint(&alert.labels),
            group_key: None,
            annotations: alert.annotations.unwrap_or_default(),
            receiver: None,
            // When its expression became true, before its `for:`; Prometheus lists no other time.
            claimed_at: alert.active_at.and_then(|claim| claim.time()),
            ends_at: None,
            received_at,
            repeat: false,
            polled_every: None,
            body_sha256: String::new(),
            labels: alert.labels,
        },
    });
    // One that is pending again is over.
    Ok(listed.filter(|listed| listed.told).collect())
}
