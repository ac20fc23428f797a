//! Every form of a game day's report, from a journal that is written here event by event.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::drill::journal::Chain;
use crate::gameday::event::{DayEvent, DrillEnded};
use crate::gameday::finding::FindingKind;
use crate::report::Report;
use crate::report::story::Tone;

const DRILL: &str = include_str!("../../../tests/files/report/payments-slow.jsonl");

fn plan() -> Value {
    let drill = |number: u32, scenario: &str, control: Option<&str>| {
        json!({"number": number, "inject": number, "gap": "0s", "what": {"kind": "drill", "scenario": scenario,
            "title": null, "control": control, "seed": 7, "estimate": "2m"}})
    };
    let ask = json!({"number": 4, "inject": 4, "gap": "5m", "what": {"kind": "ask", "text": "Who tells the <customers>?"}});
    let people = json!({"by": "people"});
    json!({
        "gameday": "checkout", "title": "Checkout survives payments", "goal": "It pages the right team.", "type": "readiness",
        "environment": null, "seed": 7, "schedule": null, "due": null, "facilitator": "ana",
        "approvals": {"count": 1, "from": [], "expires": null},
        "preflight": [
            {"id": "ask-1", "text": "Has support been told?", "looked_at": people},
            {"id": "ask-2", "text": "No deploy within 30 minutes?", "looked_at": people},
        ],
        "runs": [drill(1, "payments-slow", None), drill(2, "stock-lost", None), drill(3, "payments-slow", Some("sham")), ask],
        "review": {"within": null, "questions": ["What surprised you?"], "close_requires": []},
        "report": {"formats": [], "dirs": [], "names": true}, "not_acted_on": ["announce: nobody is told by itself"],
    })
}

fn silent() -> DrillWords {
    DrillWords {
        effect: "confirmed".into(),
        impact: "seen".into(),
        hypothesis: "refuted".into(),
        alarms: Some("silent".into()),
        restored_by: "fault_end".into(),
        contained: "not-judged".into(),
        clean: true,
        valid: true,
        reasons: vec!["StockLost did not come".into()],
        silent: vec!["StockLost".into()],
        phases: vec![crate::gameday::event::PhaseTook { phase: "restoring".into(), seconds: 42.0 }],
        ..DrillWords::default()
    }
}

fn ended(run: u32, drill: Option<&str>, exit: u8, words: Option<DrillWords>) -> DayEvent {
    let why = if words.is_none() { vec!["the port 9001 is in use".to_owned()] } else { Vec::new() };
    let ended = Box::new(DrillEnded { drill: drill.map(str::to_owned), exit, words, why });
    DayEvent::InjectEnded { run, ended }
}

fn events() -> Vec<DayEvent> {
    let ana = || "admin for ana".to_owned();
    let began = |run, drill: Option<&str>| DayEvent::InjectBegan { run, drill: drill.map(str::to_owned) };
    let good =
        DrillWords { alarms: None, restored_by: "self".into(), hypothesis: "untested".into(), ..silent() };
    vec![
        DayEvent::Approved { who: "admin".into(), in_stead_of: Some("ana".into()) },
        DayEvent::StartRequested { who: ana() },
        DayEvent::PreflightAnswered { item: "ask-1".into(), who: ana(), ok: true, note: Some("at 9".into()) },
        DayEvent::PreflightWaived { item: "ask-2".into(), who: ana(), reason: "frozen | anyway".into() },
        began(1, Some("payments-slow-1")),
        DayEvent::NoteWritten { who: ana(), text: "the graph is late".into() },
        ended(1, Some("payments-slow-1"), 0, Some(good)),
        began(2, Some("stock-lost-1")),
        ended(2, Some("stock-lost-1"), 2, Some(silent())),
        began(3, None),
        ended(3, None, 1, None),
        began(4, None),
        DayEvent::InjectAnswered { run: 4, who: ana(), answer: "Support, by phone".into() },
        DayEvent::FindingAdded {
            who: ana(),
            title: "Write the rule".into(),
            owner: Some("ben".into()),
            due: None,
            kind: FindingKind::Alarm,
        },
        DayEvent::ReviewAnswered { who: ana(), question: 1, answer: "That nobody was paged".into() },
    ]
}

fn journal(events: &[DayEvent]) -> Vec<u8> {
    let mut chain = Chain::default();
    let planned = json!({"id": "checkout-1", "plan": plan(), "files": [{"path": "checkout.yaml", "text": "kind: GameDay"}]});
    let at = |n: i64| Timestamp::from_second(1_800_000_000 + n * 60).unwrap();
    let mut text = chain.seal(at(0), Duration::ZERO, "gameday.planned", &planned) + "\n";
    for (n, event) in events.iter().enumerate() {
        let whole = serde_json::to_value(event).unwrap();
        let n = n as i64 + 1;
        let mono = Duration::from_secs(n as u64 * 60);
        text += &(chain.seal(at(n), mono, whole["kind"].as_str().unwrap(), &whole["data"]) + "\n");
    }
    text.into_bytes()
}

fn past() -> Vec<Past> {
    let one = |n: i64, alarms: &str, exit| Past {
        scenario: "stock-lost".into(),
        began: Timestamp::from_second(1_700_000_000 + n).unwrap(),
        is_control: n == 3,
        exit,
        is_valid: n != 4,
        is_harmed: true,
        alarms: Some(alarms.into()),
        restored_by: "fault_end".into(),
    };
    vec![one(1, "silent", 2), one(2, "sound", 0), one(3, "silent", 2), one(4, "silent", 6)]
}

fn report() -> DayReport {
    let drills = BTreeMap::from([("payments-slow-1".to_owned(), Report::of(DRILL.as_bytes()).unwrap())]);
    DayReport::of(&journal(&events()), &drills, &past()).unwrap()
}

fn link(run: u32, drill: &str) -> String {
    format!("{run:02}-{drill}/report.html")
}

#[test]
fn harm_that_nobody_was_told_of_is_what_is_remembered() {
    let report = report();
    assert_eq!((report.headline.words.as_str(), report.headline.tone), ("Silent failure", Tone::Bad));
    assert!(report.headline.sentence.contains("1 of 3 drills passed"), "{}", report.headline.sentence);
}

#[test]
fn each_run_has_its_words_with_their_rules_and_leads_to_its_drill() {
    let report = report();
    let word = |run: usize, key: &str| {
        let at = COLUMNS.iter().position(|(column, _)| *column == key).unwrap();
        report.runs[run].cells[at].as_ref().map(|verdict| verdict.word.clone())
    };
    // The first run's words are its own report's; the second has none at hand, and its words stand in the day's journal.
    assert_eq!(word(0, "restored_by").as_deref(), Some("fault_end"));
    assert_eq!(word(1, "alarms").as_deref(), Some("silent"));
    assert_eq!(word(2, "alarms"), None);
    let page = html(&report, &link);
    assert!(
        page.contains("href=\"01-payments-slow-1/report.html\"")
            && page.contains("at least one expectation is a MISS")
    );
    let text = markdown(&report, &link);
    assert!(
        text.contains("[stock-lost](02-stock-lost-1/report.html)") && text.contains("✗ silent"),
        "{text}"
    );
}

#[test]
fn a_drill_that_could_not_measure_is_said_before_all_results() {
    let report = report();
    let page = html(&report, &link);
    let (defect, table) =
        (page.find("What the drills themselves failed to do"), page.find("Runs and their verdicts"));
    assert!(defect.is_some() && defect < table, "{defect:?} {table:?}");
    assert!(page.contains("the port 9001 is in use"));
}

#[test]
fn a_share_is_never_told_without_its_number_and_counts_only_what_says_something() {
    let history = report().history;
    let stock = history.iter().find(|one| one.scenario == "stock-lost").unwrap();
    assert_eq!((stock.valid, stock.drills), (2, 3), "a placebo is not counted, what proves nothing is told");
    assert_eq!(history::share(&stock.told), "1 of 2 (95 %: 9 to 91 %)");
    assert!(html(&report(), &link).contains("1 of 2 (95 %: 9 to 91 %)"));
}

#[test]
fn what_people_wrote_stays_text() {
    let page = html(&report(), &link);
    assert!(page.contains("Who tells the &lt;customers&gt;?") && !page.contains("<customers>"));
    let text = markdown(&report(), &link);
    assert!(text.contains("frozen \\| anyway"), "{text}");
}

#[test]
fn ci_is_told_run_by_run() {
    let text = junit(&report());
    assert!(text.contains("tests=\"4\" failures=\"1\" errors=\"1\""), "{text}");
    assert!(text.contains("name=\"2 stock-lost\"") && text.contains("StockLost did not come"), "{text}");
}

#[test]
fn json_holds_it_all_and_the_same_journals_give_the_same_bytes() {
    let bytes = super::json(&report()).unwrap();
    assert_eq!(bytes, super::json(&report()).unwrap());
    let whole: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(whole["version"], super::VERSION);
    assert_eq!(whole["runs"][1]["verdicts"][2]["word"], "silent");
    assert_eq!(whole["journal"]["lines"], 16);
}

#[test]
fn a_day_that_has_not_begun_says_so() {
    let report = DayReport::of(&journal(&[]), &BTreeMap::new(), &[]).unwrap();
    assert_eq!(report.headline.words, "Not begun");
    let half = DayReport::of(&journal(&events()[..7]), &BTreeMap::new(), &[]).unwrap();
    assert_eq!((half.headline.words.as_str(), half.headline.tone), ("Not over yet", Tone::Neutral));
    assert!(html(&report, &link).contains("not closed yet"));
}
