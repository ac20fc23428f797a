//! The whole API over a socket, in the order in which people come to need it: a game day from its bundle to its closed
//! record, another that is stopped, and the lever. What the document promises and this course leaves out fails it.

use serde_json::{Value, json};

use crate::ask::{Answer, Event};
use crate::caller::{Call, Caller};
use crate::house::{House, PATIENCE};
use crate::support::{Child, free_port, wait_until};

const ANA: (&str, &str) = ("in-stead-of", "ana");

#[test]
fn every_operation_does_what_the_document_says() {
    let mut house = House::new();
    house.start();
    let api = Caller::new(&house);
    nothing_is_there_yet(&api);
    let bundle = bundle(&house);
    let day = added(&api, &bundle);
    begun(&api, &day);
    let drill = drilled(&api, &day);
    reviewed(&api, &day);
    told_of_the_drill(&api, &drill);
    told_of_the_day(&api, &day);
    stopped_and_halted(&api, &bundle);
    numbers(&api);
    assert_eq!(api.left_out(), Vec::<String>::new(), "of what the document promises");
}

/// A game day with a question before, a drill that waits for people, and a question after it. The service under test is
/// the server itself, behind a route of the drill's own. Each file is JSON, which is YAML too.
fn bundle(house: &House) -> Value {
    let route = format!("127.0.0.1:{}", free_port());
    let gameday = json!({
        "firedrill": "v1", "kind": "GameDay", "name": "walk", "title": "A walk through the API",
        "approvals": {"count": 1},
        "preflight": [{"ask": "Has support been told?"}, {"ask": "Is everybody there?"}],
        "injects": [{"scenario": "late"}, {"ask": "Who tells the customers?"}],
        "review": {"questions": ["What surprised you?"]},
    });
    // Each probe is given up before the answer comes: that is the impact. It is over when somebody takes the delay away.
    let scenario = json!({
        "firedrill": "v1", "kind": "Scenario", "name": "late",
        "routes": {"shop": {"listen": route, "upstream": house.address.to_string(), "protocol": "http"}},
        "steady_state": {
            "every": "100ms", "stable_for": "300ms", "recovery_within": "30s",
            "probes": [{
                "name": "shop", "http": format!("http://{route}/healthCheck"), "timeout": "1s",
                "tolerance": {"status": 200, "failures": "0 of 1"},
            }],
        },
        "faults": [{"id": "slow", "target": "route/shop", "latency": "3s", "max": "2m"}],
        "expect": {"alarms": [{"match": "ShopLate", "within": "1m"}]},
        "playbook": {"name": "mend", "start": "manual"},
    });
    let playbook = json!({
        "firedrill": "v1", "kind": "Playbook", "name": "mend",
        "steps": [{"id": "look", "manual": "Look whether customers wait", "timeout": "2m"}],
    });
    let file = |path: &str, text: &Value| json!({"path": path, "text": text.to_string()});
    json!({
        "main": "walk.yaml",
        "files": [
            file("walk.yaml", &gameday),
            file("scenarios/late.yaml", &scenario),
            file("playbooks/mend.yaml", &playbook),
        ],
    })
}

fn nothing_is_there_yet(api: &Caller<'_>) {
    assert_eq!(api.read("health", &[])["status"], "ok");
    let served = api.get("openapi", &[]).body;
    let printed = Child::spawn(&mut api.house.command(&["schema", "openapi"])).wait(PATIENCE).stdout;
    assert_eq!(served, printed, "what is served is what is printed");
    let standing = api.read("status", &[]);
    assert!(standing["lever"].is_null() && standing["drills"] == json!([]), "{standing}");
    assert_eq!(api.read("gamedays", &[]), json!({"gamedays": []}));
    assert_eq!(api.read("drills", &[]), json!({"drills": []}));
}

/// Adds it; gives its id.
fn added(api: &Caller<'_>, bundle: &Value) -> String {
    let mut changes = api.follow("changes", &[], &[]);
    assert_eq!(changes.next().unwrap().kind, "change", "at once");
    let only_checked = Call { name: "add_gameday", query: "dry_run=true", ..Call::default() };
    let checked = api.send(only_checked, Some(bundle.clone()));
    assert_eq!((checked.status, checked.json()["id"].as_str()), (200, Some("walk-1")));
    assert_eq!(api.read("gamedays", &[]), json!({"gamedays": []}), "a check keeps nothing");
    let answer = api.post("add_gameday", &[], bundle.clone());
    assert_eq!(answer.header("location"), Some("/v1/gamedays/walk-1"));
    assert_eq!(changes.next().unwrap().kind, "change", "and when something changes");
    assert_eq!(api.read("gamedays", &[])["gamedays"][0]["id"], "walk-1");
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Approves and starts it, and answers what is asked before.
fn begun(api: &Caller<'_>, day: &str) {
    let view = api.read("gameday", &[day]);
    assert_eq!((view["line"]["state"].as_str(), view["approvals_needed"].as_u64()), (Some("draft"), Some(1)));
    api.post("approve_gameday", &[day], json!({"in_stead_of": "ana"}));
    assert_eq!(api.read("gameday", &[day])["approvals"][0]["in_stead_of"], "ana");
    // Where nothing must be said no body is needed.
    let start = Call { name: "start_gameday", at: &[day], headers: &[ANA], ..Call::default() };
    assert_eq!(api.send(start, None).status, 204);
    assert_eq!(api.read("gameday", &[day])["line"]["state"], "preflight");
    api.post("answer", &[day], json!({"item": "ask-1", "ok": true, "text": "by phone"}));
    api.post("waive", &[day], json!({"item": "ask-2", "reason": "nobody else is needed"}));
}

/// Everything that is said to a drill while it runs; gives its id.
fn drilled(api: &Caller<'_>, day: &str) -> String {
    wait_until("a drill", PATIENCE, || api.read("drills", &[])["drills"][0]["state"] == "running");
    let drill = api.read("drills", &[])["drills"][0]["id"].as_str().unwrap().to_owned();
    let at: &[&str] = &[&drill];
    let mut seen = until(api.follow("drill_events", at, &[]), "impact.seen");
    assert!(api.read("drill", at)["status"].is_object());
    api.post("pause_gameday", &[day], json!({"reason": "one thing at a time"}));
    let note = Call { name: "note_drill", at, headers: &[ANA], ..Call::default() };
    assert_eq!(api.send(note, Some(json!({"text": "customers wait", "action": true}))).status, 204);
    alarms(api);
    api.post("start_playbook", at, json!({"reason": "it is time"}));
    api.post("answer_step", &[&drill, "look"], json!({"answer": {"is": "done"}, "role": "sre"}));
    let changed = api.post("set_fault", &[&drill, "slow"], json!({"set": {"delay": "1ms"}})).json();
    assert!(changed["change"].as_str().unwrap().contains("1ms"), "{changed}");
    // Whoever was cut off comes back where they were.
    let last = seen.last().unwrap().id.unwrap().to_string();
    seen.extend(api.follow("drill_events", at, &[("last-event-id", &last)]));
    let record = api.get("drill_journal", at).body;
    let lines: Vec<&str> = seen.iter().map(|event| event.data.as_str()).collect();
    assert_eq!(lines, record.lines().collect::<Vec<_>>(), "each line once, byte for byte");
    assert!(seen.iter().enumerate().all(|(n, event)| event.id == Some(n as u64)));
    for kind in ["action.taken", "playbook.requested", "step.answered", "fault.changed", "drill.closed"] {
        assert!(seen.iter().any(|event| event.kind == kind), "{kind}\n{record}");
    }
    assert!(record.contains("admin for ana"), "{record}");
    let heard: Vec<&Event> = seen.iter().filter(|event| event.kind == "alarm.received").collect();
    for name in ["ShopLate", "CartLate", "CartGone"] {
        assert!(heard.iter().any(|event| event.data.contains(name)), "{name}\n{record}");
    }
    wait_until("the pause", PATIENCE, || api.read("gameday", &[day])["line"]["state"] == "paused");
    api.post("resume_gameday", &[day], json!({}));
    drill
}

/// The events up to the first of a kind.
fn until(events: impl Iterator<Item = Event>, kind: &str) -> Vec<Event> {
    let mut seen: Vec<Event> = Vec::new();
    for event in events {
        let is_it = event.kind == kind;
        seen.push(event);
        if is_it {
            return seen;
        }
    }
    panic!("never {kind}: {seen:#?}")
}

/// What monitoring says, each in its own words.
fn alarms(api: &Caller<'_>) {
    let now = api.read("status", &[])["now"].clone();
    let alert = json!({
        "status": "firing", "labels": {"alertname": "ShopLate", "severity": "page"}, "annotations": {},
        "startsAt": now, "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "2cb0de01cc8c87ec",
    });
    let webhook = json!({
        "version": "4", "groupKey": "{}:{}", "status": "firing", "receiver": "pager", "truncatedAlerts": 0,
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "", "alerts": [alert],
    });
    api.post("alertmanager", &[], webhook);
    api.post("generic_alarm", &["pager"], json!({"alertname": "CartLate", "status": "firing"}));
    let alert =
        json!({"labels": {"alertname": "CartGone"}, "annotations": {}, "startsAt": now, "generatorURL": ""});
    api.post("emulate_alertmanager", &[], json!([alert]));
}

/// The question after the drill, and the review.
fn reviewed(api: &Caller<'_>, day: &str) {
    wait_until("the question", PATIENCE, || api.read("gameday", &[day])["runs"][1]["state"] == "running");
    api.post("answer", &[day], json!({"run": 2, "text": "Cleo does"}));
    api.post("note_gameday", &[day], json!({"text": "well done"}));
    let finding = json!({"title": "no dashboard", "owner": "ana", "due": "2030-01-31", "kind": "alarm"});
    api.post("add_finding", &[day], finding);
    api.post("review", &[day], json!({"question": "What surprised you?", "answer": "nothing"}));
    api.post("close_gameday", &[day], json!({}));
    let events: Vec<Event> = api.follow("gameday_events", &[day], &[]).collect();
    assert_eq!(events.last().unwrap().kind, "gameday.closed");
    let record = api.get("gameday_journal", &[day]).body;
    assert!(
        events.iter().map(|event| event.data.as_str()).eq(record.lines()),
        "each line once, byte for byte"
    );
    wait_until("the end", PATIENCE, || api.read("gameday", &[day])["line"]["closed"] == true);
    let view = api.read("gameday", &[day]);
    assert_eq!(view["runs"][1]["answer"].as_str().map(|answer| answer.contains("Cleo does")), Some(true));
    assert!(view["findings"].as_array().unwrap().iter().any(|finding| finding["owner"] == "ana"), "{view}");
    let again = api.send(Call { name: "start_gameday", at: &[day], ..Call::default() }, None);
    assert_eq!(again.status, 409, "a closed day is not started");
}

fn told_of_the_drill(api: &Caller<'_>, drill: &str) {
    let at: &[&str] = &[drill];
    let view = api.read("drill", at);
    assert!(view["summary"].is_object() && view["line"]["state"] == "over", "{view}");
    let lines = &view["line"]["lines"];
    let verified = api.read("verify_drill", at);
    assert!(verified["state"] == "whole" && verified["lines"] == *lines, "{verified} {view}");
    let head = format!("head={}", "0".repeat(64));
    let against = Call { name: "verify_drill", at, query: &head, ..Call::default() };
    assert_eq!(api.send(against, None).json()["state"], "broken", "it is not that one");
    let history = api.read("history", &["late"]);
    assert_eq!((history["n"].as_u64(), &history["drills"][0]["id"]), (Some(1), &json!(drill)));
    for (query, count) in [("scenario=late&state=over", 1), ("state=running", 0), ("gameday=walk-2", 0)] {
        let list = api.send(Call { name: "drills", query, ..Call::default() }, None).json();
        assert_eq!(list["drills"].as_array().unwrap().len(), count, "{query}: {list}");
    }
    let late = Call { name: "note_drill", at, ..Call::default() };
    assert_eq!(api.send(late, Some(json!({"text": "too late"}))).status, 409);
    for (name, word) in [
        ("drill_html", "<!doctype html"),
        ("drill_markdown", "late"),
        ("drill_json", "\"scorecard\""),
        ("drill_junit", "<testsuite"),
        ("drill_journal", "drill.planned"),
    ] {
        let keep = read_twice(api, name, drill, word);
        assert!(keep.contains("immutable"), "{name} is made of a closed record: {keep}");
    }
}

fn told_of_the_day(api: &Caller<'_>, day: &str) {
    for (name, word) in [
        ("gameday_html", "<!doctype html"),
        ("gameday_markdown", "late"),
        ("gameday_json", "\"findings\""),
        ("gameday_junit", "<testsuite"),
        ("gameday_journal", "gameday.planned"),
    ] {
        let keep = read_twice(api, name, day, word);
        assert_eq!(keep.contains("immutable"), name == "gameday_journal", "{name}: {keep}");
    }
}

/// Reads it, and asks again for what has changed since, which is nothing. Gives how long it may be kept.
fn read_twice(api: &Caller<'_>, name: &str, id: &str, word: &str) -> String {
    let first = api.get(name, &[id]);
    assert!(first.status == 200 && first.body.to_lowercase().contains(word), "{name}: {}", first.body);
    let tag = first.header("etag").unwrap();
    let ask = |tag: &str| -> Answer {
        api.send(Call { name, at: &[id], headers: &[("if-none-match", tag)], ..Call::default() }, None)
    };
    assert_eq!(ask(tag).status, 304, "{name}: {}", first.head);
    assert_eq!(ask("\"another\"").body, first.body, "{name}");
    first.header("cache-control").unwrap().to_owned()
}

/// One that is stopped before it began, and one that a halt stops.
fn stopped_and_halted(api: &Caller<'_>, bundle: &Value) {
    let add = || api.post("add_gameday", &[], bundle.clone()).json()["id"].as_str().unwrap().to_owned();
    let (stopped, halted) = (add(), add());
    api.post("stop_gameday", &[&stopped], json!({"reason": "not today"}));
    let view = api.read("gameday", &[&stopped]);
    assert_eq!(
        (&view["line"]["state"], &view["stopped"]["reason"]),
        (&json!("stopped"), &json!("not today"))
    );
    api.post("approve_gameday", &[&halted], json!({}));
    api.post("start_gameday", &[&halted], json!({}));
    let halt = Call { name: "halt", headers: &[ANA], ..Call::default() };
    assert_eq!(api.send(halt, Some(json!({"reason": "smoke in the room"}))).status, 202);
    let lever = api.read("status", &[])["lever"].clone();
    assert_eq!(
        (lever["who"].as_str(), lever["why"].as_str()),
        (Some("admin for ana"), Some("smoke in the room"))
    );
    wait_until("the stop", PATIENCE, || api.read("gameday", &[&halted])["line"]["state"] == "stopped");
    let release = |reason: &str| {
        api.send(Call { name: "release", ..Call::default() }, Some(json!({"reason": reason}))).status
    };
    assert_eq!(release(" "), 422, "without a reason");
    assert_eq!(release("it was the toaster"), 204);
    assert!(api.read("status", &[])["lever"].is_null());
    assert_eq!(release("it was the toaster"), 409, "nothing is halted");
}

fn numbers(api: &Caller<'_>) {
    let numbers = api.get("metrics", &[]).body;
    for line in [
        "firedrill_drills{state=\"over\"",
        "firedrill_gamedays{state=\"closed\"} 1",
        "firedrill_gamedays{state=\"stopped\"} 2",
        "firedrill_requests_total{route=\"set_fault\",status=\"200\"} 1",
        "firedrill_alarms_total 3",
        "firedrill_halted 0",
        "# EOF",
    ] {
        assert!(numbers.contains(line), "{line}\n{numbers}");
    }
}
