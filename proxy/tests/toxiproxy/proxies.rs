//! Proxies: made, shown, changed, removed.

use std::net::TcpListener;

use crate::ask::{JSON, free};
use crate::running::{Running, echo, exchange};

#[test]
fn a_proxy_is_made_shown_changed_and_removed() {
    let (running, at, upstream) = (Running::start(), free(), echo());
    let port = at.port();
    running.exactly("GET /proxies", "", 200, JSON, "{}");
    let shown = |enabled: bool| {
        format!(
            r#"{{"name":"b","listen":"{at}","upstream":"{upstream}","enabled":{enabled},"Logger":{{}},"toxics":[]}}"#
        )
    };
    let body = format!(r#"{{"name": "b", "listen": "localhost:{port}", "upstream": "{upstream}"}}"#);
    running.exactly("POST /proxies", &body, 201, JSON, &shown(true));
    exchange(at);
    running.exactly("GET /proxies/b", "", 200, JSON, &shown(true));
    running.exactly("PATCH /proxies/b", r#"{"enabled": false}"#, 200, JSON, &shown(false));
    assert!(std::net::TcpStream::connect(at).is_err(), "it refuses");
    running.exactly("POST /proxies/b", r#"{"enabled": true}"#, 200, JSON, &shown(true));
    exchange(at);

    let other = r#"{"name": "a", "listen": "127.0.0.1:0", "upstream": "x:1", "enabled": false}"#;
    let off =
        r#"{"name":"a","listen":"127.0.0.1:0","upstream":"x:1","enabled":false,"Logger":{},"toxics":[]}"#;
    running.exactly("POST /proxies", other, 201, JSON, off);
    running.exactly("GET /proxies", "", 200, JSON, &format!(r#"{{"a":{off},"b":{}}}"#, shown(true)));

    running.exactly("DELETE /proxies/b", "", 204, "", "");
    running.refuses("DELETE /proxies/b", "", 404, "proxy not found");
    TcpListener::bind(at).expect("the port is free at once");
}

#[test]
fn until_it_has_listened_a_proxy_is_shown_as_it_was_written() {
    let (running, at) = (Running::start(), free());
    let body = format!(
        r#"{{"name": "p", "listen": "localhost:{}", "upstream": ":1", "enabled": false}}"#,
        at.port()
    );
    let listen = |answer: crate::raw::Answer| answer.json()["listen"].as_str().unwrap().to_owned();
    let written = format!("localhost:{}", at.port());
    let made = running.ask("POST /proxies", &body);
    assert_eq!((made.json()["upstream"].as_str(), listen(made)), (Some(":1"), written.clone()));
    assert_eq!(listen(running.ask("GET /proxies/p", "")), written);
    assert_eq!(listen(running.ask("PATCH /proxies/p", r#"{"enabled": true}"#)), at.to_string());
    assert_eq!(
        listen(running.ask("PATCH /proxies/p", r#"{"enabled": false}"#)),
        at.to_string(),
        "now it has"
    );
}

#[test]
fn an_address_may_be_left_to_the_kernel_and_then_stays() {
    let running = Running::start();
    let made = running.ask("POST /proxies", r#"{"name": "p", "upstream": "127.0.0.1:1"}"#);
    let listen = made.json()["listen"].as_str().unwrap().to_owned();
    assert!(listen.starts_with("[::]:") && !listen.ends_with(":0"), "{listen}");
    running.ask("PATCH /proxies/p", r#"{"enabled": false}"#);
    let on = running.ask("PATCH /proxies/p", r#"{"enabled": true}"#);
    assert_eq!(on.json()["listen"], listen, "switched on again, it has its port again");
    let moved = running.ask("PATCH /proxies/p", r#"{"listen": "localhost:0"}"#);
    assert_ne!(moved.json()["listen"], listen, "port 0 is always another");
}

#[test]
fn what_cannot_be_is_refused_in_the_known_words_and_order() {
    let running = Running::start();
    let taken = running.proxy();
    running.refuses("POST /proxies", "{}", 400, "missing required field: name");
    running.refuses("POST /proxies", r#"{"upstream": "x:1"}"#, 400, "missing required field: name");
    running.refuses("POST /proxies", r#"{"name": "p"}"#, 400, "missing required field: upstream");
    let again = r#"{"name": "p", "upstream": "x:1", "listen": "garbage"}"#;
    running.refuses("POST /proxies", again, 409, "proxy already exists");
    for (listen, message) in [
        (taken.to_string(), format!("listen tcp {taken}: bind: address already in use")),
        (format!("localhost:{}", taken.port()), format!("listen tcp {taken}: bind: address already in use")),
        ("bad".into(), "listen tcp: address bad: missing port in address".into()),
        ("192.0.2.1:1".into(), "listen tcp 192.0.2.1:1: bind: cannot assign requested address".into()),
    ] {
        let body = format!(r#"{{"name": "q", "upstream": "x:1", "listen": "{listen}"}}"#);
        running.refuses("POST /proxies", &body, 500, &message);
    }
    running.refuses("PATCH /proxies/none", "garbage", 404, "proxy not found");
    running.refuses("GET /proxies/none", "", 404, "proxy not found");
    running.refuses(
        "PATCH /proxies/p",
        r#"{"listen": "garbage"}"#,
        500,
        "address garbage: missing port in address",
    );
    exchange(taken);
}

#[test]
fn a_name_may_be_any_text() {
    let running = Running::start();
    for (name, path) in [("sp ace:é@x", "/proxies/sp%20ace%3A%C3%A9@x"), ("<a&b>", "/proxies/%3Ca&b%3E")] {
        let body = serde_json::json!({"name": name, "upstream": "x:1", "listen": "127.0.0.1:0"});
        let made = running.ask("POST /proxies", &body.to_string());
        assert_eq!(made.json()["name"], name);
        assert!(!made.body.contains(['<', '>', '&']), "escaped as ever: {}", made.body);
        running.exactly(&format!("GET {path}"), "", 200, JSON, &made.body);
        running.exactly(&format!("DELETE {path}"), "", 204, "", "");
    }
    let slash = r#"{"name": "a/b", "upstream": "x:1", "listen": "127.0.0.1:0"}"#;
    assert_eq!(running.ask("POST /proxies", slash).status, 201, "made, and never to be addressed");
    assert_eq!(running.ask("GET /proxies/a%2Fb", "").status, 404);
}

#[test]
fn an_upstream_may_be_any_text_and_an_empty_one_in_a_change() {
    let running = Running::start();
    let at = running.proxy();
    let changed = running.ask("PATCH /proxies/p", r#"{"upstream": ""}"#);
    assert_eq!((changed.status, &changed.json()["upstream"]), (200, &"".into()), "{changed:?}");
    std::net::TcpStream::connect(at).expect("it is accepted");
    let changed = running.ask("PATCH /proxies/p", &format!(r#"{{"upstream": "{}"}}"#, echo()));
    assert_eq!((changed.status, changed.json()["listen"].as_str()), (200, Some(&*at.to_string())));
    exchange(at);
}
