//! What a drill is worth, as a pure function of its journal: the same bytes give the same scorecard, to the byte.

mod alarms;
mod bound;
mod course;
mod expectation;
mod other;
mod playbook;
mod share;
mod table;
#[cfg(test)]
mod tests;
mod verdict;

use serde::{Deserialize, Serialize};

pub use alarms::{AlarmScore, LongestPhase, Phases};
pub use expectation::{AlarmTimes, Cause, Content, Deadline, ExpectationScore};
pub use other::OtherAlarm;
pub use playbook::{
    AdHoc, Automation, Deviation, Objective, ObjectiveWord, Objectives, PlaybookScore, Recovery,
    RecoveryPhase, StepOutcome, StepScore, TakenBack,
};
pub use share::Share;
pub use table::{explain, table};
pub use verdict::{AlarmWord, Kept, OtherClass, Outcome, Routing, Urgency, rule};

use crate::drill::Summary;
use crate::drill::event::Phase;
use crate::drill::journal::{CLOSED, Line};
use crate::drill::replay::ReplayError;
use crate::drill::summary::most_urgent;

/// The version of the form below. A number names one form for ever: what is added raises it, and what an older form
/// lacks is absent. 1: alarms. 2: the playbook, and `contained` and `notes` of the summary.
pub const VERSION: u32 = 2;

/// What one drill is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scorecard {
    /// The version of this form.
    pub version: u32,
    /// Whether the journal tells the drill to its end.
    pub complete: bool,
    /// The results of the drill. Its `exit`, `reasons` and `hypothesis` take the alarms into account.
    pub summary: Summary,
    /// What alarms were worth.
    pub alarms: AlarmScore,
    /// Where the time went.
    pub phases: Phases,
    /// What the playbook was worth; absent: the drill has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<PlaybookScore>,
}

/// Why a journal has no scorecard.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// It cannot be replayed.
    #[error("the journal cannot be replayed; `firedrill verify` says whether it was changed")]
    Replay(#[from] ReplayError),
    /// The scorecard cannot be written as JSON.
    #[error("the scorecard cannot be written")]
    Json(#[from] serde_json::Error),
}

impl Scorecard {
    /// Scores the drill that a journal tells. An unfinished last line is left out.
    pub fn of(journal: &[u8]) -> Result<Self, ScoreError> {
        let (course, drill) = course::Course::read(journal)?;
        let expected = &drill.plan().alarms;
        let alarms = AlarmScore::of(expected, &course);
        let mut summary = Summary::with_alarms(&drill, alarms.is_good());
        let complete = drill.phase() == Phase::Scored;
        let mut exits = vec![summary.exit];
        let of_alarms = alarms.reasons(expected.silence);
        if !of_alarms.is_empty() {
            exits.push(2);
            summary.reasons.splice(0..0, of_alarms);
        }
        if let Some(why) = alarms.unproven() {
            exits.push(6);
            summary.reasons.push(why);
        }
        if !complete {
            exits.push(6);
            summary.reasons.push("the journal ends before the drill was over".to_owned());
            // A decider that failed was not followed to the end; what was seen then stands in the closing line.
            if let Some((exit, reasons)) = closing(journal) {
                exits.push(exit);
                let news: Vec<String> =
                    reasons.into_iter().filter(|reason| !summary.reasons.contains(reason)).collect();
                summary.reasons.extend(news);
            }
        }
        summary.exit = most_urgent(exits.into_iter().filter(|exit| *exit != 0));
        let phases = Phases::of(&alarms, &course);
        let playbook = PlaybookScore::of(&drill, &summary, &course);
        Ok(Self { version: VERSION, complete, summary, alarms, phases, playbook })
    }

    /// As `scorecard.json` holds it: the same bytes whoever writes them.
    pub fn to_json_bytes(&self) -> Result<Vec<u8>, ScoreError> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// The exit status and the reasons of the line that closes a journal.
fn closing(journal: &[u8]) -> Option<(u8, Vec<String>)> {
    let last = journal.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n').next()?;
    let line: Line = serde_json::from_slice(last).ok().filter(|line: &Line| line.kind == CLOSED)?;
    let exit = u8::try_from(line.data["exit"].as_u64()?).ok()?;
    Some((exit, serde_json::from_value(line.data["reasons"].clone()).unwrap_or_default()))
}
