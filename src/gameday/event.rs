//! The closed vocabulary between the game day, which decides, and the coordinator, which acts.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::FindingKind;
use super::preflight::Checked;
pub use super::record::{DayRecord, DayState};

/// What happens to a game day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "data")]
pub enum DayEvent {
    /// Somebody agrees.
    #[serde(rename = "gameday.approved")]
    Approved {
        /// Who.
        who: String,
        /// For whom they say so, where they do it in somebody's stead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_stead_of: Option<String>,
    },
    /// Its time has come.
    #[serde(rename = "gameday.due")]
    Due {},
    /// Its time is over and it did not begin: it is skipped.
    #[serde(rename = "gameday.missed")]
    Missed {
        /// Why it did not.
        why: String,
    },
    /// Somebody starts it; in preflight: what failed is looked at once more.
    #[serde(rename = "start.requested")]
    StartRequested {
        /// Who.
        who: String,
    },
    /// The coordinator looked at a preflight item.
    #[serde(rename = "preflight.checked")]
    PreflightChecked {
        /// Which.
        item: String,
        /// What it saw.
        result: Checked,
    },
    /// Somebody answered a preflight item.
    #[serde(rename = "preflight.answered")]
    PreflightAnswered {
        /// Which.
        item: String,
        /// Who.
        who: String,
        /// Whether it is as it must be.
        ok: bool,
        /// What they said about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Somebody says that it goes without a preflight item.
    #[serde(rename = "preflight.waived")]
    PreflightWaived {
        /// Which.
        item: String,
        /// Who.
        who: String,
        /// Why.
        reason: String,
    },
    /// A run begins: journalled before its drill does anything, so that no drill is ever started twice.
    #[serde(rename = "inject.began")]
    InjectBegan {
        /// Which.
        run: u32,
        /// The drill's id; absent: it is a question.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drill: Option<String>,
    },
    /// The drill of a run is over.
    #[serde(rename = "inject.ended")]
    InjectEnded {
        /// Which.
        run: u32,
        /// What came of it.
        ended: Box<DrillEnded>,
    },
    /// Somebody answered the question of a run.
    #[serde(rename = "inject.answered")]
    InjectAnswered {
        /// Which.
        run: u32,
        /// Who.
        who: String,
        /// What.
        answer: String,
    },
    /// Somebody wants no further inject to begin.
    #[serde(rename = "pause.requested")]
    PauseRequested {
        /// Who.
        who: String,
        /// Why.
        reason: String,
    },
    /// Somebody wants it to go on.
    #[serde(rename = "resume.requested")]
    ResumeRequested {
        /// Who.
        who: String,
    },
    /// Somebody wants it to end now.
    #[serde(rename = "stop.requested")]
    StopRequested {
        /// Who.
        who: String,
        /// Why.
        reason: String,
    },
    /// Everything was halted.
    #[serde(rename = "halted")]
    Halted {
        /// By whom.
        who: String,
        /// Why.
        why: String,
    },
    /// The coordinator is back after it was away.
    #[serde(rename = "coordinator.restarted")]
    CoordinatorRestarted {
        /// The drill that was interrupted; it is ended, journalled and verified before this is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drill: Option<String>,
    },
    /// Somebody wrote something down.
    #[serde(rename = "note.written")]
    NoteWritten {
        /// Who.
        who: String,
        /// What.
        text: String,
    },
    /// Somebody found something to be mended.
    #[serde(rename = "finding.added")]
    FindingAdded {
        /// Who.
        who: String,
        /// What, in one sentence.
        title: String,
        /// Who mends it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// By when it is drilled again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<jiff::civil::Date>,
        /// Of what kind.
        #[serde(rename = "type", default)]
        kind: FindingKind,
    },
    /// Somebody took a finding on, or set its date.
    #[serde(rename = "finding.assigned")]
    FindingAssigned {
        /// Which, by its number.
        finding: u32,
        /// Who says so.
        who: String,
        /// Who mends it; absent: as before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// By when it is drilled again; absent: as before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<jiff::civil::Date>,
    },
    /// Somebody answered a question of the review.
    #[serde(rename = "review.answered")]
    ReviewAnswered {
        /// Who.
        who: String,
        /// The question's number, from 1.
        question: u32,
        /// What.
        answer: String,
    },
    /// Somebody wants it closed.
    #[serde(rename = "close.requested")]
    CloseRequested {
        /// Who.
        who: String,
    },
    /// Time passed; sent when a wake-up that the day asked for is due.
    #[serde(rename = "time.passed")]
    TimePassed {},
}

/// What the game day wants done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "data")]
pub enum DayCommand {
    /// Look at a preflight item; answer `preflight.checked`.
    #[serde(rename = "preflight.check")]
    CheckPreflight {
        /// Which.
        item: String,
    },
    /// Begin a run: journal `inject.began`, then run its drill and answer `inject.ended`. Of a question only
    /// `inject.began`; people answer it.
    #[serde(rename = "inject.begin")]
    BeginInject {
        /// Which.
        run: u32,
    },
    /// Stop the drill that runs; `inject.ended` is awaited still.
    #[serde(rename = "drill.stop")]
    StopDrill {
        /// Why.
        why: String,
    },
    /// Send `time.passed` at this time; replaces an earlier wish.
    #[serde(rename = "wake.set")]
    WakeAt {
        /// When.
        at: Timestamp,
    },
    /// Write something for people and for the record.
    #[serde(rename = "record")]
    Record(DayRecord),
    /// Write the report; no answer.
    #[serde(rename = "report.write")]
    WriteReport {},
    /// The game day is over: close the journal.
    #[serde(rename = "day.close")]
    Close {},
}

/// What came of the drill of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrillEnded {
    /// Its id; absent: it never got as far as having one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<String>,
    /// Its exit status.
    pub exit: u8,
    /// Its results; absent: it was refused before it had any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<DrillWords>,
    /// Why it was refused, or could not be brought to its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
}

/// The results of a drill in the words of its scorecard: whoever drives the day takes them from there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrillWords {
    /// `confirmed`, `none`.
    pub effect: String,
    /// `seen`, `withstood`, `none`.
    pub impact: String,
    /// Whether every probe stayed within tolerance: `held`, `lost`.
    #[serde(default)]
    pub steady_state: String,
    /// `confirmed`, `refuted`, `untested`.
    pub hypothesis: String,
    /// `sound`, `late`, `silent`, `noisy`, …; absent: alarms were not judged.
    pub alarms: Option<String>,
    /// `restored`, `not-restored`, …; absent: there is no playbook.
    pub playbook: Option<String>,
    /// `playbook`, `self`, `fault_end`, …
    pub restored_by: String,
    /// Whether only what was meant to be harmed was harmed: `held`, `lost`, `not-judged`.
    pub contained: String,
    /// Whether nothing was left behind.
    pub clean: bool,
    /// Whether the drill proves anything.
    pub valid: bool,
    /// Why its exit status is what it is.
    pub reasons: Vec<String>,
    /// The expected alarms that stayed away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent: Vec<String>,
    /// The expected alarms that came late or to others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<String>,
    /// What was left behind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub residue: Vec<String>,
    /// How many alarms reached somebody.
    #[serde(default)]
    pub pages: u32,
    /// Where the time went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseTook>,
}

/// How long a phase of a drill took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseTook {
    /// `noticing`, `restoring`, `resetting`.
    pub phase: String,
    /// How long.
    pub seconds: f64,
}
