//! How far a playbook is: pure, `(state, what happened) → (state, wishes)`. A drill owns one and feeds it.

mod answer;
mod attempt;
mod flow;
mod taken_back;
#[cfg(test)]
mod tests;
mod values;

pub use answer::Spoken;
pub use taken_back::TakenBack;
pub use values::shown;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::event::{Ending, Noted, StartedBy, StepResult, Wish};
use super::plan::{Answer, Check, Playbook, Step, VISITS_MAX};
use crate::scenario::plan::PlaybookUse;

/// An automatic attempt answers within its time-out and this; whoever does it ends it by then.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// What a playbook must know of the drill around it.
pub trait Surroundings {
    /// When the impact was.
    fn impact(&self) -> Option<Duration>;
    /// Why the probe of the steady state is not good; `Ok` when it is, and a measurement that began at or after this time
    /// has its part in it. `None`: all of them.
    fn is_good(&self, probe: Option<&str>, after: Duration) -> Result<(), String>;
}

/// A playbook and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    book: Playbook,
    used: PlaybookUse,
    state: State,
    visits: Vec<Visit>,
    taken_back: TakenBack,
    out: Vec<Wish>,
}

/// Where a playbook is.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Nothing started it.
    Waiting,
    /// The last visit is under way.
    Running {
        /// Since when.
        since: Duration,
        /// By what.
        by: StartedBy,
    },
    /// It is over.
    Over {
        /// Since when it ran.
        since: Duration,
        /// When it ended.
        at: Duration,
        /// By what it was started.
        by: StartedBy,
        /// How it ended.
        ending: Ending,
    },
}

/// One time that a step was entered.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// Which step, by its place in the file.
    pub step: usize,
    /// When it was entered.
    pub entered: Duration,
    /// When a person took it on.
    pub taken: Option<Duration>,
    /// How many attempts were begun.
    pub attempts: u32,
    /// When what it does was done (or failed for good), its verification not counted.
    pub acted: Option<Duration>,
    /// When an attempt at it failed for the first time: even that may have changed something.
    pub tried: Option<Duration>,
    /// Who answered it.
    pub who: Option<String>,
    /// As whom.
    pub role: Option<String>,
    /// Who agreed so far.
    pub agreed: BTreeSet<String>,
    /// How many times somebody was stuck.
    pub stuck: u32,
    /// What people answered.
    pub answers: BTreeMap<String, Answer>,
    /// What was kept of its result.
    pub outputs: BTreeMap<String, String>,
    at: At,
    /// When it was over, and how.
    pub finished: Option<(Duration, StepResult)>,
}

/// What a visit waits for.
#[derive(Clone, Debug, PartialEq)]
enum At {
    /// A person, until then.
    People { until: Duration },
    /// An attempt; one that was never answered counts as timed out then.
    Attempt { until: Duration },
    /// The time for the next attempt.
    Retry { at: Duration },
    /// What verifies it, until then.
    Verify { until: Duration },
    /// A probe of the steady state, until then.
    Probe { until: Duration },
    /// Nothing.
    Nothing,
}

impl Visit {
    /// One that has just begun.
    pub fn new(step: usize, entered: Duration) -> Self {
        Self {
            step,
            entered,
            taken: None,
            attempts: 0,
            acted: None,
            tried: None,
            who: None,
            role: None,
            agreed: BTreeSet::new(),
            stuck: 0,
            answers: BTreeMap::new(),
            outputs: BTreeMap::new(),
            at: At::Nothing,
            finished: None,
        }
    }

    /// Whether it may have changed what it acts on: an attempt was begun, or a person did it.
    pub fn has_acted(&self) -> bool {
        self.attempts > 0 || (self.who.is_some() && (self.acted.is_some() || self.tried.is_some()))
    }

    /// Whether it waits for a person.
    pub const fn waits_for_people(&self) -> bool {
        matches!(self.at, At::People { .. })
    }

    /// Whether it is being verified.
    pub const fn is_being_verified(&self) -> bool {
        matches!(self.at, At::Verify { .. })
    }
}

impl Progress {
    /// A playbook that nothing has started.
    pub fn new(book: Playbook, used: PlaybookUse) -> Self {
        let taken_back = TakenBack::default();
        Self { book, used, state: State::Waiting, visits: Vec::new(), taken_back, out: Vec::new() }
    }

    /// The playbook.
    pub fn book(&self) -> &Playbook {
        &self.book
    }

    /// How it is exercised.
    pub fn used(&self) -> &PlaybookUse {
        &self.used
    }

    /// Where it is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Every time a step was entered, in order.
    pub fn visits(&self) -> &[Visit] {
        &self.visits
    }

    /// How far its changes were taken back.
    pub fn taken_back(&self) -> &TakenBack {
        &self.taken_back
    }

    /// The step of a visit.
    pub fn step(&self, visit: &Visit) -> &Step {
        &self.book.steps[visit.step]
    }

    /// Whether it runs.
    pub const fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Whether it was ever started.
    pub const fn was_started(&self) -> bool {
        !matches!(self.state, State::Waiting)
    }

    /// How it ended, if it did.
    pub const fn ending(&self) -> Option<&Ending> {
        match &self.state {
            State::Over { ending, .. } => Some(ending),
            State::Waiting | State::Running { .. } => None,
        }
    }

    /// The visit that is under way.
    pub fn current(&self) -> Option<&Visit> {
        if self.is_running() { self.visits.last() } else { None }
    }

    /// Starts it; nothing when it was started before.
    pub fn start(&mut self, now: Duration, by: StartedBy, around: &dyn Surroundings) -> Vec<Wish> {
        if self.state == State::Waiting {
            self.state = State::Running { since: now, by: by.clone() };
            self.note(Noted::Started { by });
            self.enter(now, 0, around);
        }
        std::mem::take(&mut self.out)
    }

    /// Goes as far as time and the drill around it allow.
    pub fn advance(&mut self, now: Duration, around: &dyn Surroundings) -> Vec<Wish> {
        // Each turn ends a visit or changes nothing, and the number of visits is bounded.
        for _ in 0..=VISITS_MAX {
            let before = (self.visits.len(), self.visits.last().map(|visit| visit.at.clone()));
            self.look(now, around);
            if before == (self.visits.len(), self.visits.last().map(|visit| visit.at.clone())) {
                break;
            }
        }
        self.take_back_further(now);
        std::mem::take(&mut self.out)
    }

    /// Ends it before its end.
    pub fn cut_short(&mut self, now: Duration, why: &str) -> Vec<Wish> {
        if self.is_running() {
            self.stop_current();
            if let Some(visit) = self.visits.last_mut().filter(|visit| visit.finished.is_none()) {
                // Whoever had taken it may have done half of it.
                if visit.waits_for_people() && visit.taken.is_some() {
                    visit.tried.get_or_insert(now);
                }
                let result = StepResult::Skipped { why: why.to_owned() };
                visit.at = At::Nothing;
                visit.finished = Some((now, result.clone()));
                let step = self.book.steps[visit.step].id.clone();
                self.note(Noted::Finished { step, result });
            }
            self.end(now, Ending::CutShort { why: why.to_owned() });
        }
        std::mem::take(&mut self.out)
    }

    /// The next moment at which time alone changes something.
    pub fn wake(&self) -> Option<Duration> {
        let own = self.current().and_then(|visit| match visit.at {
            At::People { until } | At::Attempt { until } | At::Verify { until } | At::Probe { until } => {
                Some(until)
            }
            At::Retry { at } => Some(at),
            At::Nothing => None,
        });
        own.into_iter().chain(self.taken_back.wake()).min()
    }

    fn note(&mut self, noted: Noted) {
        self.out.push(Wish::Note(noted));
    }

    fn end(&mut self, now: Duration, ending: Ending) {
        if let State::Running { since, by } = self.state.clone() {
            self.state = State::Over { since, at: now, by, ending: ending.clone() };
            self.note(Noted::Ended { ending });
        }
    }

    /// Ends whatever the edge does for the step that is under way.
    fn stop_current(&mut self) {
        let Some(visit) = self.visits.last() else { return };
        let step = &self.book.steps[visit.step];
        let own = step.verify.as_ref().is_some_and(|verify| matches!(verify.check, Check::Own(_)));
        if matches!(visit.at, At::Attempt { .. }) || (own && visit.is_being_verified()) {
            self.out.push(Wish::Stop { step: step.id.clone() });
        }
    }
}
