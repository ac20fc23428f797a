//! `reset`: everything on, nothing toxic; or nothing at all.

use std::net::TcpListener;

use serde_json::json;

use crate::ask::free;
use crate::running::{Running, exchange, owned, slow};

#[test]
fn all_proxies_are_on_and_no_toxic_is_left() {
    let running = Running::start();
    let at = running.proxy();
    for body in
        [r#"{"type": "latency"}"#, r#"{"type": "timeout"}"#, r#"{"type": "noop", "stream": "upstream"}"#]
    {
        running.toxic(body);
    }
    running.control.put_fault("p", slow("by-hand")).unwrap();
    running.ask("PATCH /proxies/p", r#"{"enabled": false}"#);
    running.exactly("POST /reset", "whatever", 204, "", "");
    let proxy = running.ask("GET /proxies/p", "").json();
    assert_eq!((&proxy["enabled"], &proxy["toxics"]), (&true.into(), &json!([])));
    assert!(
        running.control.route("p").unwrap().faults.is_empty(),
        "those of the native API, set by hand, too"
    );
    exchange(at);
}

#[test]
fn what_a_drill_has_set_is_left_to_the_drill() {
    let running = Running::start();
    running.proxy();
    running.control.put_fault("p", owned("slow", "drill-7", "1m", "5m")).unwrap();
    running.exactly("POST /reset", "", 204, "", "");
    assert_eq!(running.ask("GET /proxies/p/toxics/slow", "").json()["attributes"]["latency"], 20);
    let message = "toxic slow belongs to drill-7, which takes it back itself; end that first";
    running.refuses("DELETE /proxies/p/toxics/slow", "", 409, message);
    running.refuses("PATCH /proxies/p/toxics/slow", "{}", 409, message);
}

#[test]
fn when_one_proxy_cannot_listen_nothing_is_reset() {
    let running = Running::start();
    running.proxy();
    running.toxic(r#"{"type": "latency"}"#);
    let (taken, other) = (free(), free());
    for (name, listen) in [("a", other), ("b", taken)] {
        let body = json!({"name": name, "listen": listen.to_string(), "upstream": "x:1", "enabled": false});
        assert_eq!(running.ask("POST /proxies", &body.to_string()).status, 201);
    }
    let _holder = TcpListener::bind(taken).unwrap();
    let before = running.ask("GET /proxies", "").body;
    running.refuses("POST /reset", "", 500, &format!("listen tcp {taken}: bind: address already in use"));
    assert_eq!(running.ask("GET /proxies", "").body, before, "not one is on, not one toxic is gone");
    TcpListener::bind(other).expect("and nothing was bound");
}
