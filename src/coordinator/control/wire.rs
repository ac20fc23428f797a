//! The words of the control socket, version 1.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::playbook::PlaybookStatus;
use crate::drill::board::{Board, FaultState};
use crate::drill::event::{Judgement, Phase};
use crate::drill::words::stamped;
use crate::fault::{Period, Seed};
use crate::playbook::event::StepAnswer;
use crate::scenario::plan::Plan;

/// How a drill stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The drill's id.
    pub drill: String,
    /// The scenario's name.
    pub scenario: String,
    /// Where its random decisions come from.
    pub seed: Seed,
    /// Where it is.
    pub phase: Phase,
    /// Since it began.
    pub elapsed: Period,
    /// How much longer it is expected to take; absent when nobody can say.
    pub left: Option<Period>,
    /// Its probes.
    pub probes: Vec<ProbeStatus>,
    /// Its faults.
    pub faults: Vec<FaultStatus>,
    /// Its playbook; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<PlaybookStatus>,
    /// What happened last, at most 20 lines, oldest first.
    pub recent: Vec<String>,
    /// Where its report will be.
    pub folder: PathBuf,
}

/// How a probe stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeStatus {
    /// Its name.
    pub name: String,
    /// What its samples are worth.
    pub judgement: Judgement,
    /// How long the last sample took.
    pub last: Option<Period>,
}

/// How a fault stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultStatus {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: String,
    /// Where.
    pub target: String,
    /// How far it is.
    pub state: FaultState,
    /// How many connections or requests fitted.
    pub matched: u64,
    /// How many of these were hit.
    pub faulted: u64,
}

impl Status {
    /// The board of a drill as a status.
    pub fn of(drill: &str, plan: &Plan, folder: &Path, board: &Board, now: Duration) -> Self {
        Self {
            drill: drill.to_owned(),
            playbook: board.playbook.as_ref().map(|playbook| PlaybookStatus::of(playbook, now)),
            scenario: plan.scenario.clone(),
            seed: plan.seed,
            phase: board.phase,
            elapsed: micros(now),
            left: board.left(now).map(micros),
            probes: board
                .probes
                .iter()
                .map(|probe| ProbeStatus {
                    name: probe.name.clone(),
                    judgement: probe.judgement.clone(),
                    last: probe.curve.back().map(|(took, _)| micros(*took)),
                })
                .collect(),
            faults: board
                .faults
                .iter()
                .map(|fault| FaultStatus {
                    id: fault.id.clone(),
                    kind: fault.kind.to_owned(),
                    target: fault.target.clone(),
                    state: fault.state,
                    matched: fault.evidence.matched,
                    faulted: fault.evidence.faulted,
                })
                .collect(),
            recent: board.recent.iter().map(|(at, said)| stamped(*at, said)).collect(),
            // Whoever reads it may stand in another directory.
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
        }
    }

    /// Whether the drill stops or is over and no fault is or may be on.
    pub fn is_all_taken_back(&self) -> bool {
        let ending = match self.phase {
            Phase::Planned | Phase::Preflight | Phase::Steady | Phase::Active => false,
            Phase::Recovering | Phase::Verifying | Phase::Stopping | Phase::Scored => true,
        };
        ending && !self.faults.iter().any(|fault| fault.state.is_on())
    }
}

/// A time as people and files write it: no finer than a microsecond.
pub(super) fn micros(time: Duration) -> Period {
    Period::from(Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)))
}

/// The body of `GET /v1/drills`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drills {
    /// The drills of this process.
    pub drills: Vec<Status>,
}

/// The body of `POST /v1/halt`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Halt {
    /// Why; may be empty.
    #[serde(default)]
    pub reason: String,
}

/// The body of `POST /v1/drills/{id}/notes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// What.
    pub text: String,
    /// Whether it tells of something that they did and no step says.
    #[serde(default)]
    pub action: bool,
}

/// The body of `POST /v1/drills/{id}/steps/{step}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// What is said about the step.
    pub answer: StepAnswer,
    /// As whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// The body of `POST /v1/drills/{id}/faults/{fault}`: keys and new values, in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetFault {
    /// Keys of the fault's block and their new values, as files write them.
    pub set: serde_json::Map<String, serde_json::Value>,
}

/// The answer to a fault that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// Old → new.
    pub change: String,
}

/// How many answers one step may get.
pub const ANSWERS_MAX: usize = 64;
/// How many keys can be set at once.
pub const CHANGES_MAX: usize = 16;
