//! `populate`: what is made, what is left alone, what is replaced, and where it stops.

use serde_json::{Value, json};

use crate::ask::{JSON, free};
use crate::raw::Answer;
use crate::running::{Running, echo, exchange};

fn populate(running: &Running, body: &Value) -> Answer {
    let answer = running.ask("POST /populate", &body.to_string());
    assert_eq!(answer.header("content-type"), JSON, "also for a refusal: {answer:?}");
    answer
}

#[test]
fn a_list_is_made_and_made_again_without_a_change() {
    let (running, at, upstream) = (Running::start(), free(), echo());
    running.exactly("POST /populate", "[]", 201, JSON, r#"{"proxies":null}"#);
    running.exactly("POST /populate", "null", 201, JSON, r#"{"proxies":null}"#);
    let list = json!([{"name": "p", "listen": at.to_string(), "upstream": upstream.to_string()}]);
    let shown = format!(
        r#"{{"proxies":[{{"name":"p","listen":"{at}","upstream":"{upstream}","enabled":true,"Logger":{{}},"toxics":[]}}]}}"#
    );
    running.exactly("POST /populate", &list.to_string(), 201, JSON, &shown);
    exchange(at);
    running.toxic(r#"{"type": "noop"}"#);
    running.ask("PATCH /proxies/p", r#"{"enabled": false}"#);
    let mut again = list;
    again[0]["enabled"] = true.into();
    let left = populate(&running, &again).json()["proxies"][0].take();
    assert_eq!(left["enabled"], false, "an identical proxy is left alone, whatever `enabled` says");
    assert_eq!(left["toxics"][0]["name"], "noop_downstream");
}

#[test]
fn another_address_or_none_replaces_the_proxy_and_its_toxics_go() {
    let (running, upstream) = (Running::start(), echo().to_string());
    let list = |listen: &str, upstream: &str| json!([{"name": "p", "listen": listen, "upstream": upstream}]);
    let first = populate(&running, &list("127.0.0.1:0", &upstream)).json()["proxies"][0]["listen"].take();
    running.toxic(r#"{"type": "latency", "attributes": {"latency": 1}}"#);
    running.toxic(r#"{"type": "noop"}"#);
    let second = populate(&running, &list("127.0.0.1:0", &upstream)).json()["proxies"][0].take();
    assert_ne!(second["listen"], first, "port 0 is another port each time");
    assert_eq!(second["toxics"], json!([]));
    let listen = second["listen"].as_str().unwrap();
    running.toxic(r#"{"type": "latency"}"#);
    let third = populate(&running, &list(listen, "127.0.0.1:1")).json()["proxies"][0].take();
    assert_eq!(
        (&third["listen"], &third["upstream"], &third["toxics"]),
        (&listen.into(), &"127.0.0.1:1".into(), &json!([]))
    );
}

#[test]
fn toxics_of_a_list_are_made_too() {
    let (running, at) = (Running::start(), free());
    let toxics = json!([
        {"type": "latency", "attributes": {"latency": 5}},
        {"type": "bandwidth", "stream": "upstream", "attributes": {"rate": 100}, "toxicity": 0.5},
    ]);
    let list = json!([{"name": "p", "listen": at.to_string(), "upstream": "127.0.0.1:1", "toxics": toxics}]);
    let made = populate(&running, &list).json()["proxies"][0]["toxics"].take();
    assert_eq!(made[0]["name"], "bandwidth_upstream");
    assert_eq!(
        (&made[1]["name"], &made[1]["attributes"]["latency"]),
        (&"latency_downstream".into(), &5.into())
    );
    // The same again is the same; another value is taken over, and what is not named stays.
    assert_eq!(populate(&running, &list).json()["proxies"][0]["toxics"], made);
    let mut less = list;
    less[0]["toxics"] = json!([{"type": "latency", "attributes": {"latency": 9}}]);
    let changed = populate(&running, &less).json()["proxies"][0]["toxics"].take();
    assert_eq!((changed.as_array().unwrap().len(), &changed[1]["attributes"]["latency"]), (2, &9.into()));
    less[0]["toxics"] = json!([]);
    assert_eq!(populate(&running, &less).json()["proxies"][0]["toxics"], changed);
}

#[test]
fn a_list_with_a_mistake_makes_nothing() {
    let running = Running::start();
    let good = json!({"name": "p", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"});
    for (wrong, message) in [
        (json!({"name": "q"}), "missing required field: upstream at proxy 2"),
        (json!({"upstream": "x:1"}), "missing required field: name at proxy 2"),
        (
            json!({"name": "q", "upstream": "x:1", "toxics": [{"type": "no"}]}),
            "invalid toxic type at toxic 1 at proxy 2",
        ),
        (
            json!({"name": "q", "upstream": "x:1", "toxics": [{"type": "noop"}, {"type": "noop"}]}),
            "toxic already exists at toxic 2 at proxy 2",
        ),
    ] {
        let answer = populate(&running, &json!([good, wrong]));
        let status = if message.contains("exists") { 409 } else { 400 };
        let body = format!(r#"{{"error":"{message}","status":{status},"proxies":null}}"#);
        assert_eq!((answer.status, answer.body), (status, body));
        running.exactly("GET /proxies", "", 200, JSON, "{}");
    }
    let object = populate(&running, &good);
    assert_eq!(object.status, 400, "a list is wanted: {object:?}");
}

#[test]
fn an_address_in_use_stops_the_list_there() {
    let running = Running::start();
    let taken = running.address;
    let entry =
        |name: &str, listen: String| json!({"name": name, "listen": listen, "upstream": "127.0.0.1:1"});
    let answer = populate(
        &running,
        &json!([
            entry("a", "127.0.0.1:0".into()),
            entry("b", taken.to_string()),
            entry("c", "127.0.0.1:0".into())
        ]),
    );
    let said = answer.json();
    assert_eq!((answer.status, &said["status"]), (500, &500.into()));
    assert_eq!(said["error"], format!("listen tcp {taken}: bind: address already in use"));
    assert_eq!((said["proxies"].as_array().unwrap().len(), &said["proxies"][0]["name"]), (1, &"a".into()));
    let there = running.ask("GET /proxies", "").json();
    assert_eq!(there.as_object().unwrap().keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_replacement_that_cannot_listen_leaves_the_proxy_as_it_was() {
    let running = Running::start();
    let at = running.proxy();
    running.toxic(r#"{"type": "noop"}"#);
    let before = running.ask("GET /proxies/p", "").body;
    let list = json!([{"name": "p", "listen": running.address.to_string(), "upstream": "127.0.0.1:1"}]);
    assert_eq!(populate(&running, &list).status, 500);
    running.exactly("GET /proxies/p", "", 200, JSON, &before);
    exchange(at);
}
