//! What people see and press of a playbook.

use serde_json::json;

use super::*;
use crate::cli::live::dialog::{Dialog, Order, Pressed};
use crate::cli::live::keys::Key;
use crate::coordinator::control::playbook::PlaybookStatus;
use crate::drill::words::Tone;
use crate::playbook::event::{Attempt, Ending, StartedBy, StepAnswer, StepResult};
use crate::playbook::plan::{Answer, Playbook};
use crate::scenario::plan::{People, PlaybookStart, PlaybookUse};

fn step(id: &str, title: &str, action: Value) -> Value {
    json!({
        "id": id, "title": title, "role": "sre", "links": [], "action": action, "when": null, "next": [],
        "retry": {"attempts": 3, "delay": "5s"}, "timeout": "5m", "budget": null, "verify": null,
        "on_failure": "continue", "outputs": {}, "mutates": false, "undo": null, "end": false
    })
}

fn book() -> Playbook {
    let run = |word: &str| json!({"run": {"argv": [word], "env": {}, "exit": 0}});
    let questions = json!([
        {"id": "ok", "title": "Is the error rate back below 1 %?", "kind": "boolean"},
        {"id": "rate", "title": "How many errors per second are left?", "kind": "number"},
        {"id": "side", "title": "Which side serves?", "kind": {"choice": ["left", "right"]}},
        {"id": "words", "title": "What else did you see?", "kind": "text"},
    ]);
    let text = "Open the dashboard of ${steps.find.leader} and look at the payments of the last five minutes; \
                wait until the curve is flat.";
    let mut look =
        step("look", "Look at the dashboard", json!({"manual": {"text": text, "questions": questions}}));
    look["links"] = json!(["https://dash.example/payments"]);
    look["budget"] = "1m".into();
    let mut switch = step("switch-over", "Send the traffic to the other side", run("switch"));
    switch["verify"] = json!({"check": {"named": "checkout"}, "within": "30s"});
    switch["undo"] = json!({"action": run("back"), "timeout": "5s", "retry": {"attempts": 1, "delay": "1s"}});
    let agree =
        step("agree", "Stay there for the night?", json!({"approve": {"from": ["lead", "cto"], "count": 2}}));
    let tell = step(
        "tell",
        "Tell support",
        json!({"notify": {"audience": "support", "text": "${steps.find.leader} is back"}}),
    );
    serde_json::from_value(json!({
        "name": "payments-degraded", "title": "Restore payments", "owner": null, "triggers": [],
        "objectives": {"rto": null, "rpo": null}, "inputs": {}, "secrets": {}, "contacts": [],
        "steps": [step("find", "Find the leader", run("find")), switch, look, agree, tell]
    }))
    .unwrap()
}

fn plan_with() -> Plan {
    let used = PlaybookUse {
        name: "payments-degraded".into(),
        start: PlaybookStart::Alarm,
        people: People::Ask,
        undo: true,
    };
    Plan { playbook: Some(used), ..plan() }
}

fn attempted(step: &str, attempt: u32, outcome: Attempt) -> Fed {
    Fed::Event(Event::StepAttempted { step: step.into(), attempt, undo: false, outcome })
}

fn run_step(step: &str, attempt: u32) -> Fed {
    let action = book().steps.into_iter().find(|known| known.id == step).unwrap().action;
    Fed::Command(Command::RunStep(Box::new(crate::playbook::event::Job {
        step: step.into(),
        attempt,
        undo: false,
        action,
        outputs: [].into(),
        timeout: "5m".parse().unwrap(),
        impact: None,
    })))
}

fn entered(step: &str) -> Fed {
    record(Record::StepEntered { step: step.into() })
}

fn finished(step: &str, result: StepResult) -> Fed {
    record(Record::StepFinished { step: step.into(), result })
}

fn answered(who: &str, step: &str, answer: StepAnswer) -> Fed {
    Fed::Event(Event::StepAnswered { step: step.into(), who: who.into(), role: None, answer })
}

/// From the call to the question.
fn to_the_question() -> Vec<(u64, Fed)> {
    let ok = |outputs: &[(&str, &str)]| Attempt::Ok {
        outputs: outputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        detail: "exit 0".into(),
    };
    let by = StartedBy::Alarm { name: "HighLatency".into() };
    let mut story = story();
    story.extend([
        (9400, record(Record::PlaybookStarted { by })),
        (9400, entered("find")),
        (9400, run_step("find", 1)),
        (9600, attempted("find", 1, Attempt::Failed { why: "exit 1: no leader yet".into() })),
        (14_600, run_step("find", 2)),
        (14_900, attempted("find", 2, ok(&[("leader", "db-2")]))),
        (14_900, finished("find", StepResult::Ok { verified: false })),
        (14_900, entered("switch-over")),
        (14_900, run_step("switch-over", 1)),
        (15_400, attempted("switch-over", 1, ok(&[]))),
        (25_500, finished("switch-over", StepResult::Ok { verified: true })),
        (25_500, entered("look")),
        (31_000, answered("ana (1000)", "look", StepAnswer::Taken {})),
    ]);
    story
}

fn to_the_end() -> Vec<(u64, Fed)> {
    let mut story = to_the_question();
    let answers = [("ok".to_owned(), Answer::Boolean(true)), ("rate".to_owned(), Answer::Number(0.5))].into();
    story.extend([
        (40_000, answered("ana (1000)", "look", StepAnswer::Done { answers })),
        (40_000, finished("look", StepResult::Ok { verified: false })),
        (40_000, entered("agree")),
        (41_000, answered("ana (1000)", "agree", StepAnswer::Done { answers: [].into() })),
        (50_000, finished("agree", StepResult::TimedOut { why: "nobody answered within 5m".into() })),
        (50_000, entered("tell")),
        (50_000, run_step("tell", 1)),
        (50_100, finished("tell", StepResult::Ok { verified: false })),
        (50_100, record(Record::PlaybookEnded { ending: Ending::Completed {} })),
        (60_000, record(Record::PlaybookUndoing { steps: vec!["switch-over".into()] })),
        (60_500, record(Record::StepUndone { step: "switch-over".into(), failed: None })),
    ]);
    story
}

fn told(story: Vec<(u64, Fed)>) -> Board {
    let mut board = Board::new(&plan_with(), Some(&book()));
    for (millis, fed) in story {
        let mono = Duration::from_millis(millis);
        match fed {
            Fed::Event(event) => drop(board.event(&Timed { mono, event })),
            Fed::Command(event) => drop(board.command(&Timed { mono, event })),
        }
    }
    board
}

fn drawn(board: &Board, frame: &Frame) -> String {
    text(&picture(board, &Head::new(&plan_with(), "slow-payments-20261121-091500-1a2b"), frame))
}

fn asking() -> PlaybookStatus {
    PlaybookStatus::of(told(to_the_question()).playbook.as_ref().unwrap(), Duration::from_secs(33))
}

#[test]
fn a_question_to_people_fits_the_usual_terminal() {
    let hint = "d done  s skip  f fail  t take it  ? stuck  n note     Ctrl-C stops the drill";
    let bottom = Some(Line::new(Tone::Plain, hint));
    let frame = Frame { bottom, ..frame_of(80, 24, 33_000, true) };
    golden("playbook-80x24.txt", &drawn(&told(to_the_question()), &frame));
}

#[test]
fn a_large_terminal_shows_all_of_it() {
    golden("playbook-100x40.txt", &drawn(&told(to_the_question()), &frame_of(100, 40, 33_000, true)));
}

#[test]
fn in_a_small_terminal_the_question_stays() {
    let frame = Frame {
        bottom: Some(Line::new(Tone::Notice, "look: Which side serves? (1 left, 2 right) > _")),
        typing: true,
        ..frame_of(60, 15, 33_000, true)
    };
    golden("playbook-60x15.txt", &drawn(&told(to_the_question()), &frame));
}

#[test]
fn a_playbook_that_is_over_says_how_it_went() {
    golden("playbook-over-80x24.txt", &drawn(&told(to_the_end()), &frame_of(80, 24, 61_000, true)));
}

#[test]
fn nothing_moves_while_a_playbook_goes_its_way() {
    let places = |story: Vec<(u64, Fed)>, millis| {
        let shown = drawn(&told(story), &frame_of(80, 24, millis, true));
        let place = |word: &str| shown.lines().position(|line| line.starts_with(word));
        ["PROBES", "FAULTS", "PLAYBOOK", "EVENTS"].map(|word| (word, place(word).expect(word)))
    };
    let at_first = places(story(), 9_000);
    assert_eq!(places(to_the_question(), 33_000), at_first);
    assert_eq!(places(to_the_end(), 61_000), at_first);
}

#[test]
fn lines_tell_the_same_as_the_picture() {
    let kept = Kept::default();
    let (plan, book) = (plan_with(), book());
    let shown = Shown { drill: "d-1", plan: &plan, playbook: Some(&book) };
    let mut view = View::on(Box::new(kept.clone()), Output::Lines, Style::PIPE, shown);
    for (millis, fed) in to_the_end() {
        let mono = Duration::from_millis(millis);
        match fed {
            Fed::Event(event) => view.event(&Timed { mono, event }),
            Fed::Command(event) => view.command(&Timed { mono, event }),
        }
    }
    golden("playbook-lines.txt", &kept.text());
}

proptest! {
    #[test]
    fn no_size_breaks_the_picture(width in 0usize..130, height in 0usize..45, typing in any::<bool>(), over in any::<bool>()) {
        let board = told(if over { to_the_end() } else { to_the_question() });
        let bottom = Some(Line::new(Tone::Plain, "bottom"));
        let frame = Frame { bottom, typing, ..frame_of(width, height, 33_000, true) };
        let lines = picture(&board, &Head::new(&plan_with(), "d-1"), &frame);
        prop_assert!(lines.len() <= height);
        for line in &lines {
            prop_assert!(line.width() <= width, "{line:?}");
        }
        if typing && height > 0 && width >= 6 {
            prop_assert_eq!(&lines[lines.len() - 1].0[0].text, "bottom");
        }
    }
}

/// Presses keys: `\n` is Enter, `\x1b` Escape, `\x08` Backspace.
fn pressed(dialog: &mut Dialog, keys: &str, status: &PlaybookStatus) -> Pressed {
    let key = |c| match c {
        '\n' => Key::Enter,
        '\x1b' => Key::Escape,
        '\x08' => Key::Back,
        '\x15' => Key::Clear,
        c => Key::Char(c),
    };
    keys.chars().map(|c| dialog.press(key(c), Some(status))).last().unwrap()
}

#[track_caller]
fn answers(keys: &str, answer: StepAnswer) {
    let order = Order::Answer { step: "look".into(), role: None, answer };
    assert_eq!(pressed(&mut Dialog::default(), keys, &asking()), Pressed::Order(order), "{keys:?}");
}

#[test]
fn every_question_is_asked_and_typed_mistakes_can_be_mended() {
    let all = [
        ("ok".to_owned(), Answer::Boolean(true)),
        ("rate".to_owned(), Answer::Number(12.5)),
        ("side".to_owned(), Answer::Text("right".into())),
        ("words".to_owned(), Answer::Text("all fine".into())),
    ];
    answers("dy12.5\n2all fine\n", StepAnswer::Done { answers: all.clone().into() });
    answers(
        "Dxyfour\n\x1512.55\x08\n92\nall  \x08fine\x08\x08\x08\x08fine\n",
        StepAnswer::Done { answers: all.into() },
    );
    answers("t", StepAnswer::Taken {});
    answers("sknown already\n", StepAnswer::Skipped { why: "known already".into() });
    answers("f\n", StepAnswer::Failed { why: String::new() });
    answers("?no access\n", StepAnswer::Stuck { why: "no access".into() });
}

#[test]
fn the_prompt_says_what_is_asked_and_why_an_answer_was_not_taken() {
    let (mut dialog, status) = (Dialog::default(), asking());
    pressed(&mut dialog, "d", &status);
    assert_eq!(dialog.prompt().unwrap().0, "look: Is the error rate back below 1 %? (yes or no) > ");
    pressed(&mut dialog, "q", &status);
    assert!(dialog.prompt().unwrap().0.starts_with("(y or n) look: Is the error"));
    pressed(&mut dialog, "nmany", &status);
    assert_eq!(dialog.prompt().unwrap().1, "many");
    pressed(&mut dialog, "\n", &status);
    assert!(dialog.prompt().unwrap().0.starts_with("(type a number) look: How many"));
    pressed(&mut dialog, "\x1b", &status);
    assert_eq!((dialog.prompt(), dialog.is_open()), (None, false));
}

#[test]
fn an_approval_asks_as_whom_where_there_is_a_choice() {
    let mut status = asking();
    let ask = status.asks.as_mut().unwrap();
    (ask.is_approval, ask.roles, ask.questions) = (true, vec!["lead".into(), "cto".into()], vec![]);
    let answer = |role: &str| {
        let answer = StepAnswer::Done { answers: [].into() };
        Pressed::Order(Order::Answer { step: "look".into(), role: Some(role.into()), answer })
    };
    assert_eq!(pressed(&mut Dialog::default(), "d2", &status), answer("cto"));
    status.asks.as_mut().unwrap().roles.truncate(1);
    assert_eq!(pressed(&mut Dialog::default(), "d", &status), answer("lead"));
}

#[test]
fn a_key_that_cannot_do_anything_now_says_why_and_a_note_always_goes() {
    let mut status = asking();
    status.asks = None;
    let mut dialog = Dialog::default();
    for key in ["d", "s", "f", "t", "?"] {
        assert_eq!(
            pressed(&mut dialog, key, &status),
            Pressed::Refused("no step waits for people now".into())
        );
    }
    assert_eq!(pressed(&mut dialog, "p", &status), Pressed::Refused("the playbook runs already".into()));
    assert_eq!(pressed(&mut dialog, "x", &status), Pressed::Nothing);
    let note = Pressed::Order(Order::Note { text: "pager silent".into() });
    assert_eq!(pressed(&mut dialog, "n\npager silent\n", &status), note, "an empty note is none");
    let waiting = PlaybookStatus::of(told(story()).playbook.as_ref().unwrap(), Duration::ZERO);
    assert_eq!(pressed(&mut dialog, "p", &waiting), Pressed::Order(Order::Start));
}

#[test]
fn what_is_typed_for_a_step_that_is_over_is_dropped_and_said_to_be() {
    let (mut dialog, mut status) = (Dialog::default(), asking());
    pressed(&mut dialog, "d", &status);
    assert_eq!(dialog.follow(Some(&status)), None);
    status.asks = None;
    let said = dialog.follow(Some(&status)).unwrap();
    assert_eq!(said, "step look waits no longer; your answer was not sent");
    assert!(!dialog.is_open());
    pressed(&mut dialog, "n", &status);
    assert_eq!((dialog.follow(Some(&status)), dialog.is_open()), (None, true), "a note is about no step");
}
