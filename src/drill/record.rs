//! What a drill concludes and journals: its phase, its judgements, why it stops, how its playbook goes.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::playbook::event::{Ending, StartedBy, StepResult};

/// What the drill concluded; journalled, and shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Record {
    /// The drill entered a phase.
    #[serde(rename = "phase.entered")]
    PhaseEntered {
        /// Which.
        phase: Phase,
    },
    /// A probe's judgement changed.
    #[serde(rename = "probe.judged")]
    ProbeJudged {
        /// Its name.
        probe: String,
        /// The judgement.
        judgement: Judgement,
    },
    /// A fault's effect was seen for the first time.
    #[serde(rename = "fault.effective")]
    FaultEffective {
        /// Its id.
        fault: String,
    },
    /// The first violation of an impact probe during an effective fault.
    #[serde(rename = "impact.seen")]
    ImpactSeen {
        /// The probe.
        probe: String,
    },
    /// No impact though effective for `no_impact_after`.
    #[serde(rename = "impact.withstood")]
    Withstood {},
    /// The steady state is back.
    #[serde(rename = "steady_state.recovered")]
    Recovered {
        /// The start of the good run, since the drill began.
        since: Duration,
        /// Whether a fault was still on.
        fault_on: bool,
    },
    /// The playbook began.
    #[serde(rename = "playbook.started")]
    PlaybookStarted {
        /// By what.
        by: StartedBy,
    },
    /// A step of the playbook was entered.
    #[serde(rename = "step.entered")]
    StepEntered {
        /// Its id.
        step: String,
    },
    /// A step of the playbook is over.
    #[serde(rename = "step.finished")]
    StepFinished {
        /// Its id.
        step: String,
        /// How.
        result: StepResult,
    },
    /// The playbook is over.
    #[serde(rename = "playbook.ended")]
    PlaybookEnded {
        /// How.
        ending: Ending,
    },
    /// What the playbook changed is being taken back, the last step first.
    #[serde(rename = "playbook.undoing")]
    PlaybookUndoing {
        /// The steps, in this order.
        steps: Vec<String>,
    },
    /// A step's way back was gone.
    #[serde(rename = "step.undone")]
    StepUndone {
        /// Its id.
        step: String,
        /// Why it failed; absent: it did not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
    },
    /// The drill stops before its end.
    #[serde(rename = "drill.stopping")]
    Stopping {
        /// Why.
        reason: StopReason,
    },
}

/// Where a drill is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing has begun.
    Planned,
    /// Looking and preparing.
    Preflight,
    /// Waiting for every tolerance to be judged good.
    Steady,
    /// From the first apply to the last removal.
    Active,
    /// Every fault is gone; waiting for the steady state.
    Recovering,
    /// Looking whether anything was left behind.
    Verifying,
    /// Removing everything before the planned end.
    Stopping,
    /// Over.
    Scored,
}

impl Phase {
    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Preflight => "preflight",
            Self::Steady => "steady",
            Self::Active => "active",
            Self::Recovering => "recovering",
            Self::Verifying => "verifying",
            Self::Stopping => "stopping",
            Self::Scored => "scored",
        }
    }
}

/// What a probe's samples are worth by its tolerance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Judgement {
    /// Not enough samples yet; never good.
    Unknown {
        /// What is missing.
        why: String,
    },
    /// Within tolerance.
    Good {},
    /// Out of tolerance.
    Violated {
        /// Measured against allowed.
        why: String,
    },
}

/// Why a drill stops before its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum StopReason {
    /// Preflight refused.
    Refused {
        /// Why.
        why: Vec<String>,
    },
    /// The gate was never met.
    GateNotMet {
        /// Which probes, and why.
        why: Vec<String>,
    },
    /// An `abort:` entry or an `invariant` probe.
    Guardrail {
        /// Which, and why.
        why: String,
    },
    /// A fault could not be applied.
    FaultRefused {
        /// Its id.
        fault: String,
        /// Why.
        why: String,
    },
    /// A fault ended that the drill did not end.
    FaultLost {
        /// Its id.
        fault: String,
        /// Why.
        why: String,
    },
    /// A person, a signal, or a failure of ours.
    Halted {
        /// Who.
        who: String,
        /// Why.
        reason: String,
    },
}
