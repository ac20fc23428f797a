//! A random playbook for a simulated drill, and what comes of its steps.

use firedrill::playbook::event::{Attempt, Job};
use serde_json::{Value, json};

use crate::dice::Dice;

/// The name that scenarios call it by.
pub const NAME: &str = "simulated-book";

/// What a drill has of a playbook: the scenario's block and the playbook's file; two in seven drills have one.
pub fn draw(seed: u64) -> Option<(Value, String)> {
    if !matches!(seed % 7, 3 | 6) {
        return None;
    }
    let mut dice = Dice::of(seed, "playbook");
    let start = *dice.pick(&["alarm", "impact", "impact", "manual"]);
    let count = 1 + dice.below(4);
    let steps: Vec<Value> = (0..count).map(|n| step(&mut dice, n, n + 1 == count)).collect();
    let book = json!({
        "firedrill": "v1",
        "kind": "Playbook",
        "name": NAME,
        "triggers": [{"alertname": "Alarm0"}],
        "objectives": {"rto": dice.written_ms(5_000, 30_000)},
        "steps": steps,
    });
    Some((json!({"name": NAME, "start": start}), serde_json::to_string_pretty(&book).unwrap()))
}

fn step(dice: &mut Dice, n: u64, last: bool) -> Value {
    let put = |to: &str| json!({"method": "PUT", "url": format!("http://127.0.0.1:4/{to}")});
    let mut step = match dice.below(10) {
        0..2 => json!({"manual": "Look at it, and say what you see."}),
        2 => {
            json!({"approve": {"from": ["commander"], "count": 1 + dice.below(2), "expires": dice.written_ms(3_000, 15_000)}})
        }
        3 => json!({"notify": {"audience": "internal", "text": "We are on it."}}),
        4 => json!({"probe": "steady_state", "timeout": dice.written_ms(2_000, 15_000)}),
        5..7 => json!({"run": ["mend"]}),
        _ => json!({"http": put("mend")}),
    };
    step["id"] = format!("step-{n}").into();
    let acts = step.get("run").is_some() || step.get("http").is_some();
    if step.get("manual").is_some() || acts {
        step["timeout"] = dice.written_ms(1_000, 8_000).into();
    }
    if acts {
        step["retry"] = json!({"attempts": 1 + dice.below(3), "delay": dice.written_ms(0, 2_000)});
        if dice.chance(50) {
            step["undo"] = json!({"http": put("back"), "timeout": dice.written_ms(500, 4_000)});
        }
        if dice.chance(50) {
            step["verify"] = json!({"probe": "probe-0", "within": dice.written_ms(1_000, 8_000)});
        }
    }
    if dice.chance(50) && !last {
        step["on_failure"] = "continue".into();
    }
    step
}

/// How an attempt goes, and whether it mends the service; absent: it never answers.
pub fn attempt(seed: u64, job: &Job) -> Option<(std::time::Duration, Attempt, bool)> {
    let mut dice = Dice::of(seed, &format!("{} {} {}", job.step, job.attempt, job.undo));
    let after = dice.ms(10, 2_500).min(job.timeout.duration());
    if dice.odd(60) {
        return None;
    }
    if dice.chance(15) {
        return Some((job.timeout.duration(), Attempt::TimedOut { why: "it hung".into() }, false));
    }
    if dice.chance(25) {
        return Some((after, Attempt::Failed { why: "status 500".into() }, false));
    }
    let ok = Attempt::Ok { outputs: std::collections::BTreeMap::new(), detail: "status 200".into() };
    Some((after, ok, !job.undo && dice.chance(60)))
}
