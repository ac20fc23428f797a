//! What Prometheus posts to an Alertmanager, and so to whoever stands in for one: `POST /api/v2/alerts`.

use jiff::Timestamp;
use serde::Deserialize;

use super::body::{self, BODY_MAX_BYTES, BodyError};
use super::labels::{Labels, fingerprint};
use super::timestamp::Claim;
use crate::drill::alarm::{Alarm, AlarmKind};

const EXPECTED: &str = "what Prometheus posts to `/api/v2/alerts`: `[{\"labels\": {\"alertname\": …}, \"startsAt\": …, \"endsAt\": …}, …]`";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    labels: Labels,
    annotations: Option<Labels>,
    starts_at: Option<Claim>,
    ends_at: Option<Claim>,
}

/// Every alarm of a message. Nothing says whether one fires: it does until its end, which moves with every message.
pub fn read(body: &[u8], received_at: Timestamp) -> Result<Vec<Alarm>, BodyError> {
    let posted: Vec<Posted> = body::read(body, BODY_MAX_BYTES, EXPECTED)?;
    let body_sha256 = body::sha256(body);
    let alarm = |(index, posted): (usize, Posted)| {
        if posted.labels.values().all(String::is_empty) {
            return Err(BodyError::Value {
                place: format!("[{index}].labels"),
                found: "empty".into(),
                expected: "at least one label with a value",
            });
        }
        let ends_at = posted.ends_at.and_then(|claim| claim.time());
        let over = ends_at.filter(|end| *end <= received_at);
        Ok(Alarm {
            source: "prometheus".into(),
            kind: if over.is_some() { AlarmKind::Resolved } else { AlarmKind::Fired },
            key: fingerprint(&posted.labels),
            group_key: None,
            annotations: posted.annotations.unwrap_or_default(),
            receiver: None,
            claimed_at: posted.starts_at.and_then(|claim| claim.time()),
            ends_at: over,
            received_at,
            repeat: false,
            polled_every: None,
            body_sha256: body_sha256.clone(),
            labels: posted.labels,
        })
    };
    posted.into_iter().enumerate().map(alarm).collect()
}
