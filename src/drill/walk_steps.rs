//! Every order of events, to a depth, with a playbook: what it changed is taken back, after the faults and before the
//! end, and no wait for it is without an end.

use super::walk::{Step, World, plan, walk};
use crate::playbook::plan::Playbook;
use crate::scenario::plan::{People, Plan, PlaybookStart, PlaybookUse};

/// A command that is verified and has a way back, a question to a person, and a request with a way back.
fn playbook() -> Playbook {
    let run = |word: &str| serde_json::json!({"run": {"argv": [word], "env": {}, "exit": 0}});
    let undo = |word: &str| {
        let retry = serde_json::json!({"attempts": 1, "delay": "1s"});
        serde_json::json!({"action": run(word), "timeout": "5s", "retry": retry})
    };
    let step = |id: &str, action: serde_json::Value, undo: Option<serde_json::Value>| {
        let retry = serde_json::json!({"attempts": 2, "delay": "1s"});
        let (mutates, verify) =
            (undo.is_some(), serde_json::json!({"check": {"named": "shop"}, "within": "5s"}));
        serde_json::json!({
            "id": id, "title": null, "role": null, "links": [], "action": action, "when": null, "next": [],
            "retry": retry, "timeout": "5s", "budget": null, "verify": mutates.then_some(verify),
            "on_failure": "continue", "outputs": {}, "mutates": mutates, "undo": undo, "end": false
        })
    };
    let manual = serde_json::json!({"manual": {"text": "look", "questions": []}});
    serde_json::from_value(serde_json::json!({
        "name": "book", "title": null, "owner": null, "triggers": [], "objectives": {"rto": null, "rpo": null},
        "inputs": {}, "secrets": {}, "contacts": [],
        "steps": [
            step("switch", run("switch"), Some(undo("switch-back"))),
            step("look", manual, None),
            step("more", run("more"), Some(undo("less"))),
        ]
    }))
    .unwrap()
}

fn with_playbook(start: PlaybookStart) -> Plan {
    let used = PlaybookUse { name: "book".into(), start, people: People::Ask, undo: true };
    let mut plan = plan(false);
    plan.faults.truncate(1);
    Plan { playbook: Some(used), abort: vec![], ..plan }
}

/// The first fault is on, had its effect, and harmed.
fn harmed() -> World {
    let mut world = World::begin(with_playbook(PlaybookStart::Impact), Some(playbook()));
    for step in [Step::Answer(0), Step::Probe(true), Step::Answer(0), Step::Effect(0), Step::Probe(false)] {
        world.take(step);
    }
    assert!(world.drill.playbook().is_some_and(crate::playbook::progress::Progress::is_running));
    world
}

#[test]
fn every_order_of_events_takes_back_what_the_playbook_changed() {
    let states = walk(harmed(), 7);
    assert!(states > 1_000, "the walk is worth something: {states}");
}

#[test]
fn every_order_of_events_ends_without_a_fault_too() {
    let mut plan = with_playbook(PlaybookStart::AtOnce);
    plan.faults.clear();
    let states = walk(World::begin(plan, Some(playbook())), 8);
    assert!(states > 500, "the walk is worth something: {states}");
}
