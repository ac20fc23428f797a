//! What a drill came to: results, each a word with a fixed rule, and the exit status that follows from them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::{Phase, StopReason};
use super::inject::InjectState;
use super::state::{Drill, UnderTest};
use crate::fault::{Evidence, Seed};

/// The results of one drill. Never one flag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// `effect`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Every fault was measured to have acted.
    Confirmed,
    /// At least one fault was not, or none was applied.
    None,
}

/// `impact`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// An impact probe was violated while a fault was effective.
    Seen,
    /// Faults were effective and no impact probe was violated.
    Withstood,
    /// No fault was effective, so nothing can be said.
    None,
}

/// `steady_state`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SteadyStateResult {
    /// No probe was violated from the first fault on.
    Held,
    /// At least one was.
    Lost,
}

/// `hypothesis`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HypothesisResult {
    /// Every result in `confident_when` is good.
    Confirmed,
    /// At least one is not, or the service did not come back after the last fault was removed.
    Refuted,
    /// Nothing was claimed, or what was claimed could not be judged.
    Untested,
}

/// `restored_by`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestoredBy {
    /// The service came back while the fault was on, and no playbook had acted.
    #[serde(rename = "self")]
    Itself,
    /// The service came back only after the fault was removed.
    FaultEnd,
    /// The drill was stopped.
    Abort,
    /// There was no impact to come back from, or it never came back.
    None,
    /// The drill is invalid.
    Unknown,
}

/// `command`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum CommandResult {
    /// It ended with status 0 while the faults were on.
    Passed {},
    /// It did not.
    Failed {
        /// How.
        detail: String,
    },
    /// The drill stopped and ended it: nothing can be said about it.
    Stopped {
        /// How it ended.
        detail: String,
    },
    /// There was none, or it was never started.
    None {},
}

/// `drill`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validity {
    /// It proves what it says.
    Valid,
    /// It proves nothing: no effect, the gate was never met, a fault was lost.
    Invalid,
}

impl Summary {
    /// What this drill came to. Complete once its phase is `scored`. What alarms were worth is not judged here.
    pub fn of(drill: &Drill) -> Self {
        Self::with_alarms(drill, None)
    }

    /// The same with the word for `alarms` in `confident_when`: good, bad, or not judged.
    pub(crate) fn with_alarms(drill: &Drill, alarms: Option<bool>) -> Self {
        let (effect, validity) = (effect(drill), validity(drill));
        let residue = residue(drill);
        let mut summary = Self {
            scenario: drill.plan.scenario.clone(),
            seed: drill.plan.seed,
            effect,
            impact: impact(drill),
            steady_state: if drill.lost { SteadyStateResult::Lost } else { SteadyStateResult::Held },
            hypothesis: HypothesisResult::Untested,
            restored_by: restored_by(drill, validity),
            command: command(drill),
            clean: residue.is_empty(),
            drill: validity,
            exit: 0,
            reasons: Vec::new(),
            stopped: drill.stop.clone(),
            times: times(drill),
            faults: faults(drill),
            residue,
            not_acted_on: drill.plan.not_acted_on.clone(),
        };
        summary.hypothesis = hypothesis(drill, &summary, alarms);
        let reasons = reasons(drill, &summary);
        summary.exit = most_urgent(reasons.iter().map(|(exit, _)| *exit));
        summary.reasons = reasons.into_iter().map(|(_, why)| why).collect();
        summary
    }
}

fn effect(drill: &Drill) -> Effect {
    // One that a stop kept from starting is no gap in the proof; one that never came to its turn is.
    let left_out = |inject: &super::Inject| inject.applied.is_none() && drill.stop.is_some();
    let applied = drill.injects.iter().any(|inject| inject.applied.is_some());
    let all = drill.injects.iter().all(|inject| left_out(inject) || inject.effective.is_some());
    if applied && all { Effect::Confirmed } else { Effect::None }
}

fn impact(drill: &Drill) -> Impact {
    if drill.impact.is_some() {
        Impact::Seen
    } else if drill.injects.iter().any(|inject| inject.effective.is_some()) {
        Impact::Withstood
    } else {
        Impact::None
    }
}

fn validity(drill: &Drill) -> Validity {
    let measured = match &drill.stop {
        Some(
            StopReason::Refused { .. }
            | StopReason::GateNotMet { .. }
            | StopReason::FaultRefused { .. }
            | StopReason::FaultLost { .. },
        ) => false,
        // One that was stopped early may have had no time for an effect; that is said by `effect` and by the stop.
        Some(StopReason::Guardrail { .. } | StopReason::Halted { .. }) => true,
        None => effect(drill) == Effect::Confirmed,
    };
    if measured { Validity::Valid } else { Validity::Invalid }
}

fn restored_by(drill: &Drill, validity: Validity) -> RestoredBy {
    match (&drill.recovered, &drill.impact, &drill.stop) {
        _ if validity == Validity::Invalid => RestoredBy::Unknown,
        (Some((_, true)), _, _) => RestoredBy::Itself,
        // A guardrail may stop the drill on the very sample that shows the harm, before the effect is measured.
        (_, _, Some(_)) if drill.lost => RestoredBy::Abort,
        (Some((_, false)), _, None) => RestoredBy::FaultEnd,
        _ => RestoredBy::None,
    }
}

fn command(drill: &Drill) -> CommandResult {
    match &drill.under_test {
        UnderTest::NotStarted => CommandResult::None {},
        UnderTest::Finished { passed: true, .. } => CommandResult::Passed {},
        UnderTest::Finished { stopped: true, detail, .. } => {
            CommandResult::Stopped { detail: detail.clone() }
        }
        UnderTest::Finished { detail, .. } => CommandResult::Failed { detail: detail.clone() },
        UnderTest::Running | UnderTest::Ending { .. } => {
            CommandResult::Failed { detail: "it could not be ended".into() }
        }
    }
}

fn residue(drill: &Drill) -> Vec<String> {
    let of_faults = drill.injects.iter().flat_map(|inject| match &inject.state {
        InjectState::Residue { what } => {
            what.iter().map(|what| format!("{}: {what}", inject.plan.id)).collect::<Vec<_>>()
        }
        _ => Vec::new(),
    });
    of_faults.chain(drill.residue.iter().cloned()).collect()
}

fn times(drill: &Drill) -> Times {
    Times {
        applied: drill.injects.iter().filter_map(|inject| inject.applied).min(),
        effective: drill.injects.iter().filter_map(|inject| inject.effective).min(),
        impact: drill.impact.as_ref().map(|(at, _)| *at),
        removed: drill.injects.iter().filter_map(|inject| inject.removed).max(),
        recovered: drill.recovered.map(|(since, _)| since),
    }
}

fn faults(drill: &Drill) -> Vec<FaultSummary> {
    let of = |inject: &super::Inject| FaultSummary {
        id: inject.plan.id.clone(),
        kind: inject.plan.fault.kind().to_owned(),
        target: inject.plan.target.to_string(),
        state: match &inject.state {
            InjectState::Clean => "clean".into(),
            InjectState::Residue { what } => format!("residue: {}", what.join("; ")),
            InjectState::Skipped { why } => format!("skipped: {why}"),
            InjectState::Pending => "pending".into(),
            InjectState::Applying { .. } | InjectState::Applied { .. } | InjectState::Removing { .. } => {
                "on".into()
            }
        },
        effective: inject.effective.is_some(),
        evidence: inject.evidence.clone(),
    };
    drill.injects.iter().map(of).collect()
}

/// `confident_when` names results; each is good, bad, or not judged by this version.
fn hypothesis(drill: &Drill, summary: &Summary, alarms: Option<bool>) -> HypothesisResult {
    if drill.phase != Phase::Scored || summary.drill == Validity::Invalid {
        return HypothesisResult::Untested;
    }
    if drill.not_recovered.is_some() {
        return HypothesisResult::Refuted;
    }
    let judge = |claim: &String| if claim == "alarms" { alarms } else { is_good(summary, claim) };
    let judged: Vec<Option<bool>> = claims(drill).iter().map(judge).collect();
    if judged.contains(&Some(false)) {
        HypothesisResult::Refuted
    } else if judged.is_empty() || judged.contains(&None) || drill.stop.is_some() {
        HypothesisResult::Untested
    } else {
        HypothesisResult::Confirmed
    }
}

/// The results that the scenario counts on.
fn claims(drill: &Drill) -> &[String] {
    drill.plan.hypothesis.as_ref().map_or(&[], |hypothesis| &hypothesis.confident_when)
}

/// Whether a result is what a hypothesis can count on; `None` when this version does not judge it.
fn is_good(summary: &Summary, result: &str) -> Option<bool> {
    match result {
        "effect" => Some(summary.effect == Effect::Confirmed),
        "impact" => Some(summary.impact == Impact::Withstood),
        "steady_state" => Some(summary.steady_state == SteadyStateResult::Held),
        "command" => match summary.command {
            CommandResult::Passed {} => Some(true),
            CommandResult::Failed { .. } | CommandResult::None {} => Some(false),
            CommandResult::Stopped { .. } => None,
        },
        "clean" => Some(summary.clean),
        "drill" => Some(summary.drill == Validity::Valid),
        "restored_by" => Some(summary.restored_by == RestoredBy::Itself),
        _ => None,
    }
}

/// Every reason not to pass, with its exit status.
fn reasons(drill: &Drill, summary: &Summary) -> Vec<(u8, String)> {
    let mut reasons = Vec::new();
    if !summary.residue.is_empty() {
        reasons.push((7, format!("residue was left: {}", summary.residue.join("; "))));
    }
    if let CommandResult::Failed { detail } = &summary.command {
        reasons.push((4, format!("the command failed: {detail}")));
    }
    if let Some(why) = &drill.not_recovered {
        reasons.push((4, format!("the service did not come back after the last fault was removed: {why}")));
    } else if summary.hypothesis == HypothesisResult::Refuted {
        let bad = claims(drill).iter().filter(|claim| is_good(summary, claim) == Some(false));
        let bad: Vec<String> = bad.map(|claim| format!("`{claim}`")).collect();
        reasons.push((4, format!("the hypothesis was refuted: it counts on {}", bad.join(", "))));
    }
    match &drill.stop {
        None => {}
        Some(StopReason::Refused { why }) => reasons.push((1, format!("refused: {}", why.join("; ")))),
        Some(StopReason::GateNotMet { why }) => {
            reasons
                .push((6, format!("the steady state was never good before the fault: {}", why.join("; "))));
        }
        Some(StopReason::Guardrail { why }) => reasons.push((5, format!("stopped by a guardrail: {why}"))),
        Some(StopReason::Halted { who, reason }) if reason.is_empty() => {
            reasons.push((5, format!("stopped by {who}")));
        }
        Some(StopReason::Halted { who, reason }) => reasons.push((5, format!("stopped by {who}: {reason}"))),
        // Preflight had let it pass, so this is no refusal before the first fault: it was tried, and came to nothing.
        Some(StopReason::FaultRefused { fault, why }) => {
            reasons.push((6, format!("fault `{fault}` could not be applied: {why}")));
        }
        Some(StopReason::FaultLost { fault, why }) => {
            reasons.push((6, format!("fault `{fault}` ended by itself: {why}")));
        }
    }
    if drill.stop.is_none() && summary.effect == Effect::None {
        let without = drill.injects.iter().filter(|inject| inject.effective.is_none());
        let names: Vec<&str> = without.map(|inject| inject.plan.id.as_str()).collect();
        reasons.push((6, format!("no effect was measured of: {}", names.join(", "))));
    }
    reasons
}

/// The most urgent exit status wins.
pub(crate) fn most_urgent(exits: impl Iterator<Item = u8>) -> u8 {
    const BY_URGENCY: [u8; 7] = [7, 2, 4, 3, 5, 6, 1];
    exits.min_by_key(|exit| BY_URGENCY.iter().position(|other| other == exit)).unwrap_or(0)
}
