//! A playbook alone: what happens to its steps, and what it wants done.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::fault::Period;
use crate::playbook::event::{Attempt, Noted, StepAnswer};
use crate::playbook::plan::{
    Action, Answer, Check, Next, Objectives, OnFailure, Question, QuestionKind, Retry, Step, Undo, Verify,
};
use crate::playbook::when::Expression;
use crate::scenario::plan::People;
use crate::scenario::plan::{Level, PlaybookStart, Probe, ProbeAction, Tolerance};

const fn at(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// What the steps see: which probes are not good.
#[derive(Default)]
struct Scene {
    bad: RefCell<BTreeSet<String>>,
}

impl Surroundings for Scene {
    fn impact(&self) -> Option<Duration> {
        Some(at(1))
    }

    fn is_good(&self, probe: Option<&str>, _: Duration) -> Result<(), String> {
        let bad = self.bad.borrow();
        match probe {
            Some(name) if bad.contains(name) => Err(format!("{name}: bad")),
            None if !bad.is_empty() => Err("something is bad".into()),
            _ => Ok(()),
        }
    }
}

fn step(id: &str, action: Action) -> Step {
    let mutates = action.mutates_by_itself();
    Step {
        id: id.into(),
        title: None,
        role: None,
        links: vec![],
        action,
        when: None,
        next: vec![],
        retry: Retry { attempts: 1, delay: Period::from_secs(5) },
        timeout: Period::from_secs(60),
        budget: None,
        verify: None,
        on_failure: OnFailure::Stop,
        outputs: BTreeMap::new(),
        mutates,
        undo: None,
        end: false,
    }
}

fn run(args: &[&str]) -> Action {
    let argv = args.iter().map(|arg| (*arg).to_owned()).collect();
    Action::Run { argv, env: BTreeMap::new(), exit: 0 }
}

fn manual(questions: Vec<Question>) -> Action {
    Action::Manual { text: "look".into(), questions }
}

fn undo(args: &[&str]) -> Option<Undo> {
    let retry = Retry { attempts: 2, delay: Period::from_secs(1) };
    Some(Undo { action: run(args), timeout: Period::from_secs(10), retry })
}

fn verified_by(check: Check) -> Option<Verify> {
    Some(Verify { check, within: Period::from_secs(20) })
}

fn when(text: &str) -> Option<Expression> {
    Some(Expression::parse(text).unwrap())
}

struct Played {
    progress: Progress,
    scene: Scene,
    now: u64,
    /// What was wished for and noted, in short words.
    said: Vec<String>,
}

impl Played {
    fn of(steps: Vec<Step>) -> Self {
        Self::with(steps, People::Ask)
    }

    fn with(steps: Vec<Step>, people: People) -> Self {
        let book = Playbook {
            name: "book".into(),
            title: None,
            owner: None,
            triggers: vec![],
            objectives: Objectives::default(),
            inputs: BTreeMap::from([("region".to_owned(), Answer::Text("eu-2".to_owned()))]),
            secrets: BTreeMap::new(),
            contacts: vec![],
            steps,
        };
        let used = PlaybookUse { name: "book".into(), start: PlaybookStart::Manual, people, undo: true };
        Self { progress: Progress::new(book, used), scene: Scene::default(), now: 10, said: vec![] }
    }

    fn started(steps: Vec<Step>) -> Self {
        let mut played = Self::of(steps);
        played.start();
        played
    }

    fn start(&mut self) {
        let by = StartedBy::Hand { who: "ana".into() };
        let wishes = self.progress.start(at(self.now), by, &self.scene);
        self.hear(wishes);
    }

    fn hear(&mut self, wishes: Vec<Wish>) {
        for wish in wishes {
            self.said.push(match wish {
                Wish::Run(job) => {
                    let argv = match &job.action {
                        Action::Run { argv, .. } => argv.join(" "),
                        action => action.kind().to_owned(),
                    };
                    format!("{}run {} {}: {argv}", if job.undo { "un" } else { "" }, job.step, job.attempt)
                }
                Wish::Verify { step, .. } => format!("verify {step}"),
                Wish::Stop { step } => format!("stop {step}"),
                Wish::Note(Noted::Started { .. }) => "started".into(),
                Wish::Note(Noted::Entered { step }) => format!("enter {step}"),
                Wish::Note(Noted::Finished { step, result }) => format!("{step} {}", result.word()),
                Wish::Note(Noted::Ended { ending }) => match ending {
                    Ending::Completed {} => "completed".into(),
                    Ending::Failed { step, .. } => format!("failed at {step}"),
                    Ending::CutShort { .. } => "cut short".into(),
                },
                Wish::Note(Noted::Undoing { steps }) => format!("undoing {}", steps.join(" ")),
                Wish::Note(Noted::Undone { step, failed }) => {
                    format!("{step} {}", if failed.is_some() { "not undone" } else { "undone" })
                }
            });
        }
    }

    fn attempt(&mut self, which: (&str, u32, bool), outcome: Attempt) {
        let wishes = self.progress.on_attempt(at(self.now), which, outcome, &self.scene);
        self.hear(wishes);
    }

    fn ok(&mut self, step: &str, attempt: u32) {
        let outcome = Attempt::Ok { outputs: BTreeMap::new(), detail: String::new() };
        self.attempt((step, attempt, false), outcome);
    }

    fn fails(&mut self, step: &str, attempt: u32) {
        self.attempt((step, attempt, false), Attempt::Failed { why: "no".into() });
    }

    fn pass(&mut self, secs: u64) {
        self.now += secs;
        let wishes = self.progress.advance(at(self.now), &self.scene);
        self.hear(wishes);
    }

    fn says(&mut self, who: &str, role: Option<&str>, step: &str, answer: StepAnswer) -> Result<(), String> {
        let spoken = Spoken { step, who, role, answer: &answer };
        self.progress.may_answer(spoken)?;
        let wishes = self.progress.on_answer(at(self.now), spoken, &self.scene);
        self.hear(wishes);
        Ok(())
    }

    fn done(&mut self, step: &str) {
        self.says("ana", None, step, StepAnswer::Done { answers: BTreeMap::new() }).unwrap();
    }

    fn take_back(&mut self) {
        let wishes = self.progress.take_back(at(self.now), &self.scene);
        self.hear(wishes);
    }

    #[track_caller]
    fn heard(&mut self, expected: &[&str]) {
        assert_eq!(std::mem::take(&mut self.said), expected);
    }
}

#[test]
fn steps_go_in_file_order_to_the_end() {
    let mut played = Played::started(vec![step("one", run(&["a"])), step("two", manual(vec![]))]);
    played.heard(&["started", "enter one", "run one 1: a"]);
    played.ok("one", 1);
    played.heard(&["one ok", "enter two"]);
    played.done("two");
    played.heard(&["two ok", "completed"]);
    assert_eq!(played.progress.ending(), Some(&Ending::Completed {}));
    assert_eq!(played.progress.wake(), None);
}

#[test]
fn a_failed_attempt_is_made_again_after_its_delay_and_no_more_often_than_allowed() {
    let mut retried = step("one", run(&["a"]));
    retried.retry.attempts = 2;
    let mut played = Played::started(vec![retried]);
    played.fails("one", 1);
    played.heard(&["started", "enter one", "run one 1: a"]);
    assert_eq!(played.progress.wake(), Some(at(15)));
    played.pass(4);
    played.heard(&[]);
    played.pass(1);
    played.heard(&["run one 2: a"]);
    played.fails("one", 1);
    played.heard(&[]);
    played.fails("one", 2);
    played.heard(&["one failed", "failed at one"]);
}

#[test]
fn an_attempt_that_is_never_answered_times_out_and_is_ended() {
    let mut played = Played::started(vec![step("one", run(&["a"]))]);
    played.pass(60 + ANSWER_WITHIN.as_secs());
    played.heard(&["started", "enter one", "run one 1: a", "stop one", "one timed_out", "failed at one"]);
    played.ok("one", 1);
    played.heard(&[]);
}

#[test]
fn a_failure_leads_where_the_step_says() {
    for (on_failure, expected) in [
        (OnFailure::Stop, "failed at one"),
        (OnFailure::Continue, "enter two"),
        (OnFailure::Go("three".into()), "enter three"),
    ] {
        let mut first = step("one", run(&["a"]));
        first.on_failure = on_failure;
        let steps = vec![first, step("two", manual(vec![])), step("three", manual(vec![]))];
        let mut played = Played::started(steps);
        played.fails("one", 1);
        assert_eq!(played.said.last().map(String::as_str), Some(expected));
    }
}

#[test]
fn an_answer_decides_where_it_goes() {
    let question = Question { id: "slow".into(), title: "slow?".into(), kind: QuestionKind::Boolean };
    for (slow, expected) in [(true, "enter two"), (false, "enter three")] {
        let mut ask = step("ask", manual(vec![question.clone()]));
        ask.next = vec![Next { when: when("slow == false"), go: "three".into() }];
        let steps = vec![ask, step("two", manual(vec![])), step("three", manual(vec![]))];
        let mut played = Played::started(steps);
        let answers = BTreeMap::from([("slow".to_owned(), Answer::Boolean(slow))]);
        played.says("ana", None, "ask", StepAnswer::Done { answers }).unwrap();
        assert_eq!(played.said.last().map(String::as_str), Some(expected));
    }
}

#[test]
fn a_step_whose_condition_does_not_hold_is_skipped() {
    let mut second = step("two", run(&["b"]));
    second.when = when("steps.one.verify == 'failed'");
    let mut first = step("one", run(&["a"]));
    first.verify = verified_by(Check::Named("shop".into()));
    first.on_failure = OnFailure::Continue;
    for (good, expected) in [
        (true, vec!["one ok", "enter two", "two skipped", "completed"]),
        (false, vec!["one failed", "enter two", "run two 1: b"]),
    ] {
        let mut played = Played::started(vec![first.clone(), second.clone()]);
        played.scene.bad.borrow_mut().insert("shop".into());
        played.ok("one", 1);
        played.heard(&["started", "enter one", "run one 1: a"]);
        if good {
            played.scene.bad.borrow_mut().clear();
        }
        played.pass(20);
        played.heard(&expected);
    }
}

#[test]
fn a_probe_of_its_own_verifies_only_when_the_edge_says_so() {
    let own = Probe {
        name: "own".into(),
        level: Level::Application,
        impact: false,
        invariant: false,
        every: Period::from_secs(1),
        timeout: Period::from_secs(1),
        action: ProbeAction::Tcp("127.0.0.1:1".into()),
        tolerance: Tolerance::default(),
    };
    for good in [true, false] {
        let mut first = step("one", run(&["a"]));
        first.verify = verified_by(Check::Own(Box::new(own.clone())));
        let mut played = Played::started(vec![first]);
        played.ok("one", 1);
        played.pass(5);
        played.heard(&["started", "enter one", "run one 1: a", "verify one"]);
        if good {
            let wishes = played.progress.on_verified(at(15), "one", &played.scene);
            played.hear(wishes);
            played.heard(&["one ok", "completed"]);
        } else {
            played.pass(15);
            played.heard(&["stop one", "one failed", "failed at one"]);
        }
    }
}

#[test]
fn a_probe_step_waits_until_it_is_good_or_its_time_is_over() {
    for good in [true, false] {
        let mut played = Played::of(vec![step("steady", Action::Probe(Check::SteadyState))]);
        played.scene.bad.borrow_mut().insert("shop".into());
        played.start();
        played.pass(30);
        played.heard(&["started", "enter steady"]);
        if good {
            played.scene.bad.borrow_mut().clear();
            played.pass(0);
            played.heard(&["steady ok", "completed"]);
        } else {
            played.pass(30);
            played.heard(&["steady timed_out", "failed at steady"]);
        }
    }
}

#[test]
fn a_person_may_answer_only_what_waits_for_them_and_only_once() {
    let mut comms = step("tell", manual(vec![]));
    comms.role = Some("comms".into());
    let mut played = Played::started(vec![comms, step("two", run(&["b"]))]);
    let done = || StepAnswer::Done { answers: BTreeMap::new() };
    for (step, role, expected) in [
        ("tall", None, "there is no step `tall`; the steps are tell, two"),
        ("two", None, "step `two` does not wait for an answer; the playbook is at `tell`"),
        ("tell", Some("commander"), "step `tell` is for the role `comms`, not `commander`"),
    ] {
        assert_eq!(played.says("ana", role, step, done()).unwrap_err(), expected);
    }
    let answers = BTreeMap::from([("slow".to_owned(), Answer::Boolean(true))]);
    let wrong = played.says("ana", None, "tell", StepAnswer::Done { answers }).unwrap_err();
    assert_eq!(wrong, "step `tell`: it does not ask `slow`; it asks nothing");
    played.says("ana", Some("comms"), "tell", done()).unwrap();
    let twice = played.says("ben", None, "tell", done()).unwrap_err();
    assert_eq!(twice, "step `tell` is over already (ok by ana); the playbook is at `two`");
    let automatic = played.says("ben", None, "two", done()).unwrap_err();
    assert_eq!(automatic, "step `two` is not one that people answer; the playbook is at `two`");
    played.ok("two", 1);
    let late = played.says("ben", None, "tell", done()).unwrap_err();
    assert_eq!(late, "step `tell` is over already (ok by ana); the playbook is over");
}

#[test]
fn answers_must_be_those_that_were_asked_for() {
    let question = |id: &str, kind| Question { id: id.into(), title: "?".into(), kind };
    let questions = vec![
        question("slow", QuestionKind::Boolean),
        question("p95", QuestionKind::Number),
        question("where", QuestionKind::Choice(vec!["eu".into(), "us".into()])),
    ];
    let mut played = Played::started(vec![step("ask", manual(questions))]);
    let answers = BTreeMap::from([
        ("slow".to_owned(), Answer::Text("maybe".into())),
        ("where".to_owned(), Answer::Text("mars".into())),
    ]);
    let wrong = played.says("ana", None, "ask", StepAnswer::Done { answers }).unwrap_err();
    assert_eq!(
        wrong,
        "step `ask`: `slow` needs true or false; `where` needs one of eu, us; `p95` is not answered (?); add --answer \
         p95=…"
    );
}

#[test]
fn an_approval_needs_as_many_people_of_its_roles_as_it_says() {
    let approve = Action::Approve { from: vec!["commander".into(), "owner".into()], count: 2 };
    let mut played = Played::started(vec![step("ok", approve)]);
    let done = || StepAnswer::Done { answers: BTreeMap::new() };
    let without = played.says("ana", None, "ok", done()).unwrap_err();
    assert_eq!(without, "say as whom you approve `ok`: --role one of commander, owner");
    let wrong = played.says("ana", Some("scribe"), "ok", done()).unwrap_err();
    assert_eq!(wrong, "`scribe` may not approve `ok`; commander, owner may");
    played.says("ana", Some("owner"), "ok", done()).unwrap();
    let again = played.says("ana", Some("commander"), "ok", done()).unwrap_err();
    assert_eq!(again, "ana has agreed already; another person must");
    played.heard(&["started", "enter ok"]);
    played.says("ben", Some("commander"), "ok", done()).unwrap();
    played.heard(&["ok ok", "completed"]);
}

#[test]
fn who_takes_a_step_or_is_stuck_leaves_it_open() {
    let mut played = Played::started(vec![step("ask", manual(vec![]))]);
    played.now += 5;
    played.says("ana", None, "ask", StepAnswer::Taken {}).unwrap();
    played.says("ana", None, "ask", StepAnswer::Stuck { why: "which graph?".into() }).unwrap();
    let visit = played.progress.current().unwrap();
    assert_eq!((visit.taken, visit.stuck, visit.waits_for_people()), (Some(at(15)), 1, true));
    played.done("ask");
    played.heard(&["started", "enter ask", "ask ok", "completed"]);
}

#[test]
fn without_people_their_steps_are_skipped_or_fail_as_asked() {
    for (people, expected) in [
        (People::Skip, vec!["started", "enter ask", "ask skipped", "enter two", "run two 1: b"]),
        (People::Fail, vec!["started", "enter ask", "ask failed", "failed at ask"]),
    ] {
        let mut played = Played::with(vec![step("ask", manual(vec![])), step("two", run(&["b"]))], people);
        played.start();
        played.heard(&expected);
    }
}

#[test]
fn a_playbook_that_goes_in_circles_ends() {
    for people in [People::Skip, People::Ask] {
        let mut first = step("one", manual(vec![]));
        first.next = vec![Next { when: None, go: "one".into() }];
        let mut played = Played::with(vec![first], people);
        played.start();
        for _ in 0..VISITS_MAX {
            if played.progress.is_running() {
                played.done("one");
            }
        }
        let Some(Ending::Failed { why, .. }) = played.progress.ending() else { panic!("it ended") };
        assert_eq!(why, "it goes in circles: steps were entered 200 times");
    }
}

#[test]
fn what_a_step_kept_stands_in_the_texts_of_later_ones() {
    let steps = vec![step("one", run(&["a"])), step("two", run(&["b", "${steps.one.ticket}!"]))];
    let mut played = Played::started(steps.clone());
    let outputs = BTreeMap::from([("ticket".to_owned(), "T-1".to_owned())]);
    played.attempt(("one", 1, false), Attempt::Ok { outputs, detail: String::new() });
    played.heard(&["started", "enter one", "run one 1: a", "one ok", "enter two", "run two 1: b T-1!"]);
    // One that was never kept fails the step that needs it; nothing is run with a hole in it.
    let mut played = Played::started(steps);
    played.ok("one", 1);
    played.heard(&[
        "started",
        "enter one",
        "run one 1: a",
        "one ok",
        "enter two",
        "two failed",
        "failed at two",
    ]);
}

/// Three steps with a way back; the second failed, which may have changed something all the same.
fn changed() -> Played {
    let mut steps: Vec<Step> = ["one", "two", "three", "never"].map(|id| step(id, run(&["do", id]))).into();
    for step in &mut steps {
        step.undo = undo(&["undo", &step.id]);
    }
    steps[1].on_failure = OnFailure::Continue;
    steps[2].end = true;
    let mut played = Played::started(steps);
    played.ok("one", 1);
    played.fails("two", 1);
    played.ok("three", 1);
    played.said.clear();
    played
}

#[test]
fn what_was_changed_is_taken_back_in_reverse_once() {
    let mut played = changed();
    played.take_back();
    played.heard(&["undoing three two one", "unrun three 1: undo three"]);
    for (id, next) in [("three", "unrun two 1: undo two"), ("two", "unrun one 1: undo one")] {
        let outcome = Attempt::Ok { outputs: BTreeMap::new(), detail: String::new() };
        played.attempt((id, 1, true), outcome);
        played.heard(&[&format!("{id} undone"), next]);
    }
    let outcome = Attempt::Ok { outputs: BTreeMap::new(), detail: String::new() };
    played.attempt(("one", 1, true), outcome.clone());
    played.heard(&["one undone"]);
    assert_eq!(played.progress.taken_back().over, Some(at(10)));
    played.attempt(("one", 1, true), outcome);
    played.take_back();
    played.heard(&[]);
}

#[test]
fn a_way_back_that_fails_is_tried_again_and_keeps_no_other_from_being_taken() {
    let mut played = changed();
    played.take_back();
    played.said.clear();
    played.attempt(("three", 1, true), Attempt::Failed { why: "no".into() });
    played.heard(&[]);
    played.pass(1);
    played.heard(&["unrun three 2: undo three"]);
    played.attempt(("three", 2, true), Attempt::TimedOut { why: "slow".into() });
    played.heard(&["three not undone", "unrun two 1: undo two"]);
    // One that nobody answers counts as failed, too.
    for _ in 0..2 {
        played.pass(10 + ANSWER_WITHIN.as_secs());
        played.pass(1);
    }
    played.heard(&[
        "stop two",
        "unrun two 2: undo two",
        "stop two",
        "two not undone",
        "unrun one 1: undo one",
    ]);
    let failed: Vec<&str> = played.progress.taken_back().failed.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(failed, ["three", "two"]);
}

#[test]
fn cut_short_it_ends_what_goes_on_and_still_takes_back() {
    let mut steps = vec![step("one", run(&["a"])), step("two", run(&["b"]))];
    steps[0].undo = undo(&["undo"]);
    let mut played = Played::started(steps);
    played.ok("one", 1);
    played.said.clear();
    let wishes = played.progress.cut_short(at(12), "the drill stops");
    played.hear(wishes);
    played.heard(&["stop two", "two skipped", "cut short"]);
    played.ok("two", 1);
    played.take_back();
    played.heard(&["undoing one", "unrun one 1: undo"]);
    assert_eq!(played.progress.left_in_place(), ["two"]);
}

#[test]
fn a_value_from_outside_cannot_name_a_secret() {
    let question = Question { id: "ref".into(), title: "?".into(), kind: QuestionKind::Text };
    let steps =
        vec![step("ask", manual(vec![question])), step("two", run(&["b", "${steps.ask.answers.ref}"]))];
    let mut played = Played::started(steps);
    let answers = BTreeMap::from([("ref".to_owned(), Answer::Text("${secrets.DB}".into()))]);
    played.says("ana", None, "ask", StepAnswer::Done { answers }).unwrap();
    played.heard(&["started", "enter ask", "ask ok", "enter two", "two failed", "failed at two"]);
    let Some(Ending::Failed { why, .. }) = played.progress.ending() else { panic!("it failed") };
    assert_eq!(why, "the value of `steps.ask.answers.ref` holds `${`, which would be read once more");
}

#[test]
fn an_approval_is_never_skipped() {
    let approve = || step("ok", Action::Approve { from: vec!["owner".into()], count: 1 });
    let mut played = Played::started(vec![approve(), step("two", run(&["b"]))]);
    let wrong =
        played.says("ana", Some("owner"), "ok", StepAnswer::Skipped { why: String::new() }).unwrap_err();
    assert_eq!(wrong, "`ok` is agreed to (done) or refused (fail); it cannot be skipped");
    let mut nobody = Played::with(vec![approve(), step("two", run(&["b"]))], People::Skip);
    nobody.start();
    nobody.heard(&["started", "enter ok", "ok failed", "failed at ok"]);
}

#[test]
fn what_was_half_done_when_it_was_cut_is_taken_back_too() {
    let mut switch = step("switch", manual(vec![]));
    (switch.mutates, switch.undo) = (true, undo(&["switch-back"]));
    let mut played = Played::started(vec![switch]);
    played.says("ana", None, "switch", StepAnswer::Taken {}).unwrap();
    let wishes = played.progress.cut_short(at(20), "the drill stops");
    played.hear(wishes);
    played.take_back();
    played.heard(&[
        "started",
        "enter switch",
        "switch skipped",
        "cut short",
        "undoing switch",
        "unrun switch 1: switch-back",
    ]);
}

#[test]
fn what_was_kept_by_an_attempt_that_was_cut_helps_its_way_back() {
    let mut create = step("create", run(&["create"]));
    create.undo = undo(&["delete", "${steps.create.id}"]);
    let mut played = Played::started(vec![create]);
    let wishes = played.progress.cut_short(at(20), "the drill stops");
    played.hear(wishes);
    let outputs = BTreeMap::from([("id".to_owned(), "7".to_owned())]);
    played.attempt(("create", 1, false), Attempt::Ok { outputs, detail: String::new() });
    played.take_back();
    played.heard(&[
        "started",
        "enter create",
        "run create 1: create",
        "stop create",
        "create skipped",
        "cut short",
        "undoing create",
        "unrun create 1: delete 7",
    ]);
}
