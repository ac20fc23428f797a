//! A tale with a playbook: a person looks, then a breaker is opened. It starts at the impact, 10 s.

use std::collections::BTreeMap;
use std::time::Duration;

use super::tale::{Tale, attempted, ok, s};
use crate::drill::event::Event;
use crate::fault::Period;
use crate::playbook::event::{Attempt, StepAnswer};
use crate::playbook::plan::{Action, Check, Objectives, OnFailure, Playbook, Retry, Step, Undo, Verify};
use crate::scenario::plan::{HttpRequest, People, PlaybookStart, PlaybookUse, Tolerance};

/// A person looks, takes that on at 12 s, is done at 15 s. The breaker is opened by 20 s, and the service is back at
/// 30 s, while the fault is on. Everything is verified, and what can be taken back is.
pub(super) fn restored() -> Tale {
    book(vec![look(), breaker()])
        .with(|tale| tale.recovered = Some(s(30)))
        .says_of("look", s(12), StepAnswer::Taken {})
        .says_of("look", s(15), done())
        .then(s(20), attempted("breaker", 1, false, ok()))
}

/// These steps, started by the impact; nothing happens to them yet.
pub(super) fn book(steps: Vec<Step>) -> Tale {
    let book = Playbook {
        name: "payments-degraded".to_owned(),
        title: None,
        owner: None,
        triggers: vec![],
        objectives: Objectives::default(),
        inputs: BTreeMap::new(),
        secrets: BTreeMap::new(),
        contacts: vec![],
        steps,
    };
    let used = PlaybookUse {
        name: book.name.clone(),
        start: PlaybookStart::Impact,
        people: People::Ask,
        undo: true,
    };
    Tale::plain().with(|tale| tale.playbook = Some((book, used)))
}

/// The playbook alone: no fault, no impact.
pub(super) fn alone(steps: Vec<Step>) -> Tale {
    book(steps).start(PlaybookStart::AtOnce).with(|tale| {
        tale.without_fault = true;
        (tale.effect, tale.impact, tale.removed, tale.recovered) = (None, None, None, None);
    })
}

impl Tale {
    pub(super) fn says_of(self, step: &str, at: Duration, answer: StepAnswer) -> Self {
        let (step, who) = (step.to_owned(), "ana".to_owned());
        self.then(at, Event::StepAnswered { step, who, role: None, answer })
    }

    pub(super) fn acts(self, at: Duration, text: &str) -> Self {
        self.then(at, Event::ActionTaken { who: "ben".to_owned(), text: text.to_owned() })
    }

    pub(super) fn start(self, start: PlaybookStart) -> Self {
        self.used(|used| used.start = start)
    }

    pub(super) fn used(self, change: impl FnOnce(&mut PlaybookUse)) -> Self {
        self.with(|tale| change(&mut tale.playbook.as_mut().unwrap().1))
    }

    pub(super) fn playbook(self, change: impl FnOnce(&mut Playbook)) -> Self {
        self.with(|tale| change(&mut tale.playbook.as_mut().unwrap().0))
    }

    /// Changes the step with this id.
    pub(super) fn step(self, id: &str, change: impl FnOnce(&mut Step)) -> Self {
        self.playbook(|book| change(book.steps.iter_mut().find(|step| step.id == id).unwrap()))
    }
}

pub(super) fn done() -> StepAnswer {
    StepAnswer::Done { answers: BTreeMap::new() }
}

pub(super) fn failed(why: &str) -> Attempt {
    Attempt::Failed { why: why.to_owned() }
}

/// A person does something.
pub(super) fn look() -> Step {
    let action = Action::Manual { text: "look at the dashboard".to_owned(), questions: vec![] };
    Step {
        role: Some("responder".to_owned()),
        mutates: false,
        verify: None,
        undo: None,
        ..post("look", action)
    }
}

/// A request that changes the system, with a way back, verified by the steady state.
pub(super) fn breaker() -> Step {
    post("breaker", request("POST"))
}

pub(super) fn request(method: &str) -> Action {
    Action::Http {
        request: HttpRequest {
            method: method.to_owned(),
            url: "http://127.0.0.1:1/breaker".to_owned(),
            headers: BTreeMap::new(),
            body: None,
            ca: None,
        },
        tolerance: Tolerance::default(),
    }
}

pub(super) fn post(id: &str, action: Action) -> Step {
    let retry = Retry { attempts: 1, delay: Period::ZERO };
    Step {
        id: id.to_owned(),
        title: None,
        role: None,
        links: vec![],
        action,
        when: None,
        next: vec![],
        retry,
        timeout: Period::from_secs(200),
        budget: None,
        verify: Some(Verify { check: Check::SteadyState, within: Period::from_secs(25) }),
        on_failure: OnFailure::Stop,
        outputs: BTreeMap::new(),
        mutates: true,
        undo: Some(Undo { action: request("DELETE"), timeout: Period::from_secs(10), retry }),
        end: false,
    }
}
