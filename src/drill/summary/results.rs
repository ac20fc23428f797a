//! The results of a drill: each a word. What each word takes stands beside the function that gives it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `effect`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Every fault was measured to have acted.
    Confirmed,
    /// At least one fault was not, or none was applied.
    None,
}

/// `impact`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SteadyStateResult {
    /// No probe was violated from the first fault on.
    Held,
    /// At least one was.
    Lost,
}

/// `hypothesis`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestoredBy {
    /// The playbook: one of its mutating steps had acted, and was verified.
    Playbook,
    /// The service came back while the fault was on, and nobody had acted.
    #[serde(rename = "self")]
    Itself,
    /// The service came back only after the fault was removed.
    FaultEnd,
    /// The drill was stopped.
    Abort,
    /// There was no impact to come back from, or it never came back.
    None,
    /// The drill is invalid, or somebody had acted and nothing proves that it helped.
    Unknown,
}

impl RestoredBy {
    /// Every word.
    pub const ALL: [Self; 6] =
        [Self::Playbook, Self::Itself, Self::FaultEnd, Self::Abort, Self::None, Self::Unknown];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Playbook => "playbook",
            Self::Itself => "self",
            Self::FaultEnd => "fault_end",
            Self::Abort => "abort",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }

    /// When it is given. Recovery is the start of the good run that lasted `stable_for`; what was done in an instant
    /// (a kill) is never taken away.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Playbook => {
                "the service came back while every fault was on; a mutating step had acted before, and what verifies \
                 it had been bad and turned good, not earlier than the impact"
            }
            Self::Itself => {
                "the service came back while a fault was on, and until then no mutating step had finished or \
                 failed, and nobody had done anything that no step says"
            }
            Self::FaultEnd => "the good run began only after the last fault was removed",
            Self::Abort => "the drill was stopped while the steady state was lost",
            Self::None => {
                "there was no impact to come back from, the service never came back, or no fault was planned"
            }
            Self::Unknown => {
                "the drill is invalid; or the service came back while a fault was on, after a mutating step that \
                 nothing verified or that failed, after an action that no step says, or after another fault's end"
            }
        }
    }
}

/// `command`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Validity {
    /// It proves what it says.
    Valid,
    /// It proves nothing: no effect, the gate was never met, a fault was lost.
    Invalid,
}

/// `playbook`: what the playbook was worth, in one word
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlaybookResult {
    /// It restored the service, in time and alone.
    Restored,
    /// It restored the service, later than was promised.
    RestoredLate,
    /// It restored the service, and people had to help themselves.
    RestoredWithHelp,
    /// It was exercised, and the service did not come back under the fault.
    NotRestored,
    /// It broke something.
    Harmful,
    /// Nothing started it.
    NotExercised,
    /// It was exercised, and the drill does not say whether it helped.
    Unproven,
    /// It ran without a fault, to its end.
    Completed,
    /// It ran without a fault, and not to its end.
    NotCompleted,
}

impl PlaybookResult {
    /// Every word.
    pub const ALL: [Self; 9] = [
        Self::Restored,
        Self::RestoredLate,
        Self::RestoredWithHelp,
        Self::NotRestored,
        Self::Harmful,
        Self::NotExercised,
        Self::Unproven,
        Self::Completed,
        Self::NotCompleted,
    ];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::RestoredLate => "restored-late",
            Self::RestoredWithHelp => "restored-with-help",
            Self::NotRestored => "not-restored",
            Self::Harmful => "harmful",
            Self::NotExercised => "not-exercised",
            Self::Unproven => "unproven",
            Self::Completed => "completed",
            Self::NotCompleted => "not-completed",
        }
    }

    /// When it is given. The first that holds is: not-exercised, unproven for an invalid drill, harmful, then what
    /// follows from `restored_by`, where late comes before with-help.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Restored => {
                "restored by the playbook, no later than promised, nobody was stuck, and nothing was done that no \
                 step says, and no step left out"
            }
            Self::RestoredLate => {
                "restored by the playbook, but from impact to recovery it took longer than the stricter of \
                 `objectives.rto` and `expect.recovery.within`"
            }
            Self::RestoredWithHelp => {
                "restored by the playbook in time, but somebody was stuck, did something that no step says, or \
                 left a step out"
            }
            Self::NotRestored => {
                "it was started, there was an impact, and the service came back only after the last fault was \
                 removed, or not at all"
            }
            Self::Harmful => {
                "a probe that had held was violated after a mutating step had acted, with no other fault applied \
                 between, and the service did not come back under the fault; or taking back what it changed broke \
                 the steady state"
            }
            Self::NotExercised => "nothing started it",
            Self::Unproven => {
                "it was started, but the drill is invalid or was stopped, there was no impact, or the service was \
                 restored by self or unknown"
            }
            Self::Completed => "no fault was planned, and it went to its end",
            Self::NotCompleted => "no fault was planned, and a step failed it or it was cut short",
        }
    }
}

/// `contained`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Contained {
    /// What should not be harmed was not.
    Held,
    /// It was.
    Lost,
    /// Nothing says what should not be harmed, or the drill is invalid.
    #[default]
    NotJudged,
}

impl Contained {
    /// Every word.
    pub const ALL: [Self; 3] = [Self::Held, Self::Lost, Self::NotJudged];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Lost => "lost",
            Self::NotJudged => "not-judged",
        }
    }

    /// When it is given.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Held => "no probe without `impact: true` was violated from the first fault on",
            Self::Lost => "a probe without `impact: true` was violated from the first fault on",
            Self::NotJudged => {
                "the drill is invalid or without a fault, no probe is marked `impact: true`, or all of them are"
            }
        }
    }
}
