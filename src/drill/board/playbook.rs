//! How far the playbook of a drill is, as people see it: folded from the same events and commands as the rest.

use std::time::Duration;

use jiff::Timestamp;

use super::step::{Ask, Doing, StepLine, StepState, WayBack, line};
use crate::drill::event::{Command, Event, Record};
use crate::drill::words::{Said, Tone, short, stamp};
use crate::playbook::event::{Attempt, StepAnswer, StepResult};
use crate::playbook::plan::{Action, Check, Playbook, Step};
pub use crate::playbook::progress::State as Standing;
use crate::playbook::progress::{Visit, shown};
use crate::scenario::plan::{People, PlaybookUse};

/// The playbook of a drill.
#[derive(Clone, Debug)]
pub struct PlaybookBoard {
    pub(super) book: Playbook,
    used: PlaybookUse,
    standing: Standing,
    pub(super) visits: Vec<Visit>,
    /// What the last visit is at.
    pub(super) doing: Doing,
    /// The way back of each step, by place.
    pub(super) ways_back: Vec<WayBack>,
    impact: Option<Duration>,
    began: Option<Timestamp>,
}

impl PlaybookBoard {
    /// A playbook that nothing has started.
    pub(super) fn new(book: Playbook, used: PlaybookUse) -> Self {
        let ways_back = vec![WayBack::NotTaken; book.steps.len()];
        let standing = Standing::Waiting;
        let (visits, doing) = (Vec::new(), Doing::nothing());
        Self { book, used, standing, visits, doing, ways_back, impact: None, began: None }
    }

    /// The playbook itself.
    pub fn book(&self) -> &Playbook {
        &self.book
    }

    /// How it is exercised.
    pub fn used(&self) -> &PlaybookUse {
        &self.used
    }

    /// Where it is.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Whether it runs.
    pub const fn is_running(&self) -> bool {
        matches!(self.standing, Standing::Running { .. })
    }

    /// Its steps, in file order.
    pub fn steps(&self) -> Vec<StepLine> {
        (0..self.book.steps.len()).map(|place| line(self, place)).collect()
    }

    /// The place of the step that is under way.
    pub fn current(&self) -> Option<usize> {
        let last = self.visits.last().filter(|_| self.is_running())?;
        last.finished.is_none().then_some(last.step)
    }

    /// What people are asked now.
    pub fn asks(&self) -> Option<Ask> {
        self.current().filter(|_| self.doing.state == StepState::Asking)?;
        Some(Ask::of(self, self.visits.last()?, self.doing.until.unwrap_or_default()))
    }

    /// A text of the playbook with what is known filled in.
    pub fn shown(&self, text: &str) -> String {
        let impact = self.impact.map(|at| (at, self.wall(at)));
        shown(text, (&self.book, &self.visits), impact.as_ref().map(|(at, wall)| (*at, wall.as_str())))
    }

    /// The time of day where it is known, else since the drill began.
    fn wall(&self, at: Duration) -> String {
        match self.began.and_then(|began| began.checked_add(at).ok()) {
            Some(wall) => format!("{wall:.0}"),
            None => stamp(at),
        }
    }

    pub(super) fn set_began(&mut self, began: Timestamp) {
        self.began = Some(began);
    }

    pub(super) fn event(&mut self, now: Duration, event: &Event) {
        match event {
            Event::StepAnswered { step, who, role, answer } => {
                self.answered(now, step, (who, role.as_deref()), answer);
            }
            Event::StepAttempted { step, attempt, undo, outcome } => {
                self.attempted(now, (step, *attempt, *undo), outcome);
            }
            _ => {}
        }
    }

    pub(super) fn command(&mut self, now: Duration, command: &Command) {
        match command {
            Command::RunStep(job) if job.undo => self.way_back(&job.step, WayBack::Going),
            Command::RunStep(job) => {
                let until = Some(now + job.timeout.duration());
                if let Some((visit, doing, _)) = self.last(&job.step) {
                    visit.attempts = job.attempt;
                    (doing.state, doing.until) = (StepState::Running, until);
                }
            }
            Command::Record(record) => self.record(now, record),
            _ => {}
        }
    }

    /// The words for an event, with what only the playbook knows of it. Call it after [`event`](Self::event).
    pub(super) fn event_said(&self, event: &Event, mut said: Said) -> Said {
        match event {
            Event::StepAnswered { step, answer: StepAnswer::Done { .. }, .. } => {
                let Some(visit) = self.of_current(step) else { return said };
                if let Action::Approve { count, .. } = &self.book.steps[visit.step].action {
                    said.add(&format!("; {} of {count} agreed", visit.agreed.len()));
                }
                // Otherwise the end of the step comes at once.
                said.noteworthy = matches!(self.doing.state, StepState::Asking | StepState::Verifying);
            }
            Event::StepAttempted { step, undo: false, outcome, attempt } => {
                let retries = self.doing.state == StepState::Retrying && self.of_current(step).is_some();
                if retries && !matches!(outcome, Attempt::Ok { .. }) {
                    let retry = self.book.steps[self.visits[self.visits.len() - 1].step].retry;
                    let (next, of, delay) = (attempt + 1, retry.attempts, retry.delay);
                    said.add(&format!("; attempt {next} of {of} in {delay}"));
                } else {
                    said.noteworthy = false;
                }
            }
            _ => {}
        }
        said
    }

    /// The words for a command, with what only the playbook knows of it. Call it after [`command`](Self::command).
    pub(super) fn command_said(&self, command: &Command, mut said: Said) -> Said {
        match command {
            Command::RunStep(job) if !job.undo => {
                if let Action::Notify { audience, text } = &job.action {
                    return Said::new(Tone::Plain, format!("{audience} is told: {}", self.shown(text)));
                }
            }
            Command::Record(Record::StepEntered { step }) => {
                if let Some(ask) = self.asks().filter(|ask| ask.step == *step) {
                    return Said::new(Tone::Notice, asked(&ask));
                }
            }
            Command::Record(Record::StepFinished { result, step: _ }) => {
                let Some(visit) = self.visits.last() else { return said };
                let planned = &self.book.steps[visit.step];
                if let (Some(verify), StepResult::Ok { verified: true }) = (&planned.verify, result) {
                    said.add(&format!(": {} again", good(&verify.check)));
                }
                if let (Some((at, _)), false) =
                    (&visit.finished, matches!(result, StepResult::Skipped { .. }))
                {
                    let who = visit.who.as_ref().filter(|_| matches!(result, StepResult::Ok { .. }));
                    let by = who.map_or(String::new(), |who| format!(", {who}"));
                    let took = short(at.saturating_sub(visit.entered));
                    said.add(&format!(" (took {took}{by})"));
                }
            }
            _ => {}
        }
        said
    }

    /// The last visit, when it is of this step and not over.
    fn of_current(&self, id: &str) -> Option<&Visit> {
        let visit = self.visits.last()?;
        (self.book.steps[visit.step].id == id && visit.finished.is_none()).then_some(visit)
    }

    fn record(&mut self, now: Duration, record: &Record) {
        match record {
            Record::ImpactSeen { .. } => self.impact = Some(now),
            Record::PlaybookStarted { by } => {
                self.standing = Standing::Running { since: now, by: by.clone() };
            }
            Record::PlaybookEnded { ending } => {
                if let Standing::Running { since, by } = self.standing.clone() {
                    self.standing = Standing::Over { since, at: now, by, ending: ending.clone() };
                }
            }
            Record::StepEntered { step } => {
                let Some(place) = self.place(step) else { return };
                self.doing = begun(&self.book.steps[place], self.used.people, now);
                self.visits.push(Visit::new(place, now));
            }
            Record::StepFinished { step, result } => {
                if let Some((visit, ..)) = self.last(step) {
                    visit.finished = Some((now, result.clone()));
                }
            }
            Record::PlaybookUndoing { steps } => {
                steps.iter().for_each(|step| self.way_back(step, WayBack::Planned));
            }
            Record::StepUndone { step, failed: None } => self.way_back(step, WayBack::Done),
            Record::StepUndone { step, failed: Some(why) } => {
                self.way_back(step, WayBack::Failed { why: why.clone() });
            }
            _ => {}
        }
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.book.steps.iter().position(|step| step.id == id)
    }

    fn way_back(&mut self, id: &str, way: WayBack) {
        if let Some(place) = self.place(id) {
            self.ways_back[place] = way;
        }
    }

    /// The last visit, if it is of this step and not over, what it is at, and the step.
    fn last(&mut self, id: &str) -> Option<(&mut Visit, &mut Doing, &Step)> {
        let visit = self.visits.last_mut()?;
        let step = &self.book.steps[visit.step];
        (step.id == id && visit.finished.is_none()).then_some((visit, &mut self.doing, step))
    }

    fn answered(&mut self, now: Duration, id: &str, (who, role): (&str, Option<&str>), answer: &StepAnswer) {
        let Some((visit, doing, step)) = self.last(id) else { return };
        visit.taken.get_or_insert(now);
        visit.who = Some(who.to_owned());
        visit.role = role.map(str::to_owned).or_else(|| step.role.clone());
        match answer {
            StepAnswer::Taken {} | StepAnswer::Skipped { .. } | StepAnswer::Failed { .. } => {}
            StepAnswer::Stuck { .. } => visit.stuck += 1,
            StepAnswer::Done { answers } => {
                visit.answers = answers.clone();
                if let Action::Approve { count, .. } = &step.action {
                    visit.agreed.insert(who.to_owned());
                    if visit.agreed.len() < *count as usize {
                        return;
                    }
                }
                doing.verify(step, now);
            }
        }
    }

    fn attempted(&mut self, now: Duration, (id, attempt, undo): (&str, u32, bool), outcome: &Attempt) {
        let Some((visit, doing, step)) = self.last(id) else { return };
        if undo || visit.attempts != attempt {
            return;
        }
        match outcome {
            Attempt::Ok { outputs, detail: _ } => {
                visit.outputs = outputs.clone();
                doing.verify(step, now);
            }
            Attempt::Failed { why } | Attempt::TimedOut { why } => {
                doing.failed = Some(why.clone());
                if attempt < step.retry.attempts {
                    doing.state = StepState::Retrying;
                    doing.until = Some(now + step.retry.delay.duration());
                }
            }
        }
    }
}

/// What a step does once it is entered.
fn begun(step: &Step, people: People, now: Duration) -> Doing {
    let state = match &step.action {
        Action::Manual { .. } | Action::Approve { .. } if people == People::Ask => StepState::Asking,
        Action::Probe(Check::SteadyState | Check::Named(_)) => StepState::Watching,
        _ => StepState::Running,
    };
    Doing { state, until: Some(now + step.timeout.duration()), failed: None }
}

/// What is asked of people, in one line.
fn asked(ask: &Ask) -> String {
    let whom = if ask.roles.is_empty() { "people".to_owned() } else { ask.roles.join(" or ") };
    let parts = if ask.is_approval {
        vec![format!("step {} asks {whom} to agree", ask.step), ask.title.clone().unwrap_or_default()]
    } else {
        let title = ask.title.as_ref().map_or(String::new(), |title| format!("{title}. "));
        let questions = ask.questions.iter().map(|question| question.title.clone());
        let what = std::iter::once(format!("{title}{}", ask.text)).chain(questions);
        vec![format!("step {} asks {whom}", ask.step), what.collect::<Vec<_>>().join(" ")]
    };
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join(": ")
}

fn good(check: &Check) -> String {
    match check {
        Check::SteadyState => "the steady state is good".to_owned(),
        Check::Named(name) => format!("{name} is good"),
        Check::Own(probe) => format!("{} is good", probe.name),
    }
}
