//! What monitoring said, in one form for every vendor.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::Period;

/// One thing that monitoring said about one alarm. Claimed and received times are kept apart: only the time at which
/// the event reached the drill is by our clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// The adapter that read it: `alertmanager`, `prometheus`, `generic/<name>`, `poll/alertmanager`, …
    pub source: String,
    /// What was said.
    pub kind: AlarmKind,
    /// Identifies the alarm across messages: the sender's fingerprint, or a hash of the labels.
    pub key: String,
    /// Identifies the group it was sent in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_key: Option<String>,
    /// Its labels; the name is `alertname`.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Who got it, as the sender says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<String>,
    /// When it began, as the sender claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    /// When it ended, as the sender claims; absent while it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// When the message reached us, by the wall clock, to compare with claimed times.
    pub received_at: Timestamp,
    /// The sender says, or the key shows, that this was said before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeat: bool,
    /// Found by asking, not by being told: it may be up to this much older than its event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polled_every: Option<Period>,
    /// SHA-256 of the message it came in.
    pub body_sha256: String,
}

impl Alarm {
    /// The alarm's name.
    pub fn name(&self) -> &str {
        self.labels.get("alertname").map_or("(without a name)", String::as_str)
    }
}

/// What was said about an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmKind {
    /// It fires.
    Fired,
    /// It is over.
    Resolved,
    /// Somebody took it.
    Acknowledged,
    /// The monitoring system cannot see (no data, rule error); never a hit.
    Blind,
}

/// Why an expected alarm did not come, in the order in which it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissCause {
    /// No rule would fire it.
    NoSuchRule,
    /// Its rule cannot be evaluated.
    RuleUnhealthy,
    /// Its rule sees no data.
    NoData,
    /// Its rule's values never crossed the threshold.
    BelowThreshold,
    /// It was pending for the whole time (`for:`).
    PendingOnly,
    /// It fired, and Prometheus could not hand it over to Alertmanager.
    NotHandedOver,
    /// It fired and was silenced.
    Silenced,
    /// It fired and was inhibited by another.
    Inhibited,
    /// It fired and was muted by time.
    Muted,
    /// It fired and waited for its group.
    GroupedLate,
    /// It fired, and its receiver did not take it.
    ReceiverFailed,
    /// It fired, and another receiver got it.
    WrongReceiver,
    /// It came after the window.
    DeliveredLate,
    /// Nobody could say: no address was given, or nothing of the above was seen.
    Unknown,
}

impl MissCause {
    /// The words for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoSuchRule => "no such rule",
            Self::RuleUnhealthy => "its rule is unhealthy",
            Self::NoData => "no data",
            Self::BelowThreshold => "below its threshold",
            Self::PendingOnly => "pending only",
            Self::NotHandedOver => "never reached Alertmanager",
            Self::Silenced => "silenced",
            Self::Inhibited => "inhibited",
            Self::Muted => "muted by time",
            Self::GroupedLate => "waiting for its group",
            Self::ReceiverFailed => "its receiver failed",
            Self::WrongReceiver => "another receiver got it",
            Self::DeliveredLate => "delivered late",
            Self::Unknown => "unknown",
        }
    }
}
