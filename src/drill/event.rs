//! The closed vocabulary between the drill, which decides, and the engine, which acts.
//!
//! Every event is journalled before the drill sees it, and every command before it is obeyed; replaying the events
//! of a journal gives the same commands and the same results.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::alarm::{Alarm, MissCause};
pub use super::record::{Judgement, Phase, Record, StopReason};
use crate::fault::Evidence;
use crate::playbook::event::{Attempt, Job, StepAnswer};
use crate::scenario::plan::Probe;

/// The longest text that a person may put into a record, in bytes.
pub const TEXT_MAX_BYTES: usize = 4 * 1024;

/// Something that happened, with when: time since the drill began, by the monotonic clock of one process.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed<E> {
    /// Since the drill began.
    pub mono: Duration,
    /// What happened.
    pub event: E,
}

/// What happens to a drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    /// Everything needed was looked at and prepared (routes bound, folder made, targets found), or was not.
    #[serde(rename = "preflight.finished")]
    PreflightFinished {
        /// Why the drill cannot start; empty: it can.
        refusals: Vec<String>,
        /// What is worth knowing and stops nothing.
        warnings: Vec<String>,
    },
    /// A probe measured.
    #[serde(rename = "probe.sampled")]
    ProbeSampled {
        /// Its name.
        probe: String,
        /// What it measured.
        sample: Sample,
    },
    /// Answers to the load, gathered for some tens of milliseconds.
    #[serde(rename = "load.answered")]
    LoadAnswered {
        /// One for each request that was answered or given up.
        samples: Vec<Sample>,
    },
    /// A fault was applied.
    #[serde(rename = "fault.applied")]
    FaultApplied {
        /// Its id.
        fault: String,
        /// On what, in words: a route's address, process ids.
        detail: String,
    },
    /// A fault could not be applied; nothing of it is left.
    #[serde(rename = "fault.refused")]
    FaultRefused {
        /// Its id.
        fault: String,
        /// Why.
        why: String,
    },
    /// What a fault has done by now, as measured; sent when it changed.
    #[serde(rename = "fault.measured")]
    FaultMeasured {
        /// Its id.
        fault: String,
        /// The counts.
        evidence: Evidence,
    },
    /// A person changed a fault while it was on.
    #[serde(rename = "fault.changed")]
    FaultChanged {
        /// Its id.
        fault: String,
        /// Who.
        who: String,
        /// `key=value` as said.
        change: String,
    },
    /// A fault was removed, and the removal seen.
    #[serde(rename = "fault.removed")]
    FaultRemoved {
        /// Its id.
        fault: String,
        /// The last counts.
        evidence: Evidence,
        /// What it left behind; empty: nothing.
        residue: Vec<String>,
    },
    /// A fault could not be removed within the time for it. Nobody tries again until everything is taken down at the
    /// end, and the drill ends with residue.
    #[serde(rename = "fault.stuck")]
    FaultStuck {
        /// Its id.
        fault: String,
        /// Why.
        why: String,
    },
    /// The executor itself ended a fault (its lease ran out, its route died, a person removed it).
    #[serde(rename = "fault.lost")]
    FaultLost {
        /// Its id.
        fault: String,
        /// Why.
        why: String,
    },
    /// The command under test ended.
    #[serde(rename = "command.finished")]
    CommandFinished {
        /// Its exit status; absent: a signal ended it.
        status: Option<i32>,
        /// How it went, in words.
        detail: String,
    },
    /// Everything was taken down, and what the drill could have left behind was looked for.
    #[serde(rename = "verify.finished")]
    VerifyFinished {
        /// What was found; empty: nothing.
        residue: Vec<String>,
    },
    /// Someone or something wants the drill to stop.
    #[serde(rename = "halt.requested")]
    HaltRequested {
        /// Who.
        who: String,
        /// Why.
        reason: String,
    },
    /// Monitoring said something.
    #[serde(rename = "alarm.received")]
    AlarmReceived {
        /// What, in one form for every vendor.
        alarm: Alarm,
    },
    /// The monitoring systems were asked why an expected alarm has not come; sent when the answer changed.
    #[serde(rename = "monitor.asked")]
    MonitorAsked {
        /// The expectation's id.
        expectation: String,
        /// The first cause that holds now.
        cause: MissCause,
        /// What was seen, for people: the rule's state, a silence's id, an error.
        evidence: String,
    },
    /// Somebody wrote something down.
    #[serde(rename = "note.written")]
    NoteWritten {
        /// Who.
        who: String,
        /// What.
        text: String,
    },
    /// Somebody did something that no step says.
    #[serde(rename = "action.taken")]
    ActionTaken {
        /// Who.
        who: String,
        /// What.
        text: String,
    },
    /// Somebody starts the playbook.
    #[serde(rename = "playbook.requested")]
    PlaybookRequested {
        /// Who.
        who: String,
    },
    /// Somebody says something about a step; only what [`super::Drill::may_answer`] allows becomes an event.
    #[serde(rename = "step.answered")]
    StepAnswered {
        /// Which.
        step: String,
        /// Who.
        who: String,
        /// As whom, where they say so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        /// What.
        answer: StepAnswer,
    },
    /// An attempt at an automatic step is over.
    #[serde(rename = "step.attempted")]
    StepAttempted {
        /// Which.
        step: String,
        /// Which attempt, from 1.
        attempt: u32,
        /// Whether it was the step's way back.
        #[serde(default)]
        undo: bool,
        /// What came of it.
        outcome: Attempt,
    },
    /// The probe of its own that verifies a step is good.
    #[serde(rename = "step.verified")]
    StepVerified {
        /// Which.
        step: String,
    },
    /// The process that drove the drill died, and another has taken it up to end it: by now no fault is on that a lease
    /// or a guardian could end, and what was ordered and not answered has nobody who works on it.
    #[serde(rename = "coordinator.restarted")]
    CoordinatorRestarted {},
    /// Time passed; the engine sends it when a wake-up that the drill asked for is due.
    #[serde(rename = "time.passed")]
    TimePassed {},
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When it began (for a load: when it was due), since the drill began.
    pub began: Duration,
    /// How long it took (for a load: since it was due, so that waiting is not left out).
    pub took: Duration,
    /// Why it is a failure; absent: it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// A measured number, where the probe measures one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The measurement in full, one wide line (curl's timing keys for HTTP); absent for a load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
}

/// What the drill wants done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Command {
    /// Look at and prepare everything, change nothing under test; answer `preflight.finished`.
    #[serde(rename = "preflight.start")]
    Preflight {},
    /// Begin the probes and the load.
    #[serde(rename = "probes.start")]
    StartProbes {},
    /// Apply a fault; answer `fault.applied` or `fault.refused`, then `fault.measured` as it acts.
    #[serde(rename = "fault.apply")]
    Apply {
        /// Its id.
        fault: String,
    },
    /// Remove a fault and look whether it left anything; answer `fault.removed` or `fault.stuck`.
    #[serde(rename = "fault.remove")]
    Remove {
        /// Its id.
        fault: String,
        /// Why now.
        reason: RemoveReason,
    },
    /// Start the command under test; answer `command.finished`.
    #[serde(rename = "command.start")]
    StartCommand {},
    /// End the command under test (TERM, then KILL); answer `command.finished`.
    #[serde(rename = "command.stop")]
    StopCommand {},
    /// Send `time.passed` at this time (since the drill began); replaces an earlier wish.
    #[serde(rename = "wake.set")]
    WakeAt {
        /// When.
        at: Duration,
    },
    /// Write something for people and for the record: a phase change, a judgement, a verdict.
    #[serde(rename = "record")]
    Record(Record),
    /// Make an attempt at an automatic step; answer `step.attempted`.
    #[serde(rename = "step.run")]
    RunStep(Box<Job>),
    /// Measure a probe until it is good; answer `step.verified` then.
    #[serde(rename = "step.verify")]
    VerifyStep {
        /// For which step.
        step: String,
        /// What.
        probe: Box<Probe>,
    },
    /// End whatever goes on for a step; no answer.
    #[serde(rename = "step.stop")]
    StopStep {
        /// Which.
        step: String,
    },
    /// Stop probes and load, close our routes, end our helpers, look for residue; answer `verify.finished`.
    #[serde(rename = "verify.start")]
    Verify {},
    /// The drill is over: close the journal.
    #[serde(rename = "drill.close")]
    Close {},
}

/// Why a fault is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemoveReason {
    /// Its `until` has come.
    Until,
    /// Its `max` has come.
    Max,
    /// The service recovered.
    Recovered,
    /// The command under test ended.
    CommandFinished,
    /// The drill stops.
    Stopping,
}
