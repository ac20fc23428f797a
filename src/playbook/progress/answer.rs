//! Steps that people must answer: who may say what when, and what it leads to.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{At, Progress, State, Surroundings};
use crate::playbook::event::{StepAnswer, StepResult, Wish};
use crate::playbook::plan::{Action, Answer, Question, QuestionKind, Step};

/// Somebody's word on a step.
#[derive(Clone, Copy, Debug)]
pub struct Spoken<'a> {
    /// Which step.
    pub step: &'a str,
    /// Who.
    pub who: &'a str,
    /// As whom, where they say so.
    pub role: Option<&'a str>,
    /// What.
    pub answer: &'a StepAnswer,
}

impl Progress {
    /// Whether the playbook can be started by hand now; why not, and what to do instead.
    ///
    /// # Errors
    /// It runs, or it is over.
    pub fn may_start(&self) -> Result<(), String> {
        match &self.state {
            State::Waiting => Ok(()),
            State::Running { by, .. } => {
                Err(format!("playbook `{}` runs already, started by {}", self.book.name, by.words()))
            }
            State::Over { .. } => {
                Err(format!("playbook `{}` was run and is over; a drill runs it once", self.book.name))
            }
        }
    }

    /// Whether this may be said about this step now; why not, and what to do instead.
    ///
    /// # Errors
    /// There is no such step, it does not wait for people, the role may not answer it, or an answer is missing or wrong.
    pub fn may_answer(&self, spoken: Spoken<'_>) -> Result<(), String> {
        let Some(place) = self.book.steps.iter().position(|step| step.id == spoken.step) else {
            let ids: Vec<&str> = self.book.steps.iter().map(|step| step.id.as_str()).collect();
            return Err(format!("there is no step `{}`; the steps are {}", spoken.step, ids.join(", ")));
        };
        let step = &self.book.steps[place];
        let waits = self.current().filter(|visit| visit.step == place && visit.waits_for_people());
        let Some(visit) = waits else { return Err(self.why_not_now(place)) };
        role_fits(step, spoken.role)?;
        if visit.agreed.contains(spoken.who) && matches!(spoken.answer, StepAnswer::Done { .. }) {
            return Err(format!("{} has agreed already; another person must", spoken.who));
        }
        match (spoken.answer, &step.action) {
            (StepAnswer::Done { answers }, Action::Manual { questions, .. }) => {
                answered(step, questions, answers)
            }
            (StepAnswer::Done { answers }, _) if !answers.is_empty() => {
                Err(format!("step `{}` asks no questions", step.id))
            }
            (StepAnswer::Skipped { .. }, Action::Approve { .. }) => {
                Err(format!("`{}` is agreed to (done) or refused (fail); it cannot be skipped", step.id))
            }
            _ => Ok(()),
        }
    }

    fn why_not_now(&self, place: usize) -> String {
        let id = &self.book.steps[place].id;
        let last = self.visits.iter().rev().find(|visit| visit.step == place);
        let now = match self.current() {
            Some(visit) => format!("the playbook is at `{}`", self.step(visit).id),
            None if self.was_started() => "the playbook is over".to_owned(),
            None => "the playbook has not begun".to_owned(),
        };
        match last.and_then(|visit| Some((visit, visit.finished.as_ref()?))) {
            Some((visit, (_, result))) => {
                let by = visit.who.as_ref().map_or(String::new(), |who| format!(" by {who}"));
                format!("step `{id}` is over already ({}{by}); {now}", result.word())
            }
            None if last.is_some() => format!("step `{id}` is not one that people answer; {now}"),
            None => format!("step `{id}` does not wait for an answer; {now}"),
        }
    }

    /// Takes in what a person said; it was allowed.
    pub fn on_answer(&mut self, now: Duration, spoken: Spoken<'_>, around: &dyn Surroundings) -> Vec<Wish> {
        if self.may_answer(spoken).is_ok() {
            self.take(now, spoken, around);
        }
        std::mem::take(&mut self.out)
    }

    fn take(&mut self, now: Duration, spoken: Spoken<'_>, around: &dyn Surroundings) {
        let Some(visit) = self.visits.last_mut() else { return };
        let step = &self.book.steps[visit.step];
        visit.taken.get_or_insert(now);
        visit.who = Some(spoken.who.to_owned());
        visit.role = spoken.role.map(str::to_owned).or_else(|| step.role.clone());
        let result = match spoken.answer {
            StepAnswer::Taken {} => return,
            StepAnswer::Stuck { .. } => {
                visit.stuck += 1;
                return;
            }
            StepAnswer::Done { answers } => {
                visit.answers = answers.clone();
                if let Action::Approve { count, .. } = &step.action {
                    visit.agreed.insert(spoken.who.to_owned());
                    if visit.agreed.len() < *count as usize {
                        return;
                    }
                }
                visit.at = At::Nothing;
                self.done(now, around);
                return;
            }
            StepAnswer::Skipped { why } => StepResult::Skipped { why: said_by(spoken.who, why) },
            StepAnswer::Failed { why } => StepResult::Failed { why: said_by(spoken.who, why) },
        };
        if result.is_failure() {
            self.acted(now);
        }
        self.over(now, result, around);
    }
}

fn said_by(who: &str, why: &str) -> String {
    if why.is_empty() { format!("said {who}") } else { format!("{why} (said {who})") }
}

/// An approval needs one of its roles. A step's role may go without saying, where one person plays them all.
fn role_fits(step: &Step, role: Option<&str>) -> Result<(), String> {
    if let Action::Approve { from, .. } = &step.action {
        let fits = role.is_some_and(|role| from.iter().any(|allowed| allowed == role));
        let may = from.join(", ");
        return match role {
            _ if fits || from.is_empty() => Ok(()),
            Some(role) => Err(format!("`{role}` may not approve `{}`; {may} may", step.id)),
            None => Err(format!("say as whom you approve `{}`: --role one of {may}", step.id)),
        };
    }
    match (&step.role, role) {
        (Some(needed), Some(role)) if needed != role => {
            Err(format!("step `{}` is for the role `{needed}`, not `{role}`", step.id))
        }
        _ => Ok(()),
    }
}

/// Whether the answers are those that were asked for; says all that is wrong with them.
fn answered(step: &Step, questions: &[Question], answers: &BTreeMap<String, Answer>) -> Result<(), String> {
    let mut wrong = Vec::new();
    for (id, answer) in answers {
        let Some(question) = questions.iter().find(|question| question.id == *id) else {
            let ids: Vec<&str> = questions.iter().map(|question| question.id.as_str()).collect();
            let ids = if ids.is_empty() { "nothing".to_owned() } else { ids.join(", ") };
            wrong.push(format!("it does not ask `{id}`; it asks {ids}"));
            continue;
        };
        let needed = match (&question.kind, answer) {
            (QuestionKind::Boolean, Answer::Boolean(_))
            | (QuestionKind::Number, Answer::Number(_))
            | (QuestionKind::Text, Answer::Text(_)) => continue,
            (QuestionKind::Choice(choices), Answer::Text(text)) if choices.contains(text) => continue,
            (QuestionKind::Boolean, _) => "true or false".to_owned(),
            (QuestionKind::Number, _) => "a number".to_owned(),
            (QuestionKind::Text, _) => "a text".to_owned(),
            (QuestionKind::Choice(choices), _) => format!("one of {}", choices.join(", ")),
        };
        wrong.push(format!("`{id}` needs {needed}"));
    }
    for question in questions.iter().filter(|question| !answers.contains_key(&question.id)) {
        wrong.push(format!("`{}` is not answered ({}); add --answer {0}=…", question.id, question.title));
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("step `{}`: {}", step.id, wrong.join("; "))) }
}
