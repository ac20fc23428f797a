//! What conditions may name has a value of that kind once its step has run.

use std::collections::BTreeMap;
use std::time::Duration;

use super::resolved;
use crate::playbook::check::shapes_of;
use crate::playbook::event::{Attempt, StartedBy, StepAnswer, Wish};
use crate::playbook::names::NamesHere;
use crate::playbook::plan::{Action, Answer, QuestionKind};
use crate::playbook::progress::{Progress, Spoken, Surroundings};
use crate::playbook::when::{Kind, Names as _, Value, Values as _};
use crate::scenario::plan::{People, PlaybookStart, PlaybookUse};
use crate::text::Source;

/// Every kind of step, with all that it can have.
const ALL: &str = "firedrill: v1
kind: Playbook
name: all
triggers: [Any]
inputs:
  region: {default: eu-1, choices: [eu-1, eu-2]}
  copies: {type: number, default: 4}
  quick: {type: boolean, default: true}
  words: free
steps:
  - id: of-http
    title: ${inputs.region} ${inputs.copies} ${inputs.quick} ${inputs.words}
    http: {url: 'http://127.0.0.1/', method: PUT}
    outputs: {id: {json: $.id}, the-place: {header: location}}
    verify: {probe: {tcp: '127.0.0.1:1'}}
    undo: {run: [./back]}
  - {id: of-run, run: [./x], outputs: {ticket: (a)}, verify: steady_state, undo: {run: [./y]}}
  - {id: of-probe, probe: steady_state, verify: checkout-http}
  - {id: of-notify, notify: Hello., verify: steady_state}
  - {id: of-host, host: {target: host/local, process_kill: x}, verify: steady_state, undo: {run: [./y]}}
  - {id: of-approve, approve: [ops], verify: steady_state}
  - id: of-manual
    manual: Look.
    verify: steady_state
    questions:
      - {id: slow, type: boolean}
      - {id: how-many, type: number}
      - {id: why}
      - {id: colour, choices: [red, green]}
";

/// All is well, and there was an impact.
struct Well;

impl Surroundings for Well {
    fn impact(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }

    fn is_good(&self, _: Option<&str>, _: Duration) -> Result<(), String> {
        Ok(())
    }
}

fn answer(kind: &QuestionKind) -> Answer {
    match kind {
        QuestionKind::Boolean => Answer::Boolean(true),
        QuestionKind::Number => Answer::Number(3.0),
        QuestionKind::Text => Answer::Text("because".to_owned()),
        QuestionKind::Choice(choices) => Answer::Text(choices[0].clone()),
    }
}

/// Gives the playbook what it waits for, until it is over.
fn play(progress: &mut Progress) {
    let now = Duration::from_secs(2);
    let mut wishes = progress.start(now, StartedBy::Command {}, &Well);
    for _ in 0..50 {
        let Some(wish) = wishes.pop() else {
            wishes = progress.advance(now, &Well);
            let people = progress.current().filter(|visit| visit.waits_for_people());
            if let Some(step) = people.map(|visit| progress.step(visit).clone()) {
                let answers = match &step.action {
                    Action::Manual { questions, .. } => questions
                        .iter()
                        .map(|question| (question.id.clone(), answer(&question.kind)))
                        .collect(),
                    _ => BTreeMap::new(),
                };
                let answer = StepAnswer::Done { answers };
                let spoken = Spoken { step: &step.id, who: "ana", role: Some("ops"), answer: &answer };
                progress.may_answer(spoken).unwrap();
                wishes.extend(progress.on_answer(now, spoken, &Well));
            }
            continue;
        };
        match wish {
            Wish::Run(job) => {
                let outputs = job.outputs.keys().map(|name| (name.clone(), "kept".to_owned())).collect();
                let outcome = Attempt::Ok { outputs, detail: String::new() };
                let which = (job.step.as_str(), job.attempt, job.undo);
                wishes.extend(progress.on_attempt(now, which, outcome, &Well));
            }
            Wish::Verify { step, .. } => wishes.extend(progress.on_verified(now, &step, &Well)),
            Wish::Stop { .. } | Wish::Note(_) => {}
        }
    }
}

fn fits(kind: &Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Boolean, Value::Boolean(_))
        | (Kind::Number, Value::Number(_))
        | (Kind::Text, Value::Text(_)) => true,
        (Kind::Choice(choices), Value::Text(text)) => choices.contains(text),
        _ => false,
    }
}

#[test]
fn every_name_has_a_value_of_its_kind_after_a_run() {
    let book = resolved("all.yaml", ALL, &[]);
    let used =
        PlaybookUse { name: "all".to_owned(), start: PlaybookStart::AtOnce, people: People::Ask, undo: true };
    let shapes = shapes_of(&Source::new("all.yaml", ALL));
    let region = Kind::Choice(vec!["eu-1".to_owned(), "eu-2".to_owned()]);
    let inputs =
        [("region", region), ("copies", Kind::Number), ("quick", Kind::Boolean), ("words", Kind::Text)];
    let inputs: BTreeMap<String, Kind> =
        inputs.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect();
    let names = NamesHere { inputs: &inputs, steps: &shapes, own: Some(shapes.len() - 1) };
    let mut progress = Progress::new(book, used);
    let nothing = progress.known(&Well);
    assert_eq!(nothing.value(&["steps", "of_run", "outcome"]), None, "nothing has run");
    play(&mut progress);
    assert_eq!(progress.visits().len(), 7, "{:?}", progress.state());
    let known = progress.known(&Well);
    let all = names.known();
    assert!(all.len() > 40, "{all:?}");
    for name in &all {
        let path: Vec<&str> = name.split('.').collect();
        let kind = names.kind(&path).unwrap_or_else(|| panic!("{name} is listed and not known"));
        let value = known.value(&path).unwrap_or_else(|| panic!("{name} has no value"));
        assert!(fits(&kind, &value), "{name} is {value:?}, not {kind:?}");
    }
    for name in ["slow", "how_many", "steps.of_http.the_place", "steps.of_http.outputs.the_place", "outcome"]
    {
        assert!(all.iter().any(|known| known == name), "{name} is not listed");
    }
}

#[test]
fn what_has_no_name_has_no_value() {
    let mut progress = Progress::new(
        resolved("all.yaml", ALL, &[]),
        PlaybookUse { name: "all".into(), start: PlaybookStart::AtOnce, people: People::Ask, undo: true },
    );
    play(&mut progress);
    let (shapes, inputs) = (shapes_of(&Source::new("all.yaml", ALL)), BTreeMap::new());
    let names = NamesHere { inputs: &inputs, steps: &shapes, own: None };
    let known = progress.known(&Well);
    for name in [
        "inputs.none",
        "steps.of_run.approved",
        "steps.of_run.none",
        "steps.none.outcome",
        "impact.at",
        "steps",
    ] {
        let path: Vec<&str> = name.split('.').collect();
        assert_eq!((names.kind(&path), known.value(&path)), (None, None), "{name}");
    }
}
