//! A random scenario that the product itself finds nothing wrong with.

use std::collections::BTreeMap;

use firedrill::fault::{Fault, Seed};
use firedrill::playbook::check_exercise;
use firedrill::playbook::plan::Playbook;
use firedrill::scenario::plan::Plan;
use firedrill::scenario::{Catalog, Context};
use firedrill::text::Source;
use serde_json::{Map, Value, json};

use crate::book;
use crate::dice::Dice;

/// The URL of the load and of the first probe, whose answers then count together.
const SHOP: &str = "http://127.0.0.1:1/shop";

/// A scenario as text, and what the product makes of it.
pub fn draw(seed: u64) -> (String, Plan, Option<Playbook>) {
    let mut dice = Dice::of(seed, "scenario");
    let probes = probes(&mut dice);
    let names: Vec<String> = probes.iter().map(|probe| probe["name"].as_str().unwrap().to_owned()).collect();
    let mut whole = json!({
        "firedrill": "v1",
        "kind": "Scenario",
        "name": "simulated",
        "routes": {"shop": {"listen": "127.0.0.1:1", "upstream": "127.0.0.1:2", "protocol": "http"}},
        "steady_state": {
            "every": dice.written_ms(500, 2_000),
            "stable_for": dice.written_ms(500, 4_000),
            "no_impact_after": dice.written_ms(1_000, 8_000),
            "gate_within": dice.written_ms(8_000, 25_000),
            "recovery_within": dice.written_ms(6_000, 25_000),
            "probes": probes,
        },
    });
    let faults = faults(&mut dice);
    alarms(&mut dice, &mut whole, &faults);
    whole["faults"] = faults.into();
    if dice.chance(25) {
        whole["load"] = json!({"http": SHOP, "rate": "20/s", "timeout": "2s"});
    }
    if dice.chance(35) {
        let mut rule = json!({"probe": dice.pick(&names), "for": dice.written_ms(0, 9_000)});
        if dice.chance(30) {
            rule["tolerance"] = json!({"failures": "1 of 4"});
        }
        whole["abort"] = json!([rule]);
    }
    if dice.chance(35) {
        let results = ["effect", "impact", "steady_state", "restored_by", "clean", "drill", "alarms"];
        whole["hypothesis"] = json!({"believe": "it holds", "confident_when": [dice.pick(&results)]});
    }
    let command = dice.chance(30).then(|| vec!["under-test".to_owned()]);
    let book = book::draw(seed).map(|(block, book)| {
        whole["playbook"] = block;
        book
    });
    let text = serde_json::to_string_pretty(&whole).unwrap();
    let (plan, playbook) = plan(seed, &text, book.as_deref(), command);
    (format!("{text}\n{}", book.unwrap_or_default()), plan, playbook)
}

/// Holds the playbook's file.
struct Shelf<'a>(Option<&'a str>);

impl Catalog for Shelf<'_> {
    fn read(&self, folder: &str, name: &str) -> Option<Source> {
        let book = self.0.filter(|_| (folder, name) == ("playbooks", book::NAME))?;
        Some(Source::new("simulated-book.yaml", book))
    }
}

fn plan(seed: u64, text: &str, book: Option<&str>, command: Option<Vec<String>>) -> (Plan, Option<Playbook>) {
    let nothing = BTreeMap::new();
    let context = Context {
        catalog: &Shelf(book),
        sets: &nothing,
        process_env: &nothing,
        environment: None,
        inputs: &nothing,
    };
    let checked = check_exercise(Source::new("simulated.yaml", text), &context, None);
    let problems = format!("{:?}", checked.files);
    let exercise = checked.value.unwrap_or_else(|| panic!("seed {seed}: {problems}\n{text}\n{book:?}"));
    (exercise.scenario.plan(Seed(seed), command), exercise.playbook)
}

fn probes(dice: &mut Dice) -> Vec<Value> {
    let count = 1 + dice.below(3);
    let one = |n: u64, dice: &mut Dice| {
        let mut probe = match (n, dice.below(3)) {
            (0, _) => json!({"http": SHOP}),
            (_, 0) => json!({"http": "http://127.0.0.1:1/other"}),
            (_, 1) => json!({"tcp": "127.0.0.1:2"}),
            _ => json!({"run": ["measure"]}),
        };
        probe["name"] = format!("probe-{n}").into();
        probe["timeout"] = dice.written_ms(300, 3_000).into();
        match dice.below(6) {
            0 => probe["tolerance"] = json!({"failures": "1 of 3"}),
            1 => probe["tolerance"] = json!({"errors": "20%", "over": "20s"}),
            2 if n == 0 => probe["tolerance"] = json!({"p95": "200ms", "over": "20s"}),
            _ => {}
        }
        if n > 0 && dice.chance(20) {
            probe["invariant"] = true.into();
        }
        probe
    };
    (0..count).map(|n| one(n, dice)).collect()
}

/// A kind's parameters as files write them; absent: the simulation does not know the kind.
pub fn parameters(kind: &str) -> Option<Value> {
    Some(match kind {
        "latency" => json!("2s"),
        "slow_close" | "limit_time" => json!("1s"),
        "limit_data" | "slicer" => json!("100B"),
        "corrupt" => json!("1%"),
        "bandwidth" => json!("1KB/s"),
        "reset" | "blackhole" | "stall" | "refuse" | "accept_stall" => json!({}),
        "connection_limit" => json!(1),
        "http_error" => json!(503),
        "http_body" => json!({"truncate": "10B"}),
        "http_headers" => json!({"remove": ["content-type"]}),
        "grpc_error" => json!("UNAVAILABLE"),
        "keep_alive_kill" | "http_redirect_loop" => json!({}),
        "process_kill" | "process_pause" | "process_restart" => json!("shop"),
        _ => return None,
    })
}

fn faults(dice: &mut Dice) -> Vec<Value> {
    let kinds: Vec<(&str, Value)> =
        Fault::kinds().filter_map(|kind| Some((kind, parameters(kind)?))).collect();
    let mut faults: Vec<Value> = Vec::new();
    for n in 0..1 + dice.below(4) {
        let (kind, parameters) = dice.pick(&kinds).clone();
        let is_host = kind.starts_with("process_");
        let mut fault = Map::new();
        fault.insert("id".into(), format!("fault-{n}").into());
        fault.insert("target".into(), if is_host { "host/local" } else { "route/shop" }.into());
        fault.insert(kind.into(), parameters);
        if n > 0 && dice.chance(40) {
            let after = format!("fault-{}", dice.below(n));
            fault.insert("start".into(), json!({"after": after, "delay": dice.written_ms(0, 6_000)}));
        } else if dice.chance(50) {
            fault.insert("start".into(), dice.written_ms(0, 8_000).into());
        }
        if !matches!(kind, "process_kill" | "process_restart") {
            let max = 2_000 + dice.below(13_000);
            fault.insert("max".into(), format!("{max}ms").into());
            match dice.below(3) {
                0 => drop(fault.insert("until".into(), "recovered".into())),
                1 => drop(fault.insert("until".into(), dice.written_ms(1_000, max).into())),
                _ => {}
            }
        }
        faults.push(fault.into());
    }
    faults
}

fn alarms(dice: &mut Dice, whole: &mut Value, faults: &[Value]) {
    match dice.below(10) {
        0..4 => return,
        4 => whole["expect"] = json!({"alarms": []}),
        _ => {
            let expected = (0..1 + dice.below(3)).map(|n| {
                let mut one = json!({
                    "id": format!("alarm-{n}"),
                    "match": {"alertname": format!("Alarm{n}")},
                    "within": dice.written_ms(2_000, 12_000),
                    "from": dice.pick(&["impact", "effect"]),
                });
                if dice.chance(40) {
                    one["resolve_within"] = dice.written_ms(1_000, 15_000).into();
                }
                if dice.chance(25) {
                    one["fault"] = dice.pick(faults)["id"].clone();
                }
                one
            });
            let expected: Vec<Value> = expected.collect();
            whole["expect"] = json!({"alarms": expected, "forbidden": [{"alertname": "Forbidden"}]});
        }
    }
    if dice.chance(30) {
        whole["alarms"] = json!([{"alertmanager": "http://127.0.0.1:3", "mode": "poll"}]);
    }
}
