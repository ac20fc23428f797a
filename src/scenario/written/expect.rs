use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AlarmMatch;
use crate::fault::Period;
use crate::text::Field;

/// What is expected of alarms, logs, other services and recovery.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// Alarms that must come; an empty list: silence is expected.
    pub alarms: Field<Vec<Field<AlarmExpectation>>>,
    /// Alarms that may come; neither hit nor false.
    pub collateral: Field<Vec<Field<AlarmMatch>>>,
    /// Alarms that must stay silent.
    pub forbidden: Field<Vec<Field<AlarmMatch>>>,
    /// Traces that the target must leave in its logs.
    pub logs: Field<Vec<Field<LogExpectation>>>,
    /// Services whose own steady state must hold.
    pub unaffected: Field<Vec<Field<String>>>,
    /// By what service comes back, and when.
    pub recovery: Field<Recovery>,
}

/// An alarm that must come.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["match", "within"]))]
pub struct AlarmExpectation {
    /// Its name; absent: `alarm-<n>`.
    #[schemars(extend("pattern" = "^[a-z][a-z0-9-]*$"))]
    pub id: Field<String>,
    /// Which alarm.
    #[serde(rename = "match")]
    pub matching: Field<AlarmMatch>,
    /// The fault that it is about; absent: any of the scenario.
    pub fault: Field<String>,
    /// The deadline of detection.
    pub within: Field<Period>,
    /// What `within` is counted from; absent: `impact`.
    pub from: Field<CountedFrom>,
    /// How urgent it must be.
    pub severity: Field<Severity>,
    /// Who must get it.
    pub receiver: Field<String>,
    /// The deadline of somebody's acknowledgement.
    pub ack_within: Field<Period>,
    /// The deadline, after recovery, of its end.
    pub resolve_within: Field<Period>,
    /// What it must say, by label or annotation.
    pub content: Field<Vec<Field<String>>>,
}

/// What a deadline is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CountedFrom {
    /// The first violation of an impact probe.
    Impact,
    /// The first moment of the fault's effect.
    Effect,
}

/// How urgent an alarm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It wakes someone.
    Page,
    /// It waits for working hours.
    Ticket,
    /// It is for information.
    Info,
}

/// A trace in a log.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["file", "pattern", "within"]))]
pub struct LogExpectation {
    /// The log file.
    pub file: Field<String>,
    /// A regular expression.
    pub pattern: Field<String>,
    /// The deadline.
    pub within: Field<Period>,
}

/// By what service comes back, and when.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Recovery {
    /// By what.
    pub by: Field<RecoveryBy>,
    /// The deadline.
    pub within: Field<Period>,
}

/// By what service comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryBy {
    /// By the playbook's steps.
    Playbook,
    /// By itself, while the fault is on.
    #[serde(rename = "self")]
    Itself,
    /// By the end of the fault.
    FaultEnd,
}
