//! The state machine: what has happened to a game day so far, and what follows from what happens next.
//!
//! Total and pure: an event that does not fit is ignored, and why it would be stands in [`Day::may`], which whoever
//! takes a person's word asks first.

mod approval;
mod begin;
mod findings;
mod limits;
mod may;
mod outstanding;
mod preflight;
mod review;
mod runs;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use approval::Approval;
pub use review::ReviewAnswer;
pub use runs::RunState;

use super::event::{DayCommand, DayEvent};
use super::finding::Finding;
use super::plan::DayPlan;
use super::preflight::ItemState;
use super::record::{DayRecord, DayState};

/// A game day.
#[derive(Clone, Debug, PartialEq)]
pub struct Day {
    plan: DayPlan,
    state: DayState,
    /// Why it is in this state, where that is not plain.
    why: Option<String>,
    stopped: Option<Stopped>,
    approvals: Vec<Approval>,
    /// Its time has come, and it does not run yet.
    is_due: bool,
    items: Vec<ItemState>,
    runs: Vec<RunState>,
    /// How many runs are over.
    done: usize,
    notes: Vec<Note>,
    findings: Vec<Finding>,
    answers: Vec<Option<ReviewAnswer>>,
    /// Until when the review should be over.
    review_by: Option<Timestamp>,
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
    /// The wake-up that was asked for.
    wake: Option<Timestamp>,
    /// Whether the closing commands were given.
    closing: bool,
    /// When something last happened to it.
    last: Timestamp,
}

/// Who stopped a game day, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stopped {
    /// Who.
    pub who: String,
    /// Why.
    pub reason: String,
    /// Whether it was skipped: its time went by and it did not begin.
    pub missed: bool,
}

/// What somebody wrote down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// What.
    pub text: String,
}

impl Day {
    /// A new game day, and what it wants first.
    pub fn start(plan: DayPlan, now: Timestamp) -> (Self, Vec<DayCommand>) {
        let mut day = Self {
            state: DayState::Draft,
            why: None,
            stopped: None,
            approvals: Vec::new(),
            is_due: false,
            items: vec![ItemState::Open {}; plan.preflight.len()],
            runs: vec![RunState::Pending {}; plan.runs.len()],
            done: 0,
            notes: Vec::new(),
            findings: Vec::new(),
            answers: vec![None; plan.review.questions.len()],
            review_by: None,
            began: None,
            ended: None,
            wake: None,
            closing: false,
            last: whole_micros(now),
            plan,
        };
        let mut out = Vec::new();
        day.enter(&mut out, DayState::Draft, None);
        day.approve_if_enough(&mut out, whole_micros(now));
        day.wish_to_wake(&mut out);
        (day, out)
    }

    /// What follows from an event.
    pub fn next(&mut self, now: Timestamp, event: DayEvent) -> Vec<DayCommand> {
        let now = whole_micros(now);
        let mut out = Vec::new();
        self.time_passed(&mut out, now);
        if self.may(now, &event).is_ok() {
            self.take(&mut out, now, event);
        }
        self.close_when_over(&mut out, now);
        self.wish_to_wake(&mut out);
        self.last = now;
        out
    }

    fn take(&mut self, out: &mut Vec<DayCommand>, now: Timestamp, event: DayEvent) {
        match event {
            DayEvent::Approved { who, in_stead_of } => self.approved(out, now, who, in_stead_of),
            DayEvent::Due {} => self.due(out, now),
            DayEvent::Missed { why } => self.missed(out, why),
            DayEvent::StartRequested { .. } => self.start_requested(out, now),
            DayEvent::PreflightChecked { item, result } => self.checked(out, now, &item, result),
            DayEvent::PreflightAnswered { item, who, ok, note } => {
                self.item_becomes(out, now, &item, ItemState::Answered { who, ok, note });
            }
            DayEvent::PreflightWaived { item, who, reason } => {
                self.item_becomes(out, now, &item, ItemState::Waived { who, reason });
            }
            DayEvent::InjectBegan { run, drill } => self.run_began(out, now, run, drill),
            DayEvent::InjectEnded { run, ended } => self.run_ended(out, now, run, *ended),
            DayEvent::InjectAnswered { run, who, answer } => self.run_answered(out, now, run, who, answer),
            DayEvent::PauseRequested { who, reason } => self.pause(out, format!("{who}: {reason}")),
            DayEvent::ResumeRequested { .. } => {
                self.enter(out, DayState::Running, None);
                self.proceed(out, now);
            }
            DayEvent::StopRequested { who, reason } => self.stop(out, who, reason, false),
            DayEvent::Halted { who, why } => self.stop(out, who, format!("halted: {why}"), false),
            DayEvent::CoordinatorRestarted { drill } => self.restarted(out, now, drill),
            DayEvent::NoteWritten { who, text } => self.notes.push(Note { at: now, who, text }),
            DayEvent::FindingAdded { who, title, owner, due, kind } => {
                let (number, who) = (self.finding_number(), Some(who));
                self.findings.push(Finding { number, title, kind, run: None, who, owner, due });
            }
            DayEvent::FindingAssigned { finding, owner, due, .. } => self.assign(finding, owner, due),
            DayEvent::ReviewAnswered { who, question, answer } => self.reviewed(now, who, question, answer),
            DayEvent::CloseRequested { .. } => self.enter(out, DayState::Closed, self.not_answered()),
            DayEvent::TimePassed {} => self.proceed(out, now),
        }
    }

    fn enter(&mut self, out: &mut Vec<DayCommand>, state: DayState, why: Option<String>) {
        self.state = state;
        self.why.clone_from(&why);
        record(out, DayRecord::StateEntered { state, why });
    }

    /// Ends the day before its planned end. A drill that runs is stopped and awaited.
    fn stop(&mut self, out: &mut Vec<DayCommand>, who: String, reason: String, missed: bool) {
        if self.drill_runs() {
            out.push(DayCommand::StopDrill { why: format!("the game day was stopped by {who}: {reason}") });
        }
        self.enter(out, DayState::Stopped, Some(format!("{who}: {reason}")));
        self.stopped = Some(Stopped { who, reason, missed });
    }

    fn close_when_over(&mut self, out: &mut Vec<DayCommand>, now: Timestamp) {
        if self.state.is_over() && !self.drill_runs() && !self.closing {
            self.closing = true;
            self.ended = Some(now);
            out.extend([DayCommand::WriteReport {}, DayCommand::Close {}]);
        }
    }

    /// What was planned.
    pub fn plan(&self) -> &DayPlan {
        &self.plan
    }

    /// Where it is.
    pub fn state(&self) -> DayState {
        self.state
    }

    /// Why it is there, where that is not plain.
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// Who stopped it, if somebody did.
    pub fn stopped(&self) -> Option<&Stopped> {
        self.stopped.as_ref()
    }

    /// Those who agreed and whose word still counts.
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// Whether its time has come while it still waits for somebody to agree.
    pub fn is_due(&self) -> bool {
        self.is_due
    }

    /// How far each preflight item is, in the order of the plan.
    pub fn items(&self) -> &[ItemState] {
        &self.items
    }

    /// How far each run is, in the order of the plan.
    pub fn runs(&self) -> &[RunState] {
        &self.runs
    }

    /// The drill that goes on, by its id.
    pub fn drill(&self) -> Option<&str> {
        self.runs.iter().find_map(|run| match run {
            RunState::Running { drill, .. } => drill.as_deref(),
            _ => None,
        })
    }

    /// What was written down.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// What is to be mended: what people said and what follows from drills.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What was answered to the questions of the review, in their order.
    pub fn answers(&self) -> &[Option<ReviewAnswer>] {
        &self.answers
    }

    /// When the first inject was let begin.
    pub fn began(&self) -> Option<Timestamp> {
        self.began
    }

    /// When it was over.
    pub fn ended(&self) -> Option<Timestamp> {
        self.ended
    }
}

pub(super) fn record(out: &mut Vec<DayCommand>, record: DayRecord) {
    out.push(DayCommand::Record(record));
}

/// The journal keeps microseconds: what is decided on must be what is written.
fn whole_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

fn later(at: Timestamp, length: std::time::Duration) -> Timestamp {
    let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
    at.saturating_add(length).map_or(Timestamp::MAX, whole_micros)
}
