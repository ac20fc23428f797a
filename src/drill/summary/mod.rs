//! What a drill came to: results, each a word with a fixed rule, and the exit status that follows from them.

mod claims;
mod deviation;
mod facts;
mod playbook;
mod reasons;
mod restored;
mod results;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use deviation::Deviation;
pub(crate) use deviation::{is_cut, is_left_out};
pub use results::{
    CommandResult, Contained, Effect, HypothesisResult, Impact, PlaybookResult, RestoredBy,
    SteadyStateResult, Validity,
};

use super::event::StopReason;
use super::state::Drill;
use crate::fault::{Evidence, Seed};

/// The results of one drill. Never one flag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The scenario's name.
    pub scenario: String,
    /// The seed: the same seed makes the same random decisions.
    pub seed: Seed,
    /// `confirmed` when every fault was measured to have acted; else `none`.
    pub effect: Effect,
    /// Whether an impact probe was violated while a fault was effective.
    pub impact: Impact,
    /// Whether every probe stayed within tolerance from the first fault on.
    pub steady_state: SteadyStateResult,
    /// What was claimed, judged by `confident_when`.
    pub hypothesis: HypothesisResult,
    /// What brought the service back.
    pub restored_by: RestoredBy,
    /// What the playbook was worth; absent: the drill has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<PlaybookResult>,
    /// Whether only what was meant to be harmed was harmed.
    #[serde(default)]
    pub contained: Contained,
    /// The command under test.
    pub command: CommandResult,
    /// Whether nothing was left behind.
    pub clean: bool,
    /// Whether the drill proves anything.
    pub drill: Validity,
    /// The exit status that follows.
    pub exit: u8,
    /// Why it is that, in words: one line for each result that does not pass.
    pub reasons: Vec<String>,
    /// What is worth knowing and fails nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why the drill stopped before its end.
    pub stopped: Option<StopReason>,
    /// Times since the drill began.
    pub times: Times,
    /// Each fault and what it did.
    pub faults: Vec<FaultSummary>,
    /// What was left behind; empty: nothing.
    pub residue: Vec<String>,
    /// What the files ask for and this version does not act on.
    pub not_acted_on: Vec<String>,
}

/// When things happened, since the drill began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// The first fault was applied.
    pub applied: Option<Duration>,
    /// The first effect was seen.
    pub effective: Option<Duration>,
    /// The first violation of an impact probe.
    pub impact: Option<Duration>,
    /// The last fault was removed.
    pub removed: Option<Duration>,
    /// The start of the good run that counts as recovery.
    pub recovered: Option<Duration>,
}

/// One fault and what it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultSummary {
    /// Its id.
    pub id: String,
    /// The word for what it is.
    pub kind: String,
    /// Where.
    pub target: String,
    /// `clean`, `residue` or `skipped`, with why.
    pub state: String,
    /// Whether its effect was seen.
    pub effective: bool,
    /// The counts.
    pub evidence: Evidence,
}

impl Summary {
    /// What this drill came to. Complete once its phase is `scored`. What alarms were worth is not judged here.
    pub fn of(drill: &Drill) -> Self {
        Self::with_alarms(drill, None)
    }

    /// The same with the word for `alarms` in `confident_when`: good, bad, or not judged.
    pub(crate) fn with_alarms(drill: &Drill, alarms: Option<bool>) -> Self {
        let (validity, residue) = (facts::validity(drill), facts::residue(drill));
        let restored_by = restored::by(drill, validity);
        let mut summary = Self {
            scenario: drill.plan.scenario.clone(),
            seed: drill.plan.seed,
            effect: facts::effect(drill),
            impact: facts::impact(drill),
            steady_state: if drill.violated.is_empty() {
                SteadyStateResult::Held
            } else {
                SteadyStateResult::Lost
            },
            hypothesis: HypothesisResult::Untested,
            restored_by,
            playbook: playbook::result(drill, validity, restored_by),
            contained: facts::contained(drill, validity),
            command: facts::command(drill),
            clean: residue.is_empty(),
            drill: validity,
            exit: 0,
            reasons: Vec::new(),
            notes: playbook::notes(drill, validity, restored_by),
            stopped: drill.stop.clone(),
            times: facts::times(drill),
            faults: facts::faults(drill),
            residue,
            not_acted_on: drill.plan.not_acted_on.clone(),
        };
        summary.hypothesis = claims::hypothesis(drill, &summary, alarms);
        let reasons = reasons::of(drill, &summary, alarms);
        summary.exit = most_urgent(reasons.iter().map(|(exit, _)| *exit));
        summary.reasons = reasons.into_iter().map(|(_, why)| why).collect();
        summary
    }
}

/// The most urgent exit status wins.
pub(crate) fn most_urgent(exits: impl Iterator<Item = u8>) -> u8 {
    const BY_URGENCY: [u8; 7] = [7, 2, 4, 3, 5, 6, 1];
    exits.min_by_key(|exit| BY_URGENCY.iter().position(|other| other == exit)).unwrap_or(0)
}
