//! The words of the playbook's part, each with its rule.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of one step, each time that it was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// It was done, and verified where something verifies it.
    Ok,
    /// It was not done.
    Failed,
    /// It was done and did not help.
    NotVerified,
    /// It did not end in time.
    TimedOut,
    /// The playbook or the run did not want it.
    Skipped,
    /// A person left it out.
    LeftOut,
    /// The playbook ended around it.
    CutShort,
}

impl StepOutcome {
    /// Every outcome.
    pub const ALL: [Self; 7] = [
        Self::Ok,
        Self::Failed,
        Self::NotVerified,
        Self::TimedOut,
        Self::Skipped,
        Self::LeftOut,
        Self::CutShort,
    ];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Failed => "FAILED",
            Self::NotVerified => "NOT VERIFIED",
            Self::TimedOut => "TIMED OUT",
            Self::Skipped => "SKIPPED",
            Self::LeftOut => "LEFT OUT",
            Self::CutShort => "CUT SHORT",
        }
    }

    /// When it is given.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Ok => "it was done, and what verifies it turned good; without a `verify` it counts as said",
            Self::Failed => "every attempt failed, or a person said that it cannot be done",
            Self::NotVerified => "it was done, and what verifies it was not good within `verify.within`",
            Self::TimedOut => {
                "its last attempt did not end within `timeout`, nobody answered it, or what it waits for was not good"
            }
            Self::Skipped => {
                "its `when` did not hold, or this run leaves out the steps for people: no part of step success"
            }
            Self::LeftOut => "a person said that it was not needed: a deviation, and no part of step success",
            Self::CutShort => {
                "it was under way when the playbook was cut short, or the journal ends: no part of step success"
            }
        }
    }

    /// Whether it counts for step success.
    pub const fn is_attempted(self) -> bool {
        matches!(self, Self::Ok | Self::Failed | Self::NotVerified | Self::TimedOut)
    }
}

/// Whether a promise was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectiveWord {
    /// It was.
    Met,
    /// It was not.
    Missed,
    /// The drill does not say.
    NotJudged,
}

impl ObjectiveWord {
    /// Every word.
    pub const ALL: [Self; 3] = [Self::Met, Self::Missed, Self::NotJudged];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::NotJudged => "not judged",
        }
    }

    /// When `rto` gets it.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Met => "the service came back while a fault was on, no later than `rto` after the impact",
            Self::Missed => {
                "the service came back later than `rto` after the impact, however it came back, or had not by then"
            }
            Self::NotJudged => {
                "there was no impact, the drill is invalid, or the fault was taken away (or nobody looked any \
                 longer) before `rto` had passed"
            }
        }
    }
}

/// A part of the way from impact to recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RecoveryPhase {
    /// Until somebody was told.
    Detect,
    /// Until the playbook began.
    Start,
    /// Until the last mutating step had acted.
    Act,
    /// Until the service was seen to be back.
    Verify,
}

impl RecoveryPhase {
    /// Every part, in order.
    pub const ALL: [Self; 4] = [Self::Detect, Self::Start, Self::Act, Self::Verify];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Start => "start",
            Self::Act => "act",
            Self::Verify => "verify",
        }
    }

    /// From when to when.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Detect => {
                "from the impact to the first alarm that was received, or to the start without any"
            }
            Self::Start => "from that alarm to the start of the playbook",
            Self::Act => "from the start to the moment when the last mutating step before recovery had acted",
            Self::Verify => "from that moment to the start of the good run that counts as recovery",
        }
    }
}

/// What the numbers are, for those who ask.
pub(in crate::score) const NUMBERS: [(&str, &str); 6] = [
    (
        "waited",
        "the part of a step's time that was waiting: until somebody took it on, for approvals, between \
      attempts, for what verifies it; the rest is work",
    ),
    ("steps ok", "steps that are OK, of those that are OK, FAILED, NOT VERIFIED or TIMED OUT"),
    (
        "automation",
        "automatic steps that are OK, of all that were attempted: by their number, and by their time",
    ),
    ("by hand", "toil: the work time of all manual steps"),
    (
        "deviation",
        "1 - the longest common subsequence of the steps that the playbook led to and those that were \
      carried out, by the longer of both; actions that no step says count as carried out",
    ),
    ("rpo", "never judged by itself: it needs an invariant probe that counts what was lost"),
];
