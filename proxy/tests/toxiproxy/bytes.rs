//! What holds for every path: headers, paths, methods, browsers, and how bodies are read.

use crate::ask::{JSON, PLAIN};
use crate::running::Running;

#[test]
fn the_version_is_one_that_clients_know_and_every_answer_has_an_id() {
    let running = Running::start();
    let version = "{\"version\": \"2.12.0\"}\n";
    running.exactly("GET /version", "", 200, "application/json;charset=utf-8", version);
    let ids: Vec<String> = ["GET /version", "GET /proxies", "GET /proxies/none", "POST /reset"]
        .iter()
        .map(|line| running.ask(line, "").header("x-toxiproxy-request-id").to_owned())
        .collect();
    for (at, id) in ids.iter().enumerate() {
        assert!(id.len() == 20 && id.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'v')), "{id}");
        assert!(!ids[..at].contains(id), "{ids:?}");
    }
}

#[test]
fn unknown_paths_and_methods_are_told_apart() {
    let running = Running::start();
    let not_found = "404 page not found\n";
    for line in ["GET /proxies/", "GET /proxies/a/b", "POST /reset/now", "GET /proxies/a%2Fb"] {
        running.exactly(line, "", 404, PLAIN, not_found);
    }
    for line in ["HEAD /version", "OPTIONS /version", "GET /reset", "PUT /proxies", "DELETE /populate"] {
        running.exactly(line, "", 405, "", "");
    }
    let moved = running.ask("GET //proxies", "");
    assert_eq!((moved.status, moved.header("location"), &*moved.body), (301, "/proxies", ""));
    // What is no path of this API is answered by the native one.
    assert!(running.ask("GET /nowhere", "").problem(404).contains("/v1/routes"));
    assert!(running.ask("GET /metrics", "").body.contains("# EOF"));
}

#[test]
fn browsers_are_kept_out_of_these_paths() {
    let running = Running::start();
    let as_agent = |agent: &str, path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {agent}\r\n", running.address);
        crate::raw::send(running.address, &head, "")
    };
    let refused = as_agent("Mozilla/5.0 (X11)", "/proxies");
    assert_eq!((refused.status, &*refused.body), (403, "User agent not allowed\n"));
    assert_eq!(refused.header("content-type"), PLAIN);
    assert_eq!(refused.header("x-toxiproxy-request-id").len(), 20);
    assert_eq!(as_agent("mozilla/5.0", "/proxies").status, 200, "case matters");
    assert_eq!(as_agent("Mozilla/5.0", "/v1/routes").status, 200, "the native API has its own guard");
    assert_eq!(as_agent("Mozilla/5.0", "/proxies/").status, 404, "no path is no business of browsers");
}

#[test]
fn bodies_are_read_with_the_leniency_that_clients_rely_on() {
    let running = Running::start();
    let made = running.ask(
        "POST /proxies",
        r#"{"NAME": "p", "Listen": "127.0.0.1:0", "upSTREAM": "127.0.0.1:1", "enabled": null, "more": 7} trash"#,
    );
    assert_eq!((made.status, &made.json()["enabled"]), (201, &true.into()), "{made:?}");
    let before = running.ask("GET /proxies/p", "").body;
    for body in ["null", "{}", r#"{"name": "q", "toxics": [1]}"#, r#"{"listen": null}"#] {
        running.exactly("PATCH /proxies/p", body, 200, JSON, &before);
        running.exactly("POST /proxies/p", body, 200, JSON, &before);
    }
    for line in ["POST /proxies", "PATCH /proxies/p", "POST /proxies/p/toxics"] {
        running.refuses(line, "", 400, "bad request body: EOF");
        running.refuses(line, "{\"name\": ", 400, "bad request body: unexpected EOF");
    }
    running.refuses(
        "POST /proxies",
        r#"{"name": 5}"#,
        400,
        "bad request body: json: cannot unmarshal number 5 into Go struct field Proxy.name of type string",
    );
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(1 << 20));
    assert_eq!(running.ask("POST /proxies", &large).status, 413);
}

#[test]
fn unknown_fields_are_refused_when_that_is_asked_for() {
    let running = Running::start();
    running.proxy();
    let unknown = |field: &str, known: &str| {
        format!("bad request body: json: unknown field \"{field}\"; known are {known}")
    };
    let of_proxy = "name, listen, upstream, enabled, Logger, toxics";
    running.refuses(
        "PATCH /proxies/p?strict=true",
        r#"{"enabld": false}"#,
        400,
        &unknown("enabld", of_proxy),
    );
    running.refuses(
        "POST /proxies/p/toxics?strict=true",
        r#"{"type": "latency", "attributes": {"delay": 5}}"#,
        400,
        &unknown("delay", "latency, jitter"),
    );
    assert_eq!(running.ask("PATCH /proxies/p?strict=false", r#"{"enabld": false}"#).status, 200);
}
