//! One run after the other.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Day, later, record};
use crate::gameday::event::{DayCommand, DrillEnded};
use crate::gameday::plan::RunWhat;
use crate::gameday::record::{DayRecord, DayState};

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum RunState {
    /// Nothing has happened yet.
    Pending {},
    /// It waits for its time.
    Waiting {
        /// Until when.
        until: Timestamp,
    },
    /// It was told to begin.
    Ordered {},
    /// Its drill goes on, or its question is open.
    Running {
        /// The drill's id; absent: it is a question.
        drill: Option<String>,
        /// Since when.
        since: Timestamp,
    },
    /// Its drill is over.
    Ended {
        /// When it began; absent: it never did.
        since: Option<Timestamp>,
        /// When it was over.
        at: Timestamp,
        /// What came of it.
        ended: Box<DrillEnded>,
    },
    /// Its question was answered.
    Answered {
        /// When it was asked.
        since: Timestamp,
        /// When it was answered.
        at: Timestamp,
        /// Who.
        who: String,
        /// What.
        answer: String,
    },
}

impl RunState {
    /// The word for people.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pending {} => "pending",
            Self::Waiting { .. } => "waiting",
            Self::Ordered {} => "beginning",
            Self::Running { .. } => "running",
            Self::Ended { .. } => "ended",
            Self::Answered { .. } => "answered",
        }
    }
}

impl Day {
    /// Goes on to what comes next, if nothing goes on.
    pub(super) fn proceed(&mut self, out: &mut Vec<DayCommand>, now: Timestamp) {
        if self.state != DayState::Running {
            return;
        }
        let Some(run) = self.plan.runs.get(self.done) else {
            self.look_back(out, now);
            return;
        };
        let (number, length) = (run.number, run.what.estimate().duration());
        match self.runs[self.done] {
            RunState::Pending {} => {}
            RunState::Waiting { until } if until <= now => {}
            // One that waits, was told to begin or goes on is awaited.
            _ => return,
        }
        if let Err(why) = self.may_run(now, length) {
            self.runs[self.done] = RunState::Pending {};
            self.pause(out, format!("run {number} may not begin now: {why}"));
            return;
        }
        self.runs[self.done] = RunState::Ordered {};
        out.push(DayCommand::BeginInject { run: number });
    }

    pub(super) fn run_began(
        &mut self,
        out: &mut Vec<DayCommand>,
        now: Timestamp,
        run: u32,
        drill: Option<String>,
    ) {
        let Some(place) = self.place_of_run(run) else { return };
        self.runs[place] = RunState::Running { drill, since: now };
        // It was on its way when the day was stopped.
        if self.state == DayState::Stopped && self.drill_runs() {
            out.push(DayCommand::StopDrill { why: "the game day was stopped".to_owned() });
        }
    }

    pub(super) fn run_ended(
        &mut self,
        out: &mut Vec<DayCommand>,
        now: Timestamp,
        run: u32,
        ended: DrillEnded,
    ) {
        let Some(place) = self.place_of_run(run) else { return };
        let since = match self.runs[place] {
            RunState::Running { since, .. } => Some(since),
            _ => None,
        };
        self.derive_findings(out, run, &ended);
        let look = needs_a_look(&ended);
        self.runs[place] = RunState::Ended { since, at: now, ended: Box::new(ended) };
        self.run_is_over(out, now);
        if let (DayState::Running, Some(look)) = (self.state, look) {
            self.pause(out, format!("run {run} {look}"));
        }
        self.proceed(out, now);
    }

    pub(super) fn run_answered(
        &mut self,
        out: &mut Vec<DayCommand>,
        now: Timestamp,
        run: u32,
        who: String,
        answer: String,
    ) {
        let Some(place) = self.place_of_run(run) else { return };
        let RunState::Running { since, .. } = self.runs[place] else { return };
        self.runs[place] = RunState::Answered { since, at: now, who, answer };
        self.run_is_over(out, now);
        self.proceed(out, now);
    }

    /// Lets the next run wait for its time.
    fn run_is_over(&mut self, out: &mut Vec<DayCommand>, now: Timestamp) {
        self.done += 1;
        if self.state.is_over() {
            return;
        }
        if let Some(next) = self.plan.runs.get(self.done)
            && next.gap.duration() > std::time::Duration::ZERO
        {
            let until = later(now, next.gap.duration());
            self.runs[self.done] = RunState::Waiting { until };
            record(out, DayRecord::RunWaits { run: next.number, until });
        }
    }

    /// What was told to begin and did not yet is told so again, when its turn comes.
    pub(super) fn order_anew(&mut self) {
        if let Some(run @ RunState::Ordered {}) = self.runs.get_mut(self.done) {
            *run = RunState::Pending {};
        }
    }

    /// No further run begins, not even one that was told to; one that goes on is left to its end.
    pub(super) fn pause(&mut self, out: &mut Vec<DayCommand>, why: String) {
        self.order_anew();
        self.enter(out, DayState::Paused, Some(why));
    }

    /// The place of the run that goes on, when it has this number.
    pub(super) fn place_of_run(&self, run: u32) -> Option<usize> {
        self.plan.runs.get(self.done).filter(|current| current.number == run).map(|_| self.done)
    }

    /// Whether a drill was told to begin and has not ended.
    pub(super) fn drill_runs(&self) -> bool {
        let asks = |at: usize| matches!(self.plan.runs[at].what, RunWhat::Ask { .. });
        self.runs.iter().enumerate().any(|(at, run)| match run {
            RunState::Ordered {} | RunState::Running { .. } => !asks(at),
            _ => false,
        })
    }

    /// When the run that waits may begin.
    pub(super) fn run_waits_until(&self) -> Option<Timestamp> {
        match self.runs.get(self.done) {
            Some(RunState::Waiting { until }) if self.state == DayState::Running => Some(*until),
            _ => None,
        }
    }
}

/// After what came of some drills nothing may begin before somebody has looked.
fn needs_a_look(ended: &DrillEnded) -> Option<String> {
    let what = match ended.exit {
        1 => "was refused",
        5 => "was stopped",
        7 => "left something behind",
        6 if ended.words.is_none() => "failed",
        _ => return None,
    };
    let why = ended.why.first().or_else(|| ended.words.as_ref().and_then(|words| words.reasons.first()));
    Some(why.map_or_else(|| what.to_owned(), |why| format!("{what}: {why}")))
}
