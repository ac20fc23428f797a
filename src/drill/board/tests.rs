//! The playbook on the board: what it folds from events and commands is what the drill knows.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::drill::{Drill, walk};
use crate::playbook::event::{Attempt, StepAnswer};
use crate::scenario::plan::{People, PlaybookStart, PlaybookUse};

fn step(id: &str, action: Value) -> Value {
    json!({
        "id": id, "title": null, "role": null, "links": [], "action": action, "when": null, "next": [],
        "retry": {"attempts": 2, "delay": "5s"}, "timeout": "1m", "budget": null, "verify": null,
        "on_failure": "continue", "outputs": {}, "mutates": false, "undo": null, "end": false
    })
}

/// Finds the leader, restarts it (verified, with a way back), has people look and agree, and writes to somebody.
fn book() -> Playbook {
    let run = |word: &str| json!({"run": {"argv": [word], "env": {}, "exit": 0}});
    let mut restart = step("restart", run("restart"));
    restart["verify"] = json!({"check": {"named": "shop"}, "within": "20s"});
    restart["undo"] =
        json!({"action": run("back"), "timeout": "5s", "retry": {"attempts": 1, "delay": "1s"}});
    let text = "Is ${steps.find.leader} up since ${impact.at}? Rate ${steps.later.x}; ${secrets.KEY}";
    let question = json!({"id": "rate", "title": "Errors per second?", "kind": "number"});
    let mut look = step("look", json!({"manual": {"text": text, "questions": [question]}}));
    look["budget"] = "10s".into();
    let agree = step("agree", json!({"approve": {"from": ["lead"], "count": 2}}));
    let tell =
        step("tell", json!({"notify": {"audience": "all", "text": "rate ${steps.look.answers.rate}"}}));
    serde_json::from_value(json!({
        "name": "book", "title": "The book", "owner": null, "triggers": [],
        "objectives": {"rto": null, "rpo": null}, "inputs": {}, "secrets": {}, "contacts": [],
        "steps": [step("find", run("find")), restart, look, agree, tell]
    }))
    .unwrap()
}

fn plan() -> Plan {
    let used =
        PlaybookUse { name: "book".into(), start: PlaybookStart::AtOnce, people: People::Ask, undo: true };
    let mut plan = walk::plan(false);
    plan.faults.clear();
    plan.abort.clear();
    Plan { playbook: Some(used), ..plan }
}

struct Played {
    drill: Drill,
    board: Board,
    at: u64,
}

impl Played {
    /// Up to the first step.
    fn begin() -> Self {
        let (drill, commands) = Drill::start(plan(), Some(book()));
        let board = Board::new(&plan(), Some(&book()));
        let mut played = Self { drill, board, at: 0 };
        played.show(commands);
        played.happen(Event::PreflightFinished { refusals: vec![], warnings: vec![] });
        played.probe(true);
        played.at = 1;
        played.happen(Event::TimePassed {});
        played
    }

    fn happen(&mut self, event: Event) {
        let mono = Duration::from_secs(self.at);
        self.board.event(&Timed { mono, event: event.clone() });
        let commands = self.drill.next(mono, event);
        self.show(commands);
        self.is_what_the_drill_knows();
    }

    fn show(&mut self, commands: Vec<Command>) {
        for event in commands {
            self.board.command(&Timed { mono: Duration::from_secs(self.at), event });
        }
    }

    fn probe(&mut self, good: bool) {
        let failure = (!good).then(|| "status 500".to_owned());
        let began = Duration::from_secs(self.at);
        let sample = Sample { began, took: Duration::ZERO, failure, value: None, detail: None };
        self.happen(Event::ProbeSampled { probe: "shop".into(), sample });
    }

    fn attempt(&mut self, step: &str, attempt: u32, outcome: Attempt) {
        self.happen(Event::StepAttempted { step: step.into(), attempt, undo: false, outcome });
    }

    fn ok(&mut self, step: &str, attempt: u32, outputs: &[(&str, &str)]) {
        let outputs = outputs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        self.attempt(step, attempt, Attempt::Ok { outputs, detail: "exit 0".into() });
    }

    fn says(&mut self, step: &str, who: &str, answer: StepAnswer) {
        let role = (step == "agree").then(|| "lead".to_owned());
        self.happen(Event::StepAnswered { step: step.into(), who: who.into(), role, answer });
    }

    #[track_caller]
    fn is_what_the_drill_knows(&self) {
        let (board, progress) = (self.board.playbook.as_ref().unwrap(), self.drill.playbook().unwrap());
        assert_eq!(board.visits.len(), progress.visits().len());
        for (shown, known) in board.visits.iter().zip(progress.visits()) {
            assert_eq!(
                (shown.step, shown.entered, shown.taken, shown.attempts, &shown.finished),
                (known.step, known.entered, known.taken, known.attempts, &known.finished)
            );
            assert_eq!((&shown.who, &shown.agreed, shown.stuck), (&known.who, &known.agreed, known.stuck));
            assert_eq!((&shown.answers, &shown.outputs), (&known.answers, &known.outputs));
        }
        assert_eq!(board.is_running(), progress.is_running());
        let waits = progress.visits().last().is_some_and(crate::playbook::progress::Visit::waits_for_people);
        assert_eq!(board.asks().is_some(), waits && progress.is_running());
    }

    fn line(&self, id: &str) -> StepLine {
        let steps = self.board.playbook.as_ref().unwrap().steps();
        steps.into_iter().find(|step| step.id == id).unwrap()
    }

    #[track_caller]
    fn stands(&self, id: &str, state: StepState, until: Option<u64>) {
        let line = self.line(id);
        assert_eq!((line.state, line.until), (state, until.map(Duration::from_secs)), "{line:?}");
    }
}

#[test]
fn every_state_of_a_step_is_shown_with_the_moment_that_ends_it() {
    let mut played = Played::begin();
    played.stands("find", StepState::Running, Some(60));
    played.stands("restart", StepState::Pending, None);
    played.at = 2;
    played.attempt("find", 1, Attempt::Failed { why: "exit 1".into() });
    played.stands("find", StepState::Retrying, Some(7));
    assert_eq!(played.line("find").why.as_deref(), Some("exit 1"));
    played.at = 7;
    played.happen(Event::TimePassed {});
    played.stands("find", StepState::Running, Some(67));
    played.probe(false);
    played.ok("find", 2, &[("leader", "db-2")]);
    played.stands("find", StepState::Done, None);
    played.stands("restart", StepState::Running, Some(67));
    played.at = 8;
    played.ok("restart", 1, &[]);
    played.stands("restart", StepState::Verifying, Some(28));
    played.at = 28;
    played.happen(Event::TimePassed {});
    played.stands("restart", StepState::NotVerified, None);
    let why = played.line("restart").why.unwrap();
    assert!(why.starts_with("not good within 20s: shop"), "{why}");
    played.stands("look", StepState::Asking, Some(88));
}

fn at_the_question() -> Played {
    let mut played = Played::begin();
    played.ok("find", 1, &[("leader", "db-2")]);
    played.ok("restart", 1, &[]);
    played.at = 5;
    played.probe(true);
    played
}

#[test]
fn people_see_what_is_asked_of_them_with_what_is_known_filled_in_and_no_secret() {
    let mut played = at_the_question();
    played.stands("restart", StepState::Verified, None);
    let ask = played.board.playbook.as_ref().unwrap().asks().unwrap();
    assert_eq!(
        ask.text,
        "Is db-2 up since (no impact yet)? Rate (`steps.later.x` is not known); ${secrets.KEY}"
    );
    assert_eq!(ask.questions[0].id, "rate");
    let secs = Duration::from_secs;
    let since = ask.since.as_secs();
    assert_eq!((ask.until, ask.budget_until), (secs(since + 60), Some(secs(since + 10))));
    played.says("look", "ana", StepAnswer::Taken {});
    played.says("look", "ana", StepAnswer::Stuck { why: "which screen?".into() });
    let ask = played.board.playbook.as_ref().unwrap().asks().unwrap();
    assert_eq!((ask.who.as_deref(), ask.stuck), (Some("ana"), 1));
    let answers = [("rate".to_owned(), crate::playbook::plan::Answer::Number(0.5))].into();
    played.says("look", "ana", StepAnswer::Done { answers });
    let ask = played.board.playbook.as_ref().unwrap().asks().unwrap();
    assert_eq!((ask.step.as_str(), ask.is_approval, ask.needed), ("agree", true, 2));
    played.says("agree", "ana", StepAnswer::Done { answers: [].into() });
    let ask = played.board.playbook.as_ref().unwrap().asks().unwrap();
    assert_eq!((ask.agreed, ask.roles), (vec!["ana".to_owned()], vec!["lead".to_owned()]));
    played.says("agree", "ben", StepAnswer::Done { answers: [].into() });
    assert_eq!(played.board.playbook.as_ref().unwrap().asks(), None);
    let told = played.board.playbook.as_ref().unwrap().shown("rate ${steps.look.answers.rate}");
    assert_eq!(told, "rate 0.5");
}

#[test]
fn the_time_of_the_impact_is_a_time_of_day_where_one_is_known() {
    let impact = Timed {
        mono: Duration::from_secs(65),
        event: Command::Record(Record::ImpactSeen { probe: "shop".into() }),
    };
    let shown = |mut board: Board| {
        board.command(&impact);
        board.playbook.unwrap().shown("since ${impact.at}")
    };
    assert_eq!(shown(Board::new(&plan(), Some(&book()))), "since +65.0s");
    let began = "2026-11-21T10:00:00.25Z".parse().unwrap();
    assert_eq!(shown(Board::new(&plan(), Some(&book())).began(began)), "since 2026-11-21T10:01:05Z");
}

#[test]
fn the_way_back_is_seen_from_its_plan_to_its_end() {
    let mut played = at_the_question();
    played.says("look", "ana", StepAnswer::Skipped { why: "known".into() });
    played.stands("look", StepState::Skipped, None);
    played.says("agree", "ana", StepAnswer::Failed { why: "no".into() });
    played.stands("agree", StepState::Failed, None);
    played.ok("tell", 1, &[]);
    for at in 6..30 {
        played.at = at;
        played.probe(true);
        if played.line("restart").way_back == WayBack::Going {
            break;
        }
    }
    assert_eq!(played.line("restart").way_back, WayBack::Going);
    assert_eq!(played.line("find").way_back, WayBack::NotTaken);
    let outcome = Attempt::Failed { why: "gone".into() };
    played.happen(Event::StepAttempted { step: "restart".into(), attempt: 1, undo: true, outcome });
    assert_eq!(played.line("restart").way_back, WayBack::Failed { why: "gone".into() });
    assert!(matches!(
        played.board.playbook.as_ref().unwrap().standing(),
        Standing::Over { ending: crate::playbook::event::Ending::Completed {}, .. }
    ));
}
