//! What the API refuses, over a socket: every refusal is a problem that says what is wrong, and how it would be right.

use serde_json::{Value, json};

use crate::ask::{Answer, tell};
use crate::house::House;

type Header<'a> = (&'a str, &'a str);

/// Method, path, headers beside the token, body; the status, and a word of the answer.
type Row<'a> = (&'a str, &'a str, &'a [Header<'a>], &'a str, u16, &'a str);

const JSON: Header<'_> = ("content-type", "application/json");

impl House {
    fn tell(&self, method: &str, path: &str, more: &[Header<'_>], body: &str) -> Answer {
        let token = format!("Bearer {}", self.token);
        let mut headers = vec![("authorization", token.as_str())];
        headers.extend(more);
        tell(self.address, method, path, &headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }
}

/// That an answer is a problem with this status, and every part of it.
#[track_caller]
fn problem(answer: &Answer, status: u16, what: &str) -> Value {
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}: {}", answer.head);
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{what}");
    let says = |key: &str| problem[key].as_str().is_some_and(|text| !text.is_empty());
    assert!(says("title") && says("detail"), "{what}: {problem}");
    problem
}

/// A body that an operation understands.
fn sample(name: &str) -> String {
    let body = match name {
        "answer" => json!({"item": "x"}),
        "waive" => json!({"item": "x", "reason": "y"}),
        "note_gameday" | "note_drill" => json!({"text": "x"}),
        "add_finding" => json!({"title": "x"}),
        "review" => json!({"question": "1", "answer": "y"}),
        "answer_step" => json!({"answer": {"is": "done"}}),
        "set_fault" => json!({"set": {"delay": "1s"}}),
        _ => json!({}),
    };
    body.to_string()
}

#[test]
fn nothing_is_told_without_a_token_and_nothing_unknown_is_a_mistake_of_ours() {
    let mut house = House::new();
    house.start();
    let document = house.get("/v1/openapi.json");
    let mut tried = 0;
    for (path, verbs) in document["paths"].as_object().unwrap() {
        let filled: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { "no-such" } else { part }).collect();
        let path = filled.join("/");
        for (verb, operation) in verbs.as_object().unwrap() {
            let (method, name) = (verb.to_uppercase(), operation["operationId"].as_str().unwrap());
            let what = format!("{method} {path}");
            let is_intake = operation["tags"][0] == "alarms";
            let ask = |headers: &[Header<'_>]| tell(house.address, &method, &path, headers, "{}").unwrap();
            let (bare, wrong) = (ask(&[JSON]), ask(&[JSON, ("authorization", "Bearer fd_x")]));
            if name == "health" {
                assert_eq!((bare.status, wrong.status), (200, 200));
            } else {
                // Open for this host, where `{}` is no alarm; not for those whom a proxy on this host speaks for.
                let own = if is_intake { ask(&[JSON, ("x-forwarded-for", "192.0.2.1")]) } else { bare };
                problem(&own, 401, &what);
                problem(&wrong, 401, &what);
            }
            let other = house.tell("PATCH", &path, &[], "");
            problem(&other, 405, &what);
            assert!(
                other.header("allow").is_some_and(|allow| allow.contains(&method)),
                "{what}: {}",
                other.head
            );
            if path.contains("no-such") && !is_intake {
                let (more, body): (&[_], _) =
                    if method == "POST" { (&[JSON], sample(name)) } else { (&[], String::new()) };
                problem(&house.tell(&method, &path, more, &body), 404, &what);
                assert!(operation["responses"]["404"].is_object(), "{what} does not say that");
            }
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
    problem(&house.tell("GET", "/v1/nothing", &[], ""), 404, "a path that is none");
}

#[test]
fn what_cannot_be_read_is_refused_with_the_way_out() {
    let mut house = House::new();
    house.start();
    let big = format!("{{\"main\": \"{}\"}}", "x".repeat(2 * 1024 * 1024));
    let long = format!("/v1/drills/{}", "x".repeat(300));
    let rows: &[Row<'_>] = &[
        ("POST", "/v1/gamedays", &[JSON], "{", 400, "not what is expected"),
        ("POST", "/v1/gamedays", &[JSON], "[]", 422, "not what is expected"),
        ("POST", "/v1/gamedays", &[JSON], r#"{"main": "a", "files": [], "more": 1}"#, 422, "more"),
        (
            "POST",
            "/v1/gamedays",
            &[JSON],
            r#"{"main": "a", "files": [{"path": "a", "text": "b: c"}]}"#,
            422,
            "a",
        ),
        ("POST", "/v1/gamedays", &[JSON], &big, 413, "2097152"),
        ("POST", "/v1/gamedays", &[], "{}", 415, "application/json"),
        ("POST", "/v1/gamedays", &[("content-type", "text/plain")], "{}", 415, "text/plain"),
        ("POST", "/v1/gamedays?dry=1", &[JSON], "{}", 400, "dry"),
        ("POST", "/v1/gamedays?dry_run=perhaps", &[JSON], "{}", 400, "query"),
        ("GET", "/v1/status?x=1", &[], "", 400, "x=1"),
        ("GET", "/v1/drills?limit=0", &[], "", 400, "1 to 500"),
        ("GET", "/v1/drills?limit=many", &[], "", 400, "query"),
        ("GET", "/v1/drills?state=asleep", &[], "", 400, "asleep"),
        ("GET", "/v1/drills?limit=1&limit=2", &[], "", 400, "limit"),
        ("GET", "/v1/drills/%ff", &[], "", 400, "UTF-8"),
        ("GET", "/v1/drills/a%2fb", &[], "", 400, "letters"),
        ("GET", "/v1/drills/%2e%2e", &[], "", 400, "letters"),
        ("GET", "/v1/drills/a%00b", &[], "", 400, "letters"),
        ("GET", &long, &[], "", 400, "200"),
        ("GET", "/v1/status", &[("host", "evil.example")], "", 421, "127.0.0.1"),
        ("GET", "/v1/status", &[("host", "evil.example:7400")], "", 421, "127.0.0.1"),
        ("POST", "/v1/halt/release", &[JSON], r#"{"reason": " "}"#, 422, "reason"),
        ("POST", "/v1/halt", &[JSON, ("in-stead-of", "a"), ("in-stead-of", "b")], "{}", 400, "one person"),
        ("POST", "/v1/alarms/alertmanager", &[JSON], "{", 400, ""),
        ("POST", "/v1/alarms/alertmanager", &[JSON, ("origin", "http://evil.example")], "{}", 403, "page"),
    ];
    for (method, path, headers, body, status, word) in rows {
        let what = format!("{method} {path} {}", &body[..body.len().min(80)]);
        let problem = problem(&house.tell(method, path, headers, body), *status, &what);
        assert!(problem["detail"].as_str().unwrap().contains(word), "{what}: {problem}");
    }
    let local = format!("localhost:{}", house.address.port());
    assert_eq!(house.tell("GET", "/v1/status", &[("host", &local)], "").status, 200);
    let text = "firedrill: v1\nkind: GameDay\nname: a\nnonsense: 1\n";
    let unfit = json!({"main": "a.yaml", "files": [{"path": "a.yaml", "text": text}]}).to_string();
    let problem =
        problem(&house.tell("POST", "/v1/gamedays?dry_run=true", &[JSON], &unfit), 422, "a wrong file");
    let lines = problem["problems"].as_array().unwrap();
    let found =
        lines.iter().find(|line| line["file"] == "a.yaml" && line["line"] == 4).expect("the line is named");
    assert!(found["message"].is_string() && found["rule"].is_string(), "{problem}");
}
