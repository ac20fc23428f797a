//! What is to be mended after a game day.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is to be mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Its number in this game day, from 1.
    pub number: u32,
    /// What it is, in one sentence.
    pub title: String,
    /// Of what kind.
    pub kind: FindingKind,
    /// The run that showed it; absent: somebody added it.
    pub run: Option<u32>,
    /// Who added it; absent: it follows from the run's drill.
    pub who: Option<String>,
    /// Who mends it.
    pub owner: Option<String>,
    /// By when it is drilled again.
    pub due: Option<jiff::civil::Date>,
}

/// What kind of thing is to be mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// An expected alarm stayed away, came late or to the wrong people.
    Alarm,
    /// The playbook did not restore.
    Playbook,
    /// The service did not hold what was claimed.
    Service,
    /// Something was left behind.
    Residue,
    /// Our own fault: the drill proves nothing.
    DrillDefect,
    /// Anything else.
    #[default]
    Other,
}

impl FindingKind {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Playbook => "playbook",
            Self::Service => "service",
            Self::Residue => "residue",
            Self::DrillDefect => "drill-defect",
            Self::Other => "other",
        }
    }
}
