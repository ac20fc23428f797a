//! Toxics: added, shown, changed, removed.

use crate::ask::JSON;
use crate::running::Running;

const SLOW: &str = r#"{"attributes":{"latency":100,"jitter":0},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}"#;

#[test]
fn a_toxic_is_added_shown_changed_and_removed() {
    let running = Running::start();
    running.proxy();
    let toxics = "/proxies/p/toxics";
    running.exactly(&format!("GET {toxics}"), "", 200, JSON, "[]");
    let body = r#"{"type": "latency", "attributes": {"latency": 100}}"#;
    running.exactly(&format!("POST {toxics}"), body, 200, JSON, SLOW);
    running.exactly(&format!("GET {toxics}/latency_downstream"), "", 200, JSON, SLOW);
    running.exactly(&format!("GET {toxics}"), "", 200, JSON, &format!("[{SLOW}]"));
    let proxy = running.ask("GET /proxies/p", "").body;
    assert!(proxy.ends_with(&format!(r#""Logger":{{}},"toxics":[{SLOW}]}}"#)), "{proxy}");

    let changed = SLOW.replace("\"jitter\":0", "\"jitter\":7").replace("\"toxicity\":1", "\"toxicity\":0.2");
    let change =
        r#"{"attributes": {"jitter": 7}, "toxicity": 0.2, "name": "x", "stream": "upstream", "type": "y"}"#;
    running.exactly(&format!("POST {toxics}/latency_downstream"), change, 200, JSON, &changed);
    running.exactly(&format!("PATCH {toxics}/latency_downstream"), "{}", 200, JSON, &changed);
    running.exactly(&format!("DELETE {toxics}/latency_downstream"), "", 204, "", "");
    running.refuses(&format!("DELETE {toxics}/latency_downstream"), "", 404, "toxic not found");
}

#[test]
fn toxics_are_listed_upstream_first_and_in_the_order_of_their_making() {
    let running = Running::start();
    running.proxy();
    for (name, kind, stream) in [
        ("d1", "latency", "downstream"),
        ("b", "noop", "both"),
        ("u1", "noop", "upstream"),
        ("d2", "bandwidth", "DownStream"),
        ("u2", "timeout", "upstream"),
        ("d3", "noop", "downstream"),
    ] {
        running.toxic(&format!(r#"{{"name": "{name}", "type": "{kind}", "stream": "{stream}"}}"#));
    }
    let list = running.ask("GET /proxies/p/toxics", "").json();
    let names: Vec<&str> =
        list.as_array().unwrap().iter().map(|toxic| toxic["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["u1", "u2", "d1", "d2", "d3", "b"]);
    assert_eq!(list[3]["stream"], "DownStream", "as it was written");
}

#[test]
fn every_kind_has_its_attributes_and_any_number_is_taken() {
    let running = Running::start();
    running.proxy();
    for (kind, attributes) in [
        ("noop", "{}"),
        ("latency", r#"{"latency":-9,"jitter":5}"#),
        ("bandwidth", r#"{"rate":-1}"#),
        ("slow_close", r#"{"delay":-1}"#),
        ("timeout", r#"{"timeout":9223372036854775807}"#),
        ("reset_peer", r#"{"timeout":-1}"#),
        ("slicer", r#"{"average_size":-1,"size_variation":64,"delay":-1}"#),
        ("limit_data", r#"{"bytes":-1}"#),
    ] {
        for toxicity in ["2.5", "-1", "0.25"] {
            let body = format!(
                r#"{{"type": "{kind}", "name": "t", "attributes": {attributes}, "toxicity": {toxicity}}}"#
            );
            let shown = format!(
                r#"{{"attributes":{attributes},"name":"t","type":"{kind}","stream":"downstream","toxicity":{toxicity}}}"#
            );
            running.exactly("POST /proxies/p/toxics", &body, 200, JSON, &shown);
            running.exactly("GET /proxies/p/toxics", "", 200, JSON, &format!("[{shown}]"));
            running.exactly("DELETE /proxies/p/toxics/t", "", 204, "", "");
        }
    }
}

#[test]
fn what_cannot_be_is_refused_in_the_known_words() {
    let running = Running::start();
    running.proxy();
    running.toxic(r#"{"type": "latency"}"#);
    let stream = "stream was invalid, can be either upstream or downstream";
    let int = "bad request body: json: cannot unmarshal";
    let field = "into Go struct field LatencyToxic.attributes.latency of type int64";
    for (body, status, message) in [
        (r#"{"type": "latency", "stream": "sideways"}"#, 400, stream.to_owned()),
        (r#"{"type": "nothing", "stream": ""}"#, 400, stream.to_owned()),
        (r#"{"type": "Latency"}"#, 400, "invalid toxic type".to_owned()),
        ("{}", 400, "invalid toxic type".to_owned()),
        (r#"{"type": "latency"}"#, 409, "toxic already exists".to_owned()),
        (
            r#"{"type": "noop", "name": "latency_downstream", "stream": "upstream"}"#,
            409,
            "toxic already exists".to_owned(),
        ),
        (
            r#"{"type": "latency", "name": "n", "attributes": {"latency": 1e2}}"#,
            400,
            format!("{int} number 1e2 {field}"),
        ),
        (
            r#"{"type": "latency", "name": "n", "attributes": {"latency": "5"}}"#,
            400,
            format!("{int} string {field}"),
        ),
    ] {
        running.refuses("POST /proxies/p/toxics", body, status, &message);
    }
    for line in ["GET /proxies/x/toxics", "POST /proxies/x/toxics", "DELETE /proxies/x/toxics/t"] {
        running.refuses(line, "{}", 404, "proxy not found");
    }
    for line in ["GET /proxies/p/toxics/t", "PATCH /proxies/p/toxics/t", "POST /proxies/p/toxics/t"] {
        running.refuses(line, "{}", 404, "toxic not found");
    }
}
