//! The closed vocabulary of a playbook that runs: what happens to its steps, what it wants done, what it concludes.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::plan::{Action, Answer, Capture};
use crate::fault::Period;
use crate::scenario::plan::Probe;

/// What a person says about a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum StepAnswer {
    /// They are on it: from now on the step's time is work, not waiting.
    Taken {},
    /// It is done (of an approval: agreed).
    Done {
        /// The answers to its questions, by id.
        #[serde(default)]
        answers: BTreeMap<String, Answer>,
    },
    /// It is not needed.
    Skipped {
        /// Why.
        #[serde(default)]
        why: String,
    },
    /// It cannot be done (of an approval: refused).
    Failed {
        /// Why.
        #[serde(default)]
        why: String,
    },
    /// They do not know how to go on; the step goes on waiting.
    Stuck {
        /// With what.
        #[serde(default)]
        why: String,
    },
}

/// What came of one attempt at an automatic step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Attempt {
    /// It succeeded.
    Ok {
        /// What was kept of its result; secrets are cut.
        outputs: BTreeMap<String, String>,
        /// How, in words: a status, an exit, whom the agent found.
        detail: String,
    },
    /// It failed.
    Failed {
        /// Why; secrets are cut, long outputs are too.
        why: String,
    },
    /// It did not end in time and was ended.
    TimedOut {
        /// After what, and what was seen of it.
        why: String,
    },
}

/// What a playbook wants done by the edge.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Make an attempt at an automatic step, and say what came of it.
    Run(Box<Job>),
    /// Measure this probe until it is good, and say so then.
    Verify {
        /// For which step.
        step: String,
        /// What.
        probe: Box<Probe>,
    },
    /// End whatever goes on for this step; no answer.
    Stop {
        /// Which.
        step: String,
    },
    /// Write this down.
    Note(Noted),
}

/// One attempt at an automatic step: `http`, `run`, `notify`, `host`, or a `probe` of the playbook's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Which step.
    pub step: String,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Whether it is the step's way back.
    pub undo: bool,
    /// What is done; only `${secrets.NAME}` and `${impact.at}` are still to be replaced.
    pub action: Action,
    /// What is kept of the result.
    pub outputs: BTreeMap<String, Capture>,
    /// When it is given up.
    pub timeout: Period,
    /// When the impact was, since the drill began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Duration>,
}

/// What a playbook concluded.
#[derive(Clone, Debug, PartialEq)]
pub enum Noted {
    /// It began.
    Started {
        /// By what.
        by: StartedBy,
    },
    /// A step was entered.
    Entered {
        /// Which.
        step: String,
    },
    /// A step is over.
    Finished {
        /// Which.
        step: String,
        /// How.
        result: StepResult,
    },
    /// The playbook is over.
    Ended {
        /// How.
        ending: Ending,
    },
    /// Its mutating steps are being taken back, the last one first.
    Undoing {
        /// The steps, in this order.
        steps: Vec<String>,
    },
    /// A step's way back was gone.
    Undone {
        /// Which.
        step: String,
        /// Why it failed; absent: it did not.
        failed: Option<String>,
    },
}

/// What started a playbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum StartedBy {
    /// An alarm that fits its triggers, or an expected one.
    Alarm {
        /// The alarm's name.
        name: String,
    },
    /// The impact.
    Impact {},
    /// A person.
    Hand {
        /// Who.
        who: String,
    },
    /// Nothing had to happen: it runs without a drill.
    Command {},
}

impl StartedBy {
    /// For people.
    pub fn words(&self) -> String {
        match self {
            Self::Alarm { name } => format!("alarm {name}"),
            Self::Impact {} => "the impact".into(),
            Self::Hand { who } => who.clone(),
            Self::Command {} => "command".into(),
        }
    }
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum StepResult {
    /// It was done, and what verifies it turned good.
    Ok {
        /// Whether something verified it; absent: nothing had to.
        verified: bool,
    },
    /// It failed.
    Failed {
        /// Why.
        why: String,
    },
    /// It was done, but what verifies it did not turn good in time.
    NotVerified {
        /// What was not good.
        why: String,
    },
    /// It did not end in time.
    TimedOut {
        /// After what.
        why: String,
    },
    /// It was not done.
    Skipped {
        /// Why.
        why: String,
    },
}

impl StepResult {
    /// The word of `steps.ID.outcome` in expressions.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Ok { .. } => "ok",
            Self::Failed { .. } | Self::NotVerified { .. } => "failed",
            Self::TimedOut { .. } => "timed_out",
            Self::Skipped { .. } => "skipped",
        }
    }

    /// Whether it leads to `on_failure`.
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::NotVerified { .. } | Self::TimedOut { .. })
    }
}

/// How a playbook ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Ending {
    /// It went to its end.
    Completed {},
    /// A step failed, and the playbook with it.
    Failed {
        /// Which.
        step: String,
        /// Why.
        why: String,
    },
    /// It was cut short: the drill stopped, or the service was back and nobody waited any longer.
    CutShort {
        /// Why.
        why: String,
    },
}

impl Ending {
    /// For people.
    pub fn words(&self) -> String {
        match self {
            Self::Completed {} => "completed".into(),
            Self::Failed { step, why } => format!("failed at step {step}: {why}"),
            Self::CutShort { why } => format!("cut short: {why}"),
        }
    }
}
