//! What is looked at before the first inject: by the coordinator where it can, by people where it cannot.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::Period;

/// How much longer than asked for it may take until every probe can be judged at all: windows must fill.
pub const SETTLES_WITHIN: Duration = Duration::from_secs(60);

/// One thing that is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreflightItem {
    /// What it is called: its key, with a number where it stands more than once; `ask-1`.
    pub id: String,
    /// What must be so, or what is asked, for people.
    pub text: String,
    /// Who looks.
    pub looked_at: LookedAt,
}

impl PreflightItem {
    /// Whether the coordinator looks at it by itself.
    pub const fn is_automatic(&self) -> bool {
        matches!(self.looked_at, LookedAt::Itself { .. })
    }
}

/// Who looks at a preflight item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum LookedAt {
    /// The coordinator, by itself.
    #[serde(rename = "itself")]
    Itself {
        /// At what.
        at: Automatic,
    },
    /// People answer.
    People {},
}

/// What the coordinator can look at by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Automatic {
    /// The probes of all injects are good for this long.
    SteadyState {
        /// For how long.
        lasting: Period,
    },
    /// This host's clock and those of the services that are probed differ by at most this.
    Clocks {
        /// By how much.
        skew: Period,
    },
    /// Every host that an inject names is there.
    Hosts {},
    /// Every playbook of the injects has nothing wrong with it.
    Playbooks {},
    /// An alarm to this receiver arrives.
    PagerHeartbeat {
        /// To whom.
        receiver: String,
        /// How soon.
        within: Period,
    },
}

/// What came of looking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Checked {
    /// It is as it must be.
    Passed {},
    /// It is not.
    Failed {
        /// What is the matter.
        why: String,
    },
    /// It could not be seen; people are asked.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// How far a preflight item is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum ItemState {
    /// Nobody has looked yet.
    Open {},
    /// It is as it must be, as far as the coordinator saw.
    Passed {},
    /// It is not. It is looked at again when the day is started again, or waived.
    Failed {
        /// What is the matter.
        why: String,
    },
    /// The coordinator cannot see it; people answer.
    Unknown {
        /// Why not.
        why: String,
    },
    /// Somebody answered.
    Answered {
        /// Who.
        who: String,
        /// Whether it is as it must be.
        ok: bool,
        /// What they said about it.
        note: Option<String>,
    },
    /// Somebody said that it goes without.
    Waived {
        /// Who.
        who: String,
        /// Why.
        reason: String,
    },
}

impl ItemState {
    /// Whether the day may go on as far as this item is concerned.
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Passed {} | Self::Waived { .. } | Self::Answered { ok: true, .. })
    }

    /// The word for people.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Open {} => "open",
            Self::Passed {} => "passed",
            Self::Failed { .. } => "failed",
            Self::Unknown { .. } => "unknown",
            Self::Answered { ok: true, .. } => "answered: yes",
            Self::Answered { ok: false, .. } => "answered: no",
            Self::Waived { .. } => "waived",
        }
    }
}
