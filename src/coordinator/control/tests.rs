//! The socket from both ends: the real server and the real client over a real Unix socket, with an engine that
//! answers from a fixed status and keeps what it was asked.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::client::{self, CallProblem, FindProblem};
use super::{Request, SocketFile, Status, bind, serve, socket_path};
use crate::coordinator::said::TEXT_MAX_BYTES;
use crate::drill::board::FaultState;
use crate::drill::event::Phase;
use crate::fault::Seed;
use crate::playbook::event::StepAnswer;
use crate::playbook::plan::Answer;

/// A drill's socket and an engine behind it; both end with the value.
struct Running {
    socket: SocketFile,
    asked: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
    stop: DropGuard,
}

fn status(id: &str) -> Status {
    Status {
        drill: id.to_owned(),
        scenario: "slow-payments".to_owned(),
        seed: Seed(7),
        phase: Phase::Active,
        elapsed: "12s".parse().unwrap(),
        left: None,
        probes: Vec::new(),
        faults: vec![super::wire::FaultStatus {
            id: "slow".to_owned(),
            kind: "latency".to_owned(),
            target: "route/payments".to_owned(),
            state: FaultState::Effective,
            matched: 10,
            faulted: 9,
        }],
        playbook: None,
        recent: vec!["+1.0s  fault slow applied".to_owned()],
        folder: "/reports/x".into(),
    }
}

fn start(dir: &Path, id: &str) -> Running {
    let (listener, socket) = bind(dir, id).unwrap();
    let (sender, mut requests) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, sender, stop.clone()));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (kept, mut status) = (Arc::clone(&asked), status(id));
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            let words = match request {
                Request::Status { reply } => {
                    let _ = reply.send(status.clone());
                    continue;
                }
                Request::Halt { who, reason, reply } => {
                    status.phase = Phase::Stopping;
                    status.faults[0].state = FaultState::Clean;
                    let _ = reply.send(());
                    format!("halt|{who}|{reason}")
                }
                Request::Note { who, text, action, reply } => {
                    let _ = reply.send(());
                    format!("{}|{who}|{text}", if action { "action" } else { "note" })
                }
                Request::Answer { who, step, role, answer, reply } => {
                    let _ = reply.send(if step == "over" { Err("it is over".into()) } else { Ok(()) });
                    format!("answer|{who}|{step}|{role:?}|{answer:?}")
                }
                Request::StartPlaybook { who, reply } => {
                    let _ = reply.send(Ok(()));
                    format!("start|{who}")
                }
                Request::SetFault { who, fault, changes, reply } => {
                    let bad = changes.iter().any(|(key, _)| key == "speed");
                    let _ =
                        reply.send(if bad { Err("no `speed`".into()) } else { Ok("delay 2s → 1s".into()) });
                    format!("set|{who}|{fault}|{changes:?}")
                }
            };
            kept.lock().unwrap().push(words);
        }
    });
    Running { socket, asked, server, stop: stop.drop_guard() }
}

fn who() -> String {
    client::ourselves()
}

#[tokio::test]
async fn the_only_running_drill_is_found_and_does_what_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let running = start(dir.path(), "d-1");
    let drill = client::find(dir.path(), None).await.unwrap();
    assert_eq!(drill.status, status("d-1"));
    drill.note("pager rang\nat once").await.unwrap();
    let changes = [("delay".to_owned(), "1s".to_owned()), ("body".to_owned(), "ü=1".to_owned())];
    assert_eq!(drill.set_fault("slow", &changes).await.unwrap(), "delay 2s → 1s");
    assert!(!drill.status().await.unwrap().is_all_taken_back());
    drill.note_action("turned it off and on").await.unwrap();
    drill.start_playbook().await.unwrap();
    let done = StepAnswer::Done { answers: [("ok".to_owned(), Answer::Boolean(true))].into() };
    drill.answer("say so/ä", done, Some("ops".into())).await.unwrap();
    let refused = drill.answer("over", StepAnswer::Taken {}, None).await.unwrap_err();
    match &refused {
        CallProblem::Refused(problem) => {
            assert_eq!((problem.status, refused.to_string()), (409, problem.to_string()))
        }
        other => panic!("{other}"),
    }
    let long = StepAnswer::Stuck { why: "x".repeat(TEXT_MAX_BYTES + 1) };
    let refused = drill.answer("say so/ä", long, None).await.unwrap_err().to_string();
    assert!(refused.contains("`why` is 4097 bytes long and may have 4096; shorten it"), "{refused}");
    drill.halt("enough").await.unwrap();
    assert!(drill.status().await.unwrap().is_all_taken_back());
    let expected = [
        format!("note|{}|pager rang\nat once", who()),
        format!("set|{}|slow|[(\"delay\", \"1s\"), (\"body\", \"ü=1\")]", who()),
        format!("action|{}|turned it off and on", who()),
        format!("start|{}", who()),
        format!("answer|{}|say so/ä|Some(\"ops\")|Done {{ answers: {{\"ok\": Boolean(true)}} }}", who()),
        format!("answer|{}|over|None|Taken", who()),
        format!("halt|{}|enough", who()),
    ];
    assert_eq!(*running.asked.lock().unwrap(), expected);
}

#[tokio::test]
async fn several_drills_ask_for_a_choice_and_none_says_where_it_looked() {
    let dir = tempfile::tempdir().unwrap();
    let none = client::find(dir.path(), None).await.unwrap_err();
    assert!(none.to_string().contains(&dir.path().display().to_string()), "{none}");
    let _running = (start(dir.path(), "d-2"), start(dir.path(), "d-1"));
    match client::find(dir.path(), None).await.unwrap_err() {
        FindProblem::Several { running } => assert_eq!(running, ["d-1", "d-2"]),
        other => panic!("{other}"),
    }
    assert_eq!(client::find(dir.path(), Some("d-2")).await.unwrap().status.drill, "d-2");
    let unknown = client::find(dir.path(), Some("d-3")).await.unwrap_err().to_string();
    assert!(unknown.contains("`d-3`") && unknown.contains("d-1, d-2"), "{unknown}");
}

#[tokio::test]
async fn a_socket_that_nobody_listens_on_is_removed_and_other_files_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let stale = socket_path(dir.path(), "crashed");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    std::fs::write(dir.path().join("HALT-not"), "").unwrap();
    assert!(stale.exists(), "a crashed process leaves its socket behind");
    let running = start(dir.path(), "d-1");
    assert_eq!(client::find(dir.path(), None).await.unwrap().status.drill, "d-1");
    assert!(!stale.exists() && dir.path().join("HALT-not").exists() && running.socket.path().exists());
}

#[tokio::test(start_paused = true)]
async fn a_drill_that_does_not_answer_is_not_taken_for_absent() {
    let dir = tempfile::tempdir().unwrap();
    let (_listener, socket) = bind(dir.path(), "stuck").unwrap();
    let (drills, silent) = client::running(dir.path()).await.unwrap();
    assert!(drills.is_empty() && matches!(silent[..], [CallProblem::Late { .. }]), "{silent:?}");
    assert!(matches!(client::find(dir.path(), None).await, Err(FindProblem::Call(CallProblem::Late { .. }))));
    assert!(socket.path().exists());
}

#[tokio::test]
async fn nobody_else_can_reach_the_socket_and_its_file_goes_with_the_drill() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = dir.path().join("run/firedrill");
    let running = start(&runtime, "d-1");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&runtime), mode(running.socket.path())), (0o700, 0o600));
    let path = running.socket.path().to_owned();
    drop(running);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_runtime_directory_that_others_can_write_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let open = dir.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let problem = bind(&open, "d-1").unwrap_err().to_string();
    assert!(problem.contains(&open.display().to_string()), "{problem}");
}

#[test]
fn a_long_or_strange_id_still_makes_a_socket_that_the_kernel_takes() {
    let dir = Path::new("/run/user/1000/firedrill");
    let (long, strange) = (socket_path(dir, &"x".repeat(200)), socket_path(dir, "../../etc"));
    assert!(long.as_os_str().len() <= 107 && strange.parent() == Some(dir), "{long:?} {strange:?}");
    assert_ne!(socket_path(dir, &"x".repeat(200)), socket_path(dir, &"x".repeat(201)));
    assert_eq!(socket_path(dir, "d-1"), dir.join("drill-d-1.sock"));
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_the_engine_hears_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let running = start(dir.path(), "d-1");
    let drill = client::find(dir.path(), None).await.unwrap();
    let refusal = |problem: CallProblem| match problem {
        CallProblem::Refused(problem) => (problem.status, problem.detail),
        other => panic!("{other}"),
    };
    let change = |key: &str| [(key.to_owned(), "1".to_owned())];
    let unknown = refusal(drill.set_fault("quick", &change("delay")).await.unwrap_err());
    assert!(unknown.0 == 404 && unknown.1.contains("it has slow"), "{unknown:?}");
    let empty = refusal(drill.note("  ").await.unwrap_err());
    assert_eq!(empty.0, 422);
    let long = refusal(drill.note(&"x".repeat(5000)).await.unwrap_err());
    assert!(long.0 == 422 && long.1.contains("5000"), "{long:?}");
    assert!(running.asked.lock().unwrap().is_empty());
    let by_engine = refusal(drill.set_fault("slow", &change("speed")).await.unwrap_err());
    assert_eq!(by_engine, (422, "no `speed`".to_owned()));
}

/// What anybody with `curl --unix-socket` sees.
async fn raw(path: &Path, request: &str) -> String {
    let mut stream = tokio::net::UnixStream::connect(path).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_halt_needs_no_body_and_problems_are_problem_json() {
    let dir = tempfile::tempdir().unwrap();
    let running = start(dir.path(), "d-1");
    let path = running.socket.path();
    let post = |route: &str, body: &str| {
        format!(
            "POST {route} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    assert!(raw(path, &post("/v1/halt", "")).await.starts_with("HTTP/1.1 202"));
    assert_eq!(running.asked.lock().unwrap().last().unwrap(), &format!("halt|{}|", who()));
    for (request, status) in [
        (post("/v1/halt", "{\"resaon\": 1}"), "400"),
        (post("/v1/drills", ""), "405"),
        (post("/v1/drills/d-9/notes", "{\"text\": \"x\"}"), "404"),
        (post("/v1/drills/d-1/faults/slow", "{\"set\": {\"delay\": [1]}}"), "422"),
        (post("/v1/drills/d-1/faults/slow", "{\"set\": {}}"), "422"),
        (post("/nothing", ""), "404"),
    ] {
        let answer = raw(path, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(answer.contains("content-type: application/problem+json"), "{answer}");
    }
}

#[tokio::test]
async fn a_drill_that_is_over_hangs_up_and_counts_as_gone() {
    let dir = tempfile::tempdir().unwrap();
    let Running { socket, asked: _, server, stop } = start(dir.path(), "d-1");
    let drill = client::find(dir.path(), None).await.unwrap();
    drop(stop);
    tokio::time::timeout(Duration::from_secs(10), server).await.unwrap().unwrap();
    assert!(matches!(drill.status().await, Err(CallProblem::Gone { .. })));
    drop(socket);
    assert!(matches!(client::find(dir.path(), None).await, Err(FindProblem::None { .. })));
}
