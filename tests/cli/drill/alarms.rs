//! What is posted to a drill, good and bad, and what the scorecard makes of it.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::world::{SOON, World, route, scenario, watching};
use crate::support::{Upstream, free_port, request};

const HOOK: &str = "/v1/alarms/alertmanager";
const FAULT: &str =
    "faults:\n  - {id: broken, target: route/shop, match: /checked, http_error: 503, until: 4s, max: 10s}\n";

/// A drill whose fault is on for 4 s, and where alarms are posted to it.
struct Heard {
    world: World,
    _service: Upstream,
    alarms: SocketAddr,
    drill: crate::support::Child,
}

impl Heard {
    /// Started, and its fault is felt.
    fn start(expect: &str) -> Self {
        let (world, service) = (World::new(), Upstream::start());
        let local = || SocketAddr::from(([127, 0, 0, 1], free_port()));
        let (listen, alarms) = (local(), local());
        let probes = format!(
            "{}, {{name: checked, http: \"http://{listen}/checked\", timeout: 1s, tolerance: {{failures: 0 of 1}}}}",
            watching(service.address)
        );
        let rest = format!("{FAULT}{expect}");
        world.write("heard.yaml", &scenario("heard", &route(listen, service.address), &probes, &rest));
        let drill = world.start(&["run", "heard.yaml", "--out", "out", "--alarms", &alarms.to_string()]);
        world.wait_for("out", "fault.measured", "\"faulted\":");
        Self { world, _service: service, alarms, drill }
    }

    #[track_caller]
    fn post(&self, path: &str, body: &str, status: u16) {
        let answer = request(self.alarms, "POST", path, body).unwrap();
        assert_eq!(answer.status, status, "{}", answer.body);
    }

    /// Its exit status and its scorecard.
    fn end(self) -> (Option<i32>, Value) {
        let ended = self.drill.wait(SOON);
        let card = std::fs::read(self.world.path("out").join("scorecard.json"));
        let card = card.unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        (ended.code, serde_json::from_slice(&card).unwrap())
    }
}

/// One alarm as Alertmanager posts it.
fn webhook(name: &str, starts: &str) -> String {
    let alert =
        json!({"status": "firing", "labels": {"alertname": name, "severity": "page"}, "startsAt": starts});
    json!({"version": "4", "receiver": "team", "alerts": [alert]}).to_string()
}

fn others(card: &Value) -> Vec<(&str, &str)> {
    let all = card["alarms"]["others"].as_array().unwrap();
    all.iter().map(|one| (one["alarm"].as_str().unwrap(), one["class"].as_str().unwrap())).collect()
}

#[test]
fn bad_and_foreign_messages_do_no_harm_to_the_score() {
    let heard = Heard::start("expect: [{id: slow, match: Slow, within: 3s, from: effect}]\n");
    heard.post(HOOK, "{", 400);
    heard.post(HOOK, &"[".repeat(200_000), 400);
    heard.post(HOOK, "{\"event\":{\"event_type\":\"incident.triggered\"}}", 400);
    heard.post(HOOK, &webhook("Slow", "x").replace("firing", "purple"), 400);
    heard.post("/v1/alarms/pager", "{}", 404);
    // What fires since long before, since the future, and since no time at all.
    heard.post(HOOK, &webhook("Old", "2001-01-01T00:00:00Z"), 200);
    heard.post(HOOK, &webhook("Young", "9999-01-01T00:00:00Z"), 200);
    let slow = webhook("Slow", "0001-01-01T00:00:00Z");
    for _ in 0..4 {
        heard.post(HOOK, &slow, 200);
    }
    let (code, card) = heard.end();
    let score = &card["alarms"]["expectations"][0];
    assert_eq!((code, &score["outcome"]), (Some(0), &"hit".into()), "{card:#}");
    assert_eq!(
        (&score["repeats"], &score["alarms"], &score["delivery"]),
        (&3.into(), &1.into(), &Value::Null)
    );
    assert_eq!(card["alarms"]["word"], "sound", "{card:#}");
    let mut others = others(&card);
    others.sort_unstable();
    assert_eq!(others, [("Old", "standing"), ("Young", "unlisted")]);
    assert_eq!(card["alarms"]["precision"]["denominator"], 1, "{card:#}");
}

#[test]
fn an_alarm_that_claims_to_be_older_than_the_fault_is_no_hit() {
    let heard = Heard::start("expect: [{id: slow, match: Slow, within: 3s, from: effect}]\n");
    heard.post(HOOK, &webhook("Slow", "2001-01-01T00:00:00Z"), 200);
    let (code, card) = heard.end();
    let score = &card["alarms"]["expectations"][0];
    // It could not be judged, so nothing is known of the alarm.
    assert_eq!((code, &score["outcome"]), (Some(6), &"pre-firing".into()), "{card:#}");
    assert!(
        card["summary"]["reasons"].to_string().contains("it fired before the fault took effect"),
        "{card:#}"
    );
}

#[test]
fn a_pager_of_a_form_of_its_own_is_heard_and_is_a_hit() {
    let heard = Heard::start(
        "alarms: [{generic: {name: pager, mapping: {name: $.page.title, status: $.page.state, receiver: $.page.to}}}]\n\
         expect: [{id: slow, match: Slow, within: 3s, from: effect, receiver: team-shop}]\n",
    );
    let page = json!({"page": {"title": "Slow", "state": "open", "to": "team-shop"}}).to_string();
    heard.post("/v1/alarms/generic/pager", &page, 200);
    heard.post("/v1/alarms/generic/other", &page, 400);
    let (code, card) = heard.end();
    let score = &card["alarms"]["expectations"][0];
    assert_eq!(
        (code, &score["outcome"], &score["receiver"]),
        (Some(0), &"hit".into(), &"right".into()),
        "{card:#}"
    );
}
