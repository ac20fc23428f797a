//! What the program's exit status means: a public promise.

use std::process::ExitCode;

/// Exit statuses. When several apply, the most urgent wins: 7, 2, 4, 3, 5, 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All verdicts pass.
    Passed = 0,
    /// Usage, an invalid file, or refused before the first fault.
    Refused = 1,
    /// An expected alarm was missed or late, or a forbidden one came.
    Alarms = 2,
    /// The playbook was exercised and did not restore.
    Playbook = 3,
    /// The hypothesis was refuted, the service did not come back, or the command failed.
    Refuted = 4,
    /// Stopped by a guardrail, a person or a signal.
    Stopped = 5,
    /// The drill proves nothing: no effect, gate never met, blind monitor, bad clocks.
    Unproven = 6,
    /// Something was left behind.
    Residue = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// Every status, by its number.
    pub const ALL: [Self; 8] = [
        Self::Passed,
        Self::Refused,
        Self::Alarms,
        Self::Playbook,
        Self::Refuted,
        Self::Stopped,
        Self::Unproven,
        Self::Residue,
    ];

    /// The status with this number.
    pub fn of(status: u8) -> Option<Self> {
        Self::ALL.get(usize::from(status)).copied()
    }

    /// What it means, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Passed => "all verdicts pass",
            Self::Refused => "refused before the first fault",
            Self::Alarms => "an expected alarm was missed or late, or a forbidden one came",
            Self::Playbook => "the playbook was exercised and did not restore",
            Self::Refuted => {
                "the hypothesis was refuted, the service did not come back, or the command failed"
            }
            Self::Stopped => "stopped by a guardrail, a person or a signal",
            Self::Unproven => "the drill proves nothing",
            Self::Residue => "something was left behind",
        }
    }
}
