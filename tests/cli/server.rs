//! The commands that speak with a server, against one that this test plays: what goes wrong on the way is told with the
//! way out, and a drill is watched through broken connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::Stage;
use crate::support::{Child, Ended, firedrill, free_port, temp_dir};

const SOON: Duration = Duration::from_secs(30);

/// What a played server was asked: method and path, headers, body.
#[derive(Clone, Debug)]
struct Asked {
    line: String,
    headers: Vec<String>,
    body: String,
}

impl Asked {
    fn header(&self, name: &str) -> Option<String> {
        let begin = format!("{name}: ");
        self.headers.iter().find_map(|line| line.to_lowercase().strip_prefix(&begin).map(str::to_owned))
    }
}

/// Answers each connection once, with what `answer` says; ends with the process of the test.
fn server(
    answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static,
) -> (SocketAddr, Arc<Mutex<Vec<Asked>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Some(request) = read(&stream) else { continue };
            kept.lock().unwrap().push(request.clone());
            let mut stream = stream;
            let _ = stream.write_all(&answer(&request));
        }
    });
    (address, asked)
}

fn read(stream: &TcpStream) -> Option<Asked> {
    stream.set_read_timeout(Some(SOON)).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        headers.push(header.trim().to_owned());
    }
    let mut asked = Asked { line: line.trim().to_owned(), headers, body: String::new() };
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8(body).ok()?;
    Some(asked)
}

fn answer(status: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

fn ok(body: &Value) -> Vec<u8> {
    answer("200 OK", "application/json", &body.to_string())
}

fn problem(status: u16, detail: &str) -> Vec<u8> {
    let body = json!({"status": status, "title": "no", "detail": detail});
    answer(&format!("{status} No"), "application/problem+json", &body.to_string())
}

/// Runs a command in directories of its own, with no server and no token in its environment.
fn said(dir: &Path, args: &[&str]) -> Ended {
    let mut command = firedrill();
    command.args(args).env("FIREDRILL_DIR", dir).env_remove("FIREDRILL_SERVER").env_remove("FIREDRILL_TOKEN");
    Child::spawn(&mut command).wait(SOON)
}

fn token(dir: &Path, mode: u32) -> String {
    let path = dir.join("fd.token");
    std::fs::write(&path, "fd_secret\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Exit status 1, and all of this in the error.
#[track_caller]
fn refused(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in parts {
        assert!(ended.stderr.contains(part), "no `{part}`:\n{}", ended.stderr);
    }
    assert!(!ended.stderr.contains("fd_secret"), "{}", ended.stderr);
}

#[test]
fn a_server_that_cannot_be_reached_is_told_with_the_way_out() {
    let dir = temp_dir();
    let nobody = format!("http://127.0.0.1:{}", free_port());
    refused(
        &said(dir.path(), &["gameday", "list", "--server", &nobody]),
        &[&nobody, "connection refused", "is `firedrill serve` running there?", "--server URL"],
    );
    refused(
        &said(dir.path(), &["drill", "list", "--server", "127.0.0.1:7400"]),
        &["write `http://127.0.0.1:7400`"],
    );
    refused(
        &said(dir.path(), &["gameday", "list", "--server", "http://10.0.0.7:7400"]),
        &["another host", "https://", "--insecure-plain-http"],
    );
    let (plain, _) = server(|_| ok(&json!({})));
    refused(
        &said(dir.path(), &["gameday", "list", "--server", &format!("https://{plain}")]),
        &["TLS", "write http://"],
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let secure = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // What a TLS server says to a request in plain words: an alert.
            let _ = stream.write_all(&[0x15, 3, 1, 0, 2, 2, 70]);
        }
    });
    refused(
        &said(dir.path(), &["gameday", "list", "--server", &format!("http://{secure}")]),
        &["If it speaks TLS", "https://"],
    );
}

#[test]
fn a_token_that_is_missing_wrong_or_open_to_others_is_told_with_the_way_out() {
    let dir = temp_dir();
    let (address, asked) = server(|_| problem(401, "who are you?"));
    let url = format!("http://{address}");
    let at_home = dir.path().join("config/token");
    refused(
        &said(dir.path(), &["gameday", "list", "--server", &url]),
        &["asks for its token (401)", at_home.to_str().unwrap(), "--token-file", "mode 600"],
    );
    let file = token(dir.path(), 0o600);
    refused(
        &said(dir.path(), &["gameday", "list", "--server", &url, "--token-file", &file]),
        &["does not take the token", &file],
    );
    assert_eq!(asked.lock().unwrap()[1].header("authorization").as_deref(), Some("bearer fd_secret"));
    let open = token(dir.path(), 0o644);
    refused(
        &said(dir.path(), &["gameday", "list", "--server", &url, "--token-file", &open]),
        &["others can read", "0644", "chmod 600"],
    );
    assert_eq!(asked.lock().unwrap().len(), 2, "nothing was sent with a token that others can read");
}

#[test]
fn answers_that_say_no_or_are_not_from_a_server_of_ours_are_told() {
    let dir = temp_dir();
    let (address, _) = server(|_| answer("502 Bad Gateway", "text/html", "<h1>bad</h1>"));
    refused(
        &said(dir.path(), &["gameday", "list", "--server", &format!("http://{address}")]),
        &["502", "is it `firedrill serve`"],
    );
    let (address, _) = server(|_| answer("200 OK", "text/html", "<h1>hello</h1>"));
    refused(
        &said(dir.path(), &["drill", "list", "--server", &format!("http://{address}")]),
        &["words that this version does not know"],
    );
    let (address, _) = server(|_| ok(&json!({"gamedays": []})));
    refused(
        &said(dir.path(), &["gameday", "approve", "tuesday", "--server", &format!("http://{address}")]),
        &["there is no game day `tuesday`", "gameday add FILE"],
    );
    refused(&said(dir.path(), &["status", "--local", "--for", "ana"]), &["--for", "--server URL"]);
    refused(
        &said(dir.path(), &["halt", "--drill", "x", "--server", &format!("http://{address}")]),
        &["halts all", "gameday stop"],
    );
}

#[test]
fn a_game_day_is_told_in_whose_stead_and_by_its_latest_occurrence() {
    let dir = temp_dir();
    let line = json!({
        "id": "tuesday-2", "name": "tuesday", "title": null, "state": "approved", "why": null, "environment": null,
        "added": "2026-01-01T00:00:00Z", "due": null, "deadline": null, "runs": 1, "done": 0, "drill": null, "lines": 2, "closed": false
    });
    let view = json!({
        "line": line, "goal": null, "seed": 1, "approvals_needed": 1,
        "approvals": [{"who": "admin", "in_stead_of": "Zoë", "at": "2026-01-01T00:00:00Z"}],
        "preflight": [], "runs": [], "findings": [], "review": [], "notes": [], "may": ["start"], "not_acted_on": [],
        "files": ["tuesday.yaml"], "head": "00", "stopped": null
    });
    let (address, asked) = server(move |asked| match asked.line.as_str() {
        line if line.starts_with("POST") => answer("204 No Content", "text/plain", ""),
        "GET /v1/gamedays HTTP/1.1" => ok(&json!({"gamedays": [line]})),
        _ => ok(&view),
    });
    let url = format!("http://{address}");
    let approved = said(dir.path(), &["gameday", "approve", "tuesday", "--for", "Zoë", "--server", &url]);
    assert_eq!(approved.code, Some(0), "{approved:?}");
    assert!(approved.stdout.contains("tuesday-2 is approved; 1 of 1 approvals"), "{approved:?}");
    let told = asked.lock().unwrap().iter().find(|asked| asked.line.starts_with("POST")).unwrap().clone();
    assert!(told.line.contains("/v1/gamedays/tuesday-2/approve"), "{told:?}");
    assert_eq!(serde_json::from_str::<Value>(&told.body).unwrap(), json!({"in_stead_of": "Zoë"}));
    assert_eq!(told.header("in-stead-of").as_deref(), Some("zoë"));
    let shown = said(dir.path(), &["gameday", "show", "tuesday", "--server", &url]);
    assert!(shown.stdout.contains("approvals 1 of 1: admin for Zoë"), "{shown:?}");
}

#[test]
fn a_drill_is_watched_through_a_broken_connection_and_its_exit_is_passed_on() {
    let stage = Stage::new();
    let faults = "  - {id: slow, target: route/svc, latency: 50ms, max: 20s}\n";
    let file = stage.write("watched", faults, "", "");
    let ran = stage.run(&file, "out", &["--", "false"]).wait(SOON);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let read = |name: &str| std::fs::read_to_string(stage.path().join("out").join(name)).unwrap();
    let lines: Vec<String> = read("journal.jsonl").lines().map(str::to_owned).collect();
    let summary: Value = serde_json::from_str(&read("summary.json")).unwrap();
    let view = json!({
        "line": {
            "id": "watched-1", "scenario": "watched", "gameday": null, "run": null, "control": null,
            "environment": null, "state": "over", "began": "2026-01-01T00:00:00Z", "ended": null, "exit": 4,
            "words": null, "interrupted": false, "lines": lines.len(), "head": null
        },
        "status": null, "summary": summary["summary"]
    });
    let cut = lines.len() / 2;
    let (address, asked) = server(move |asked| {
        if !asked.line.contains("/events") {
            return ok(&view);
        }
        let from = asked.header("last-event-id").map_or(0, |last| last.parse::<usize>().unwrap() + 1);
        // The first connection breaks in the middle of a line.
        let to = if from == 0 { cut } else { lines.len() };
        let mut events: String =
            (from..to).map(|n| format!("id: {n}\nevent: line\ndata: {}\n\n", lines[n])).collect();
        if from == 0 {
            events.push_str(&format!("id: {cut}\ndata: {}", &lines[cut][..10]));
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        format!("{head}retry: 1000\n\n{events}").into_bytes()
    });
    let dir = temp_dir();
    let url = format!("http://{address}");
    let watched = said(dir.path(), &["drill", "watch", "watched-1", "--server", &url]);
    assert_eq!(watched.code, Some(4), "{watched:?}");
    let asked: Vec<Asked> =
        asked.lock().unwrap().iter().filter(|asked| asked.line.contains("/events")).cloned().collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(asked[1].header("last-event-id"), Some((cut - 1).to_string()));
    // What is told is what `run` told, but where the report is.
    let told = |text: &str| -> Vec<String> {
        let skip = ["drill watched", "report in"];
        text.lines()
            .filter(|line| !skip.iter().any(|skip| line.starts_with(skip)))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(told(&watched.stdout), told(&ran.stdout));
    assert!(watched.stdout.contains("/v1/drills/watched-1/report.html"), "{}", watched.stdout);
}
