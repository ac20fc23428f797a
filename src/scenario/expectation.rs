//! What a plan expects of alarms, resolved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::written::{CountedFrom, Severity};
use crate::fault::{Glob, Period};

/// What is expected of alarms, and where they come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alarms {
    /// Alarms that must come.
    pub expected: Vec<Expectation>,
    /// The file says `alarms: []`: silence is expected.
    pub silence: bool,
    /// Alarms that may come; neither hit nor false.
    pub collateral: Vec<AlarmMatch>,
    /// Alarms that must stay silent.
    pub forbidden: Vec<AlarmMatch>,
    /// Where alarms come from, beside the webhook listener.
    pub sources: Vec<AlarmSource>,
    /// Systems that post JSON of a form of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generic: Vec<GenericSource>,
}

impl Alarms {
    /// Whether the drill has any business with alarms, so that it listens for them.
    pub fn is_wanted(&self) -> bool {
        self.silence
            || !self.expected.is_empty()
            || !self.forbidden.is_empty()
            || !self.sources.is_empty()
            || !self.generic.is_empty()
    }
}

/// An alarm that must come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// Its name.
    pub id: String,
    /// Which alarm.
    pub matching: AlarmMatch,
    /// The fault that it is about; absent: any of the plan.
    pub fault: Option<String>,
    /// The deadline of detection.
    pub within: Period,
    /// What `within` is counted from.
    pub from: CountedFrom,
    /// How urgent it must be.
    pub severity: Option<Severity>,
    /// Who must get it.
    pub receiver: Option<String>,
    /// The deadline of somebody's acknowledgement, counted from the alarm.
    pub ack_within: Option<Period>,
    /// The deadline of its end, counted from recovery.
    pub resolve_within: Option<Period>,
    /// The labels and annotations that it must carry.
    pub content: Vec<String>,
}

/// Which alarms: every label named must fit its pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlarmMatch(pub BTreeMap<String, Glob>);

impl AlarmMatch {
    /// Whether an alarm with these labels is meant.
    pub fn fits(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|(name, pattern)| labels.get(name).is_some_and(|value| pattern.matches(value)))
    }
}

/// A system that alarms come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmSource {
    /// What it is.
    pub kind: MonitorKind,
    /// Its base address.
    pub url: String,
    /// Whether it is asked for alarms, or only for the causes of missed ones while it posts to our webhook.
    pub poll: bool,
}

/// A system that posts JSON of a form of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenericSource {
    /// The last part of the path that it posts to.
    pub name: String,
    /// Where each thing stands, by JSON path; what is not named is looked for where most systems have it.
    pub mapping: BTreeMap<String, String>,
}

/// What an alarm source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MonitorKind {
    /// Prometheus' Alertmanager.
    Alertmanager,
    /// Prometheus itself.
    Prometheus,
}

impl Severity {
    /// The urgency that senders mean by a `severity` label; absent: a word without a known meaning.
    pub fn of_label(label: &str) -> Option<Self> {
        match label.to_ascii_lowercase().as_str() {
            "page" | "critical" => Some(Self::Page),
            "ticket" | "warning" => Some(Self::Ticket),
            "info" => Some(Self::Info),
            _ => None,
        }
    }

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
            Self::Info => "info",
        }
    }
}
