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

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use schemars::JsonSchema;
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
use crate::drill::event::{Event, Phase};
use crate::drill::journal::{CLOSED, RawLine, Verified, each_line, read_checked};
use crate::drill::replay::ReplayError;
use crate::drill::summary::most_urgent;

/// The version of the form below. A number names one form for ever: what is added raises it, and what an older form
/// lacks is absent. 1: alarms. 2: the playbook, and `contained` and `notes` of the summary.
pub const VERSION: u32 = 2;

/// What one drill is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// It cannot be read.
    #[error("the journal cannot be read")]
    Read(#[from] io::Error),
    /// The scorecard cannot be written as JSON.
    #[error("the scorecard cannot be written")]
    Json(#[from] serde_json::Error),
}

/// A scorecard as it grows, line by line: a journal is read once, whoever else reads it on the way.
#[derive(Debug, Default)]
pub struct Scorer {
    course: course::Growing,
    /// The exit status and the reasons of the line that closes the journal.
    closing: Option<Closing>,
}

#[derive(Debug, Deserialize)]
struct Closing {
    exit: u8,
    #[serde(default)]
    reasons: Vec<String>,
}

impl Scorer {
    /// Takes in a line; if it is an event, `also` sees it too.
    ///
    /// # Errors
    /// The first line holds no plan.
    pub fn take(&mut self, line: &RawLine<'_>, also: impl FnOnce(&Event)) -> Result<(), ScoreError> {
        if line.kind == CLOSED && self.closing.is_none() {
            self.closing = serde_json::from_str(line.data.get()).ok();
        }
        Ok(self.course.take(line, also)?)
    }

    /// Whether the line that closes the drill was taken; what comes after it counts for nothing.
    pub fn is_over(&self) -> bool {
        self.course.is_over()
    }

    /// What the drill is worth after the last line.
    ///
    /// # Errors
    /// There was no line that holds a plan.
    pub fn finish(self) -> Result<Scorecard, ScoreError> {
        let (course, drill) = self.course.finish()?;
        let expected = &drill.plan().alarms;
        let alarms = AlarmScore::of(expected, &course);
        let mut summary = Summary::with_alarms(&drill, alarms.is_good());
        let complete = drill.phase() == Phase::Scored;
        let mut exits = vec![summary.exit];
        let of_alarms = alarms.reasons(expected.silence, drill.plan().placebo.is_some());
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
            if let Some(Closing { exit, reasons }) = self.closing {
                exits.push(exit);
                let news: Vec<String> =
                    reasons.into_iter().filter(|reason| !summary.reasons.contains(reason)).collect();
                summary.reasons.extend(news);
            }
        }
        summary.exit = most_urgent(exits.into_iter().filter(|exit| *exit != 0));
        let phases = Phases::of(&alarms, &course);
        let playbook = PlaybookScore::of(&drill, &summary, &course);
        Ok(Scorecard { version: VERSION, complete, summary, alarms, phases, playbook })
    }
}

impl Scorecard {
    /// Scores the drill that a journal tells. An unfinished last line is left out.
    ///
    /// # Errors
    /// It is no journal.
    pub fn of(journal: &[u8]) -> Result<Self, ScoreError> {
        Self::read(journal)
    }

    /// The same, of a journal that need not fit into memory.
    ///
    /// # Errors
    /// It cannot be read, or is no journal.
    pub fn read(journal: impl BufRead) -> Result<Self, ScoreError> {
        let mut scorer = Scorer::default();
        each_line(journal, |number, line| {
            let line = line.map_err(|source| ReplayError::Line { line: number, source })?;
            scorer.take(&line, |_| {})?;
            let over = scorer.is_over();
            Ok::<_, ScoreError>(if over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        scorer.finish()
    }

    /// The same in one pass with the check of the journal: a changed one is scored too, and both findings stand side by
    /// side.
    ///
    /// # Errors
    /// It cannot be read at all.
    pub fn read_checked(journal: impl BufRead) -> io::Result<(Verified, Result<Self, ScoreError>)> {
        let mut scorer = Scorer::default();
        let (verified, said) = read_checked(journal, None, |number, line| match line {
            Err(_) if scorer.is_over() => Ok(()),
            Err(source) => Err(ScoreError::Replay(ReplayError::Line { line: number, source })),
            Ok(line) => scorer.take(&line, |_| {}),
        })?;
        Ok((verified, said.and_then(|()| scorer.finish())))
    }

    /// As `scorecard.json` holds it: the same bytes whoever writes them.
    pub fn to_json_bytes(&self) -> Result<Vec<u8>, ScoreError> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
