//! Which events are taken, and why others are not.

use jiff::Timestamp;

use super::{Day, RunState, limits};
use crate::gameday::event::DayEvent;
use crate::gameday::preflight::ItemState;
use crate::gameday::record::DayState;

impl Day {
    /// Why an event would not be taken, in words for whoever brings it.
    pub fn may(&self, now: Timestamp, event: &DayEvent) -> Result<(), String> {
        match event {
            DayEvent::Approved { who, in_stead_of } => {
                self.may_approve(in_stead_of.as_deref().unwrap_or(who))
            }
            DayEvent::Due {} | DayEvent::Missed { .. } => {
                self.only_in(&[DayState::Draft, DayState::Approved], "its time counts")
            }
            DayEvent::StartRequested { .. } => self.may_start(now),
            DayEvent::PreflightChecked { item, .. } => self.may_look(item).map(drop),
            DayEvent::PreflightAnswered { item, note, .. } => {
                if let Some(note) = note {
                    limits::text("the note", note)?;
                }
                self.may_answer_item(item)
            }
            DayEvent::PreflightWaived { item, reason, .. } => {
                self.may_look(item)?;
                limits::text("the reason", reason)
            }
            DayEvent::InjectBegan { run, .. } => self.may_begin_run(now, *run),
            DayEvent::InjectEnded { run, .. } => self.may_end(*run),
            DayEvent::InjectAnswered { run, answer, .. } => {
                limits::text("the answer", answer)?;
                self.may_answer_run(*run)
            }
            DayEvent::PauseRequested { reason, .. } => {
                limits::text("the reason", reason)?;
                self.only_in(&[DayState::Running], "it can be paused")
            }
            DayEvent::ResumeRequested { .. } => self.may_resume(now),
            DayEvent::StopRequested { reason, .. } => {
                limits::text("the reason", reason)?;
                self.not_over()
            }
            DayEvent::Halted { .. } => self.not_over(),
            // After the end: a drill may still have to be stopped, or the journal closed.
            DayEvent::CoordinatorRestarted { .. } | DayEvent::TimePassed {} => Ok(()),
            DayEvent::NoteWritten { text, .. } => {
                limits::text("the note", text)?;
                self.room_for_note()?;
                self.still_written()
            }
            DayEvent::FindingAdded { title, .. } => {
                limits::text("the finding", title)?;
                self.room_for_finding()?;
                self.still_written()
            }
            DayEvent::FindingAssigned { finding, .. } => self.may_assign(*finding),
            DayEvent::ReviewAnswered { question, answer, .. } => {
                limits::text("the answer", answer)?;
                self.may_review(*question)
            }
            DayEvent::CloseRequested { .. } => self.may_close(),
        }
    }

    fn may_approve(&self, person: &str) -> Result<(), String> {
        self.only_in(&[DayState::Draft, DayState::Approved], "it can be approved")?;
        limits::text("the name", person)?;
        if self.approvals.iter().any(|approval| approval.person() == person) {
            return Err(format!("{person} has approved already"));
        }
        if self.missing_approvals() == 0 {
            return Err("everybody who must agree has agreed".to_owned());
        }
        Ok(())
    }

    fn may_start(&self, now: Timestamp) -> Result<(), String> {
        match self.state {
            DayState::Draft => Err(format!(
                "it waits for {} more of {} approvals",
                self.missing_approvals(),
                self.plan.approvals.count
            )),
            DayState::Preflight => Ok(()),
            DayState::Approved => self.may_begin(now),
            _ => self.only_in(&[DayState::Approved, DayState::Preflight], "it can be started"),
        }
    }

    fn may_look(&self, item: &str) -> Result<&ItemState, String> {
        self.only_in(&[DayState::Preflight], "preflight is looked at")?;
        self.item(item).ok_or_else(|| {
            let known: Vec<&str> = self.plan.preflight.iter().map(|item| item.id.as_str()).collect();
            format!("there is no preflight item `{item}`; the items are {}", known.join(", "))
        })
    }

    fn may_answer_item(&self, item: &str) -> Result<(), String> {
        let state = self.may_look(item)?;
        let automatic = self.plan.preflight.iter().any(|known| known.id == item && known.is_automatic());
        match state {
            ItemState::Open {} | ItemState::Passed {} | ItemState::Failed { .. } if automatic => {
                Err(format!(
                    "`{item}` is looked at by the coordinator; start the day again to let it look once more, or waive it"
                ))
            }
            _ => Ok(()),
        }
    }

    fn run_is(&self, run: u32, what: &str, fits: impl Fn(&RunState) -> bool) -> Result<(), String> {
        let state = self.place_of_run(run).map(|place| &self.runs[place]);
        match state {
            Some(state) if fits(state) => Ok(()),
            Some(state) => Err(format!("run {run} cannot {what}: it is {}", state.word())),
            None => Err(format!("run {run} is not the one that is due")),
        }
    }

    /// It was told to begin; since then it may have waited for a drill of another day.
    fn may_begin_run(&self, now: Timestamp, run: u32) -> Result<(), String> {
        self.run_is(run, "begin", |state| matches!(state, RunState::Ordered {}))?;
        match self.plan.run(run) {
            Some(run) if self.state != DayState::Stopped => self.may_run(now, run.what.estimate().duration()),
            _ => Ok(()),
        }
    }

    fn may_end(&self, run: u32) -> Result<(), String> {
        let going = |state: &RunState| matches!(state, RunState::Ordered {} | RunState::Running { .. });
        self.run_is(run, "end", going)?;
        match self.place_of_run(run) {
            Some(place) if self.asks(place) => {
                Err(format!("run {run} is a question; it ends with an answer"))
            }
            _ => Ok(()),
        }
    }

    fn may_answer_run(&self, run: u32) -> Result<(), String> {
        self.only_in(&[DayState::Running, DayState::Paused], "questions are answered")?;
        self.run_is(run, "be answered", |state| matches!(state, RunState::Running { .. }))?;
        match self.place_of_run(run) {
            Some(place) if self.asks(place) => Ok(()),
            _ => Err(format!("run {run} is a drill, not a question")),
        }
    }

    fn may_resume(&self, now: Timestamp) -> Result<(), String> {
        self.only_in(&[DayState::Paused], "it can be resumed")?;
        let next = self.plan.runs.get(self.done);
        self.may_run(now, next.map_or_else(Default::default, |run| run.what.estimate().duration()))
    }

    fn may_assign(&self, number: u32) -> Result<(), String> {
        self.still_written()?;
        if self.findings.iter().any(|finding| finding.number == number) {
            return Ok(());
        }
        Err(format!("there is no finding {number}; there are {}", self.findings.len()))
    }

    fn may_review(&self, question: u32) -> Result<(), String> {
        self.only_in(&[DayState::Reviewing], "questions of the review are answered")?;
        match self.place_of_question(question) {
            Some(_) => Ok(()),
            None => Err(format!("there is no question {question}; there are {}", self.answers.len())),
        }
    }

    fn may_close(&self) -> Result<(), String> {
        self.only_in(&[DayState::Reviewing], "it can be closed")?;
        let missing = self.missing_to_close();
        if missing.is_empty() { Ok(()) } else { Err(format!("before it is closed: {}", missing.join(", "))) }
    }

    fn not_over(&self) -> Result<(), String> {
        if self.state.is_over() { Err(format!("it is over: {}", self.state.word())) } else { Ok(()) }
    }

    /// Whether its journal is still open.
    fn still_written(&self) -> Result<(), String> {
        if self.closing { self.not_over() } else { Ok(()) }
    }

    fn only_in(&self, states: &[DayState], what: &str) -> Result<(), String> {
        if states.contains(&self.state) {
            return Ok(());
        }
        let states: Vec<&str> = states.iter().map(|state| state.word()).collect();
        Err(format!("it is {}; {what} only while it is {}", self.state.word(), states.join(" or ")))
    }
}
