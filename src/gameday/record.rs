//! What a game day concludes and journals.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::Finding;

/// Where a game day is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DayState {
    /// It waits for those who must agree.
    Draft,
    /// It may begin when its time comes, or somebody starts it.
    Approved,
    /// It is being looked whether everything is as it must be.
    Preflight,
    /// Its injects happen, one after the other.
    Running,
    /// No further inject begins until somebody resumes.
    Paused,
    /// All injects are over; people look back.
    Reviewing,
    /// Over, as planned.
    Closed,
    /// Over, before its planned end.
    Stopped,
}

impl DayState {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Approved => "approved",
            Self::Preflight => "preflight",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Reviewing => "reviewing",
            Self::Closed => "closed",
            Self::Stopped => "stopped",
        }
    }

    /// Whether nothing comes after it.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Stopped)
    }
}

/// What a game day concluded; journalled, and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "data")]
pub enum DayRecord {
    /// It entered a state.
    #[serde(rename = "state.entered")]
    StateEntered {
        /// Which.
        state: DayState,
        /// Why, where that is not plain from what happened.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Somebody agreed too long ago.
    #[serde(rename = "approval.expired")]
    ApprovalExpired {
        /// Who.
        who: String,
    },
    /// The next run waits for its time.
    #[serde(rename = "run.waits")]
    RunWaits {
        /// Which.
        run: u32,
        /// Until when.
        until: Timestamp,
    },
    /// Something to be mended follows from a drill.
    #[serde(rename = "finding.derived")]
    FindingDerived {
        /// What.
        finding: Finding,
    },
    /// The review should be over by now.
    #[serde(rename = "review.overdue")]
    ReviewOverdue {
        /// Since when.
        since: Timestamp,
    },
}
