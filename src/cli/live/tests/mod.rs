//! What people see of a drill, held against golden files; `UPDATE_GOLDEN=1` writes them anew.

mod playbook;

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::layout::{Frame, Head, Line, Size, picture};
use super::screen::Style;
use super::{Output, Shown, View, summary};
use crate::drill::board::Board;
use crate::drill::event::{Command, Event, Judgement, Phase, Record, Sample, StopReason, Timed};
use crate::drill::summary::{
    CommandResult, Contained, Effect, FaultSummary, HypothesisResult, Impact, RestoredBy, SteadyStateResult,
    Times, Validity,
};
use crate::drill::{RemoveReason, Summary};
use crate::fault::{Evidence, Seed, Spread};
use crate::scenario::plan::Plan;

fn plan() -> Plan {
    let probe = |name: &str, url: &str| {
        json!({
            "name": name, "level": "application", "impact": true, "invariant": false, "every": "1s",
            "timeout": "5s",
            "action": {"http": {"method": "GET", "url": url, "headers": {}, "body": null, "ca": null}},
            "tolerance": {
                "status": [], "body": [], "json": [], "exit": null, "p50": null, "p95": "500ms", "p99": null,
                "errors": null, "failures": null, "over": "10s", "at_least": null, "at_most": null
            }
        })
    };
    let fault = |id: &str, fault: Value, after: Value, delay: &str| {
        json!({
            "id": id, "target": "route/payments", "fault": fault, "matching": {}, "scope": {"percent": "100%"},
            "start": {"after": after, "delay": delay}, "until": "max", "max": "30s",
            "on_remove": "release", "undo": "A"
        })
    };
    let plan = json!({
        "scenario": "slow-payments", "title": "Payments answer slowly", "environment": null, "seed": 42,
        "routes": [],
        "load": {
            "request": {"method": "GET", "url": "http://127.0.0.1:1/", "headers": {}, "body": null, "ca": null},
            "rate": "10/s", "timeout": "2s"
        },
        "steady_state": {
            "stable_for": "10s", "no_impact_after": "30s", "gate_within": "1m", "recovery_within": "1m",
            "probes": [probe("checkout", "http://127.0.0.1:1/checkout"), probe("stock", "http://127.0.0.1:1/stock")]
        },
        "faults": [
            fault("slow", json!({"latency": {"delay": "2s"}}), Value::Null, "0s"),
            fault("errors", json!({"http_error": {"status": 503}}), "slow".into(), "5s")
        ],
        "abort": [], "hypothesis": null, "secrets": {}, "command": null, "not_acted_on": []
    });
    serde_json::from_value(plan).unwrap()
}

enum Fed {
    Event(Event),
    Command(Command),
}

fn record(record: Record) -> Fed {
    Fed::Command(Command::Record(record))
}

fn sample(millis: u64, failure: Option<&str>) -> Sample {
    Sample {
        began: Duration::ZERO,
        took: Duration::from_millis(millis),
        failure: failure.map(str::to_owned),
        value: None,
        detail: None,
    }
}

/// A drill in the middle of its faults, with its times in milliseconds.
fn story() -> Vec<(u64, Fed)> {
    let mut fed = vec![
        (0, record(Record::PhaseEntered { phase: Phase::Preflight })),
        (20, Fed::Event(Event::PreflightFinished { refusals: vec![], warnings: vec![] })),
        (20, record(Record::PhaseEntered { phase: Phase::Steady })),
    ];
    let probed = |probe: &str, millis, failure| {
        Fed::Event(Event::ProbeSampled { probe: probe.to_owned(), sample: sample(millis, failure) })
    };
    for n in 0..24 {
        fed.push((1000 + n * 100, probed("checkout", 10 + n % 3, None)));
        fed.push((1000 + n * 100, Fed::Event(Event::LoadAnswered { samples: vec![sample(11, None); 5] })));
    }
    let judged = |probe: &str, judgement| record(Record::ProbeJudged { probe: probe.to_owned(), judgement });
    let evidence = Evidence {
        matched: 120,
        faulted: 118,
        bytes: 9000,
        achieved: Some(Spread { count: 118, min: 2000.1, p50: 2000.9, p99: 2003.0, max: 2004.0 }),
        requested: None,
        ..Evidence::default()
    };
    fed.extend([
        (3400, judged("checkout", Judgement::Good {})),
        (3500, record(Record::PhaseEntered { phase: Phase::Active })),
        (3500, Fed::Command(Command::Apply { fault: "slow".into() })),
        (3510, Fed::Event(Event::FaultApplied { fault: "slow".into(), detail: "127.0.0.1:9001".into() })),
        (5600, probed("checkout", 2011, None)),
        (7700, probed("checkout", 5000, Some("no answer within 5s"))),
        (7800, Fed::Event(Event::FaultMeasured { fault: "slow".into(), evidence })),
        (7800, record(Record::FaultEffective { fault: "slow".into() })),
        (7900, judged("checkout", Judgement::Violated { why: "p95 is 2.01s, allowed 500ms".into() })),
        (7900, record(Record::ImpactSeen { probe: "checkout".into() })),
        (8000, Fed::Event(Event::LoadAnswered { samples: vec![sample(2000, Some("gave up")); 7] })),
        (
            9000,
            Fed::Event(Event::NoteWritten {
                who: "ana (1000)".into(),
                text: "the pager is silent\u{1b}[2J\nstill".into(),
            }),
        ),
    ]);
    fed
}

fn board() -> Board {
    let mut board = Board::new(&plan(), None);
    for (millis, fed) in story() {
        let mono = Duration::from_millis(millis);
        match fed {
            Fed::Event(event) => drop(board.event(&Timed { mono, event })),
            Fed::Command(event) => drop(board.command(&Timed { mono, event })),
        }
    }
    board
}

fn text(lines: &[Line]) -> String {
    let line = |line: &Line| line.0.iter().map(|piece| piece.text.as_str()).collect::<String>();
    lines.iter().map(|it| format!("{}\n", line(it).trim_end())).collect()
}

#[track_caller]
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/live/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name} (UPDATE_GOLDEN=1 writes it anew)");
}

fn frame_of(width: usize, height: usize, millis: u64, unicode: bool) -> Frame {
    let (size, now) = (Size { width, height }, Duration::from_millis(millis));
    Frame { size, now, unicode, bottom: None, typing: false }
}

fn at(width: usize, height: usize, unicode: bool) -> String {
    let head = Head::new(&plan(), "2026-11-21-slow-payments-1");
    text(&picture(&board(), &head, &frame_of(width, height, 9300, unicode)))
}

#[test]
fn a_drill_fits_the_usual_terminal() {
    golden("80x24.txt", &at(80, 24, true));
}

#[test]
fn a_drill_fits_a_small_terminal() {
    golden("40x15.txt", &at(40, 15, true));
}

#[test]
fn a_drill_can_be_told_in_ascii() {
    let shown = Style { colour: false, unicode: false }.plain(&at(80, 24, false));
    assert!(shown.is_ascii(), "{shown}");
    assert!(shown.contains("violated") && shown.contains("#x"), "{shown}");
}

proptest! {
    #[test]
    fn no_line_is_wider_and_no_picture_is_higher_than_the_terminal(width in 0usize..130, height in 0usize..40) {
        let head = Head::new(&plan(), "支払い-2026");
        for unicode in [true, false] {
            let lines = picture(&board(), &head, &frame_of(width, height, 9000, unicode));
            prop_assert!(lines.len() <= height);
            for line in &lines {
                prop_assert!(line.width() <= width, "{line:?}");
            }
        }
    }
}

/// A writer whose bytes can be read afterwards.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn shown(output: Output, style: Style) -> String {
    let kept = Kept::default();
    let mut view = View::on(
        Box::new(kept.clone()),
        output,
        style,
        Shown { drill: "d-1", plan: &plan(), playbook: None },
    );
    for (millis, fed) in story() {
        let mono = Duration::from_millis(millis);
        match fed {
            Fed::Event(event) => view.event(&Timed { mono, event }),
            Fed::Command(event) => view.command(&Timed { mono, event }),
        }
    }
    view.finish(&results(), Path::new("reports/d-1"), Some("c0ffee"));
    drop(view);
    kept.text()
}

#[test]
fn lines_are_stable_and_only_for_what_is_worth_one() {
    golden("lines.txt", &shown(Output::Lines, Style::PIPE));
}

#[test]
fn json_is_one_object_per_event_and_nothing_else() {
    let text = shown(Output::Json, Style::PIPE);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), story().len() + 1);
    let (first, last) = (&lines[0], &lines[lines.len() - 1]);
    assert_eq!((&first["seq"], &first["mono_ns"]), (&json!(1), &json!(0)));
    assert_eq!((&first["kind"], &first["data"]), (&json!("phase.entered"), &json!({"phase": "preflight"})));
    assert_eq!((&last["kind"], &last["data"]["head"]), (&json!("drill.summary"), &json!("c0ffee")));
    for line in &lines[..lines.len() - 1] {
        line["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let keys: Vec<&String> = line.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["seq", "at", "mono_ns", "kind", "data"]);
    }
}

#[test]
fn the_terminal_comes_back_as_it_was_and_nothing_from_outside_steers_it() {
    let text = shown(Output::Live, Style { colour: true, unicode: true });
    assert!(text.starts_with("\x1b[?1049h"));
    let (drawn, after) = text.split_once("\x1b[?7h\x1b[?25h\x1b[?1049l").unwrap();
    assert!(!after.contains("\x1b[?"), "closed once: {after:?}");
    assert!(
        after.contains("the pager is silent [2J still") && after.contains("journal hash c0ffee"),
        "{after}"
    );
    assert_eq!(drawn.matches("\x1b[2J").count(), 1, "only our own clearing");
    let frames = drawn.matches("\x1b[?2026h").count();
    assert!((2..=90).contains(&frames), "at most ten frames a second over 9 s: {frames}");
}

#[test]
fn a_view_that_is_dropped_gives_the_terminal_back() {
    let kept = Kept::default();
    drop(View::on(
        Box::new(kept.clone()),
        Output::Live,
        Style::PIPE,
        Shown { drill: "d-1", plan: &plan(), playbook: None },
    ));
    assert!(kept.text().ends_with("\x1b[?1049l"));
}

fn results() -> Summary {
    Summary {
        scenario: "slow-payments".into(),
        seed: Seed(42),
        effect: Effect::Confirmed,
        impact: Impact::Seen,
        steady_state: SteadyStateResult::Lost,
        hypothesis: HypothesisResult::Refuted,
        restored_by: RestoredBy::FaultEnd,
        playbook: None,
        contained: Contained::NotJudged,
        notes: Vec::new(),
        command: CommandResult::Failed { detail: "status 3".into() },
        clean: true,
        drill: Validity::Valid,
        exit: 4,
        reasons: vec![
            "the command failed: status 3".into(),
            "the hypothesis was refuted".into(),
            "more".into(),
        ],
        stopped: Some(StopReason::Guardrail { why: "invariant".into() }),
        times: Times {
            applied: Some(Duration::from_secs(4)),
            effective: Some(Duration::from_secs(6)),
            impact: Some(Duration::from_millis(6_500)),
            removed: Some(Duration::from_secs(34)),
            recovered: Some(Duration::from_secs(37)),
        },
        faults: vec![FaultSummary {
            id: "slow".into(),
            kind: "latency".into(),
            target: "route/payments".into(),
            state: "clean".into(),
            effective: true,
            evidence: Evidence {
                matched: 120,
                faulted: 118,
                bytes: 9000,
                achieved: Some(Spread { count: 118, min: 2000.1, p50: 2000.9, p99: 2003.0, max: 2004.0 }),
                requested: None,
                ..Evidence::default()
            },
        }],
        residue: Vec::new(),
        not_acted_on: vec!["playbook: payments-degraded".into(), "expect: 2 alarms".into()],
    }
}

#[test]
fn the_summary_is_short_and_has_the_numbers_for_people_who_were_not_there() {
    let lines = summary::lines(&results(), Path::new("reports/d-1"), Some("c0ffee"));
    assert!(lines.len() <= 16, "{}", lines.len());
    let text: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
    for part in [
        "exit 4",
        "(and 1 more)",
        "not acted on: playbook: payments-degraded; expect: 2 alarms",
        "seed 42",
        "slow: latency on route/payments hit 118 of 120, p50 2.00s",
        "effective: 2.50s after the first fault was applied",
        "was removed: 3.00s after it, 30.5s after the impact",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_service_that_did_not_come_back_is_told_from_one_that_never_left() {
    let none =
        |impact| Summary { impact, restored_by: RestoredBy::None, times: Times::default(), ..results() };
    let told = |impact| format!("{:?}", summary::lines(&none(impact), Path::new("d"), None));
    assert!(told(Impact::Seen).contains("the service did not come back\""));
    assert!(told(Impact::Withstood).contains("nothing to come back from"));
}

#[test]
fn a_line_of_full_width_keeps_its_last_character() {
    let size = Size { width: 10, height: 3 };
    let line = |text: &str| {
        Line(vec![super::layout::Piece { tone: crate::drill::words::Tone::Plain, text: text.into() }])
    };
    let shown = super::screen::frame(&[line("0123456789"), line("short")], size, Style::PIPE);
    assert!(shown.contains("0123456789\r\nshort\x1b[K\r\n\x1b[J"), "{shown:?}");
    let full = super::screen::frame(&[line("a"), line("b"), line("0123456789")], size, Style::PIPE);
    assert!(full.ends_with("0123456789\x1b[?2026l"), "{full:?}");
}

#[test]
fn time_left_counts_faults_that_wait_for_others() {
    let board = board();
    // `errors` starts 5 s after `slow` and lasts 30 s; active began at 3.5 s; then 10 s of good probes.
    assert_eq!(board.left(Duration::from_millis(3500)), Some(Duration::from_secs(45)));
    assert_eq!(board.left(Duration::from_millis(13_500)), Some(Duration::from_secs(35)));
    assert_eq!(board.left(Duration::from_secs(900)), Some(Duration::from_secs(10)));
}

#[test]
fn the_end_of_a_drill_is_told_in_words() {
    let mut board = board();
    let mono = Duration::from_secs(20);
    let removed = |residue: Vec<String>| Event::FaultRemoved {
        fault: "slow".into(),
        evidence: Evidence::default(),
        residue,
    };
    let said = board.command(&Timed {
        mono,
        event: Command::Remove { fault: "slow".into(), reason: RemoveReason::Until },
    });
    assert_eq!(
        (said.text.as_str(), said.noteworthy),
        ("fault slow is being removed: its time is over", false)
    );
    let said = board.event(&Timed { mono, event: removed(vec!["a stopped process".into()]) });
    assert_eq!(said.text, "fault slow removed, but left behind: a stopped process");
    assert_eq!(board.faults[0].state.word(), "residue");
    board.event(&Timed { mono, event: removed(vec![]) });
    assert_eq!(board.faults[0].state.word(), "clean");
}
