//! The closed vocabulary between the drill, which decides, and the engine, which acts.
//!
//! Every event is journalled before the drill sees it, and every command before it is obeyed; replaying the events
//! of a journal gives the same commands and the same results.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::alarm::{Alarm, MissCause};
use crate::fault::Evidence;

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

/// What the drill concluded; journalled, and shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Record {
    /// The drill entered a phase.
    #[serde(rename = "phase.entered")]
    PhaseEntered {
        /// Which.
        phase: Phase,
    },
    /// A probe's judgement changed.
    #[serde(rename = "probe.judged")]
    ProbeJudged {
        /// Its name.
        probe: String,
        /// The judgement.
        judgement: Judgement,
    },
    /// A fault's effect was seen for the first time.
    #[serde(rename = "fault.effective")]
    FaultEffective {
        /// Its id.
        fault: String,
    },
    /// The first violation of an impact probe during an effective fault.
    #[serde(rename = "impact.seen")]
    ImpactSeen {
        /// The probe.
        probe: String,
    },
    /// No impact though effective for `no_impact_after`.
    #[serde(rename = "impact.withstood")]
    Withstood {},
    /// The steady state is back.
    #[serde(rename = "steady_state.recovered")]
    Recovered {
        /// The start of the good run, since the drill began.
        since: Duration,
        /// Whether a fault was still on.
        fault_on: bool,
    },
    /// The drill stops before its end.
    #[serde(rename = "drill.stopping")]
    Stopping {
        /// Why.
        reason: StopReason,
    },
}

/// Where a drill is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing has begun.
    Planned,
    /// Looking and preparing.
    Preflight,
    /// Waiting for every tolerance to be judged good.
    Steady,
    /// From the first apply to the last removal.
    Active,
    /// Every fault is gone; waiting for the steady state.
    Recovering,
    /// Looking whether anything was left behind.
    Verifying,
    /// Removing everything before the planned end.
    Stopping,
    /// Over.
    Scored,
}

impl Phase {
    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Preflight => "preflight",
            Self::Steady => "steady",
            Self::Active => "active",
            Self::Recovering => "recovering",
            Self::Verifying => "verifying",
            Self::Stopping => "stopping",
            Self::Scored => "scored",
        }
    }
}

/// What a probe's samples are worth by its tolerance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Judgement {
    /// Not enough samples yet; never good.
    Unknown {
        /// What is missing.
        why: String,
    },
    /// Within tolerance.
    Good {},
    /// Out of tolerance.
    Violated {
        /// Measured against allowed.
        why: String,
    },
}

/// Why a drill stops before its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum StopReason {
    /// Preflight refused.
    Refused {
        /// Why.
        why: Vec<String>,
    },
    /// The gate was never met.
    GateNotMet {
        /// Which probes, and why.
        why: Vec<String>,
    },
    /// An `abort:` entry or an `invariant` probe.
    Guardrail {
        /// Which, and why.
        why: String,
    },
    /// A fault could not be applied.
    FaultRefused {
        /// Its id.
        fault: String,
        /// Why.
        why: String,
    },
    /// A fault ended that the drill did not end.
    FaultLost {
        /// Its id.
        fault: String,
        /// Why.
        why: String,
    },
    /// A person, a signal, or a failure of ours.
    Halted {
        /// Who.
        who: String,
        /// Why.
        reason: String,
    },
}
