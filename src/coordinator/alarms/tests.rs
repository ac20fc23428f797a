//! The intake with an engine that answers, refuses, or is not there.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{AlarmInput, Intake, Source, bind, hand_in};
use crate::alarm::BODY_MAX_BYTES;
use crate::coordinator::clock::wall;
use crate::coordinator::http::{Answer, PreparedRequest, measure};
use crate::coordinator::secrets::Secrets;
use crate::drill::alarm::{Alarm, AlarmKind, MissCause};
use crate::scenario::expectation::{AlarmSource, Alarms, GenericSource, MonitorKind};
use crate::scenario::plan::HttpRequest;

const WEBHOOK: &str = include_str!("../../../tests/files/alarms/webhook-firing.json");
const HOOK: &str = "/v1/alarms/alertmanager";

async fn send(address: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    let request = HttpRequest {
        method: method.into(),
        url: format!("http://{address}{path}"),
        headers: Default::default(),
        body: Some(body.to_owned()),
        ca: None,
    };
    let request = PreparedRequest::new(&request, &Secrets::default()).await.unwrap();
    measure(&request, Duration::from_secs(10)).await.answer.unwrap()
}

/// An intake that listens, and its engine's end.
async fn listening() -> (SocketAddr, Intake, mpsc::Receiver<AlarmInput>, CancellationToken) {
    listening_for(&Alarms::default()).await
}

async fn listening_for(
    alarms: &Alarms,
) -> (SocketAddr, Intake, mpsc::Receiver<AlarmInput>, CancellationToken) {
    let listener = bind("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (to_engine, inputs) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let intake = Intake::start(Some(Source::Listener(listener)), alarms, wall, to_engine, stop.clone());
    (address, intake, inputs, stop)
}

async fn next_alarms(
    inputs: &mut mpsc::Receiver<AlarmInput>,
) -> (Vec<Alarm>, Option<tokio::sync::oneshot::Sender<()>>) {
    match inputs.recv().await.unwrap() {
        AlarmInput::Alarms { alarms, journalled } => (alarms, journalled),
        asked @ AlarmInput::Asked { .. } => panic!("{asked:?}"),
    }
}

#[tokio::test]
async fn the_sender_is_answered_only_once_its_alarms_are_recorded() {
    let (address, intake, mut inputs, stop) = listening().await;
    let mut sent =
        AbortOnDropHandle::new(tokio::spawn(async move { send(address, "POST", HOOK, WEBHOOK).await }));
    let (alarms, journalled) = next_alarms(&mut inputs).await;
    assert_eq!((alarms.len(), alarms[0].name()), (2, "LabArrives"));
    let early = tokio::time::timeout(Duration::from_millis(100), &mut sent).await;
    assert!(early.is_err(), "it is answered before it is recorded");
    journalled.unwrap().send(()).unwrap();
    assert_eq!(sent.await.unwrap().status, 200);
    stop.cancel();
    intake.ended().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the port is free again");
}

#[tokio::test]
async fn what_was_not_recorded_is_sent_again_and_is_no_repetition() {
    let (address, _intake, mut inputs, _stop) = listening().await;
    for (recorded, status, repeated) in [(false, 503, false), (true, 200, false), (true, 200, true)] {
        let sent =
            AbortOnDropHandle::new(tokio::spawn(async move { send(address, "POST", HOOK, WEBHOOK).await }));
        let (alarms, journalled) = next_alarms(&mut inputs).await;
        if recorded {
            journalled.unwrap().send(()).unwrap();
        } else {
            drop(journalled);
        }
        assert_eq!(sent.await.unwrap().status, status);
        assert!(alarms.iter().all(|alarm| alarm.repeat == repeated));
    }
}

/// Sends, and records at once what comes of it.
async fn send_and_record(
    address: SocketAddr,
    inputs: &mut mpsc::Receiver<AlarmInput>,
    path: &'static str,
    body: String,
) -> (Vec<Alarm>, Answer) {
    let sent = AbortOnDropHandle::new(tokio::spawn(async move { send(address, "POST", path, &body).await }));
    let (alarms, journalled) = next_alarms(inputs).await;
    journalled.unwrap().send(()).unwrap();
    (alarms, sent.await.unwrap())
}

#[tokio::test]
async fn a_form_of_its_own_is_read_by_the_mapping_of_its_name() {
    let mapping = [("name", "$.alarm.what"), ("status", "$.alarm['how now']"), ("key", "$.nr")];
    let mapping = mapping.iter().map(|(thing, path)| ((*thing).to_owned(), (*path).to_owned())).collect();
    let broken = [("name".to_owned(), "no path".to_owned())].into();
    let generic = vec![
        GenericSource { name: "pager".into(), mapping },
        // No file makes such a plan; a plan from elsewhere may hold it.
        GenericSource { name: "broken".into(), mapping: broken },
    ];
    let alarms = Alarms { generic, ..Alarms::default() };
    assert!(alarms.is_wanted(), "who says what is posted wants to hear it");
    let (address, _intake, mut inputs, _stop) = listening_for(&alarms).await;
    let body = r#"{"alarm": {"what": "Slow", "how now": "down"}, "nr": 7}"#;
    let (alarms, answer) =
        send_and_record(address, &mut inputs, "/v1/alarms/generic/pager", body.to_owned()).await;
    assert_eq!((answer.status, alarms[0].name(), alarms[0].key.as_str()), (200, "Slow", "7"));
    assert_eq!((alarms[0].source.as_str(), alarms[0].kind), ("generic/pager", AlarmKind::Fired));
    // By any other name it is looked for where most systems have it, and is not there.
    for (name, status, says) in [("other", 400, "without a name"), ("broken", 500, "the mapping of `broken`")]
    {
        let answer = send(address, "POST", &format!("/v1/alarms/generic/{name}"), body).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!((answer.status, text.contains(says)), (status, true), "{name}: {text}");
    }
}

#[tokio::test]
async fn bodies_that_nobody_should_send_are_each_answered_and_the_next_one_is_heard() {
    let (address, _intake, mut inputs, _stop) = listening().await;
    let emulated = "/v1/emulate/alertmanager/api/v2/alerts";
    let generic = "/v1/alarms/generic/any";
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let nested = format!(r#"{{"version":"4","alerts":[],"more":{}}}"#, deep("[", "]"));
    let bodies = [
        ("nothing", String::new()),
        ("half", WEBHOOK[..WEBHOOK.len() / 2].to_owned()),
        ("two", format!("{WEBHOOK}{WEBHOOK}")),
        ("lists in lists", deep("[", "]")),
        ("objects in objects", deep("{\"a\":", "}")),
        ("zeros", "\u{0}".repeat(1_000)),
        ("a page", "<!doctype html><title>502</title>".to_owned()),
        ("a form", "payload=%7B%7D&status=firing".to_owned()),
        (
            "an event of another system",
            r#"{"event":{"event_type":"incident.triggered","data":{"id":"Q1"}}}"#.to_owned(),
        ),
        (
            "labels that are no texts",
            r#"{"version":"4","alerts":[{"status":"firing","labels":{"a":[1]}}]}"#.to_owned(),
        ),
        ("a number beyond all", format!("[{}]", "9".repeat(100_000))),
        ("a key twice", r#"{"version":"4","version":"4","alerts":[]}"#.to_owned()),
    ];
    for (what, body) in &bodies {
        for path in [HOOK, emulated, generic] {
            let answer = send(address, "POST", path, body).await;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(answer.status, 400, "{what} to {path}: {text}");
            assert!(text.contains("expected") || text.contains("without"), "{what} to {path}: {text}");
            assert!(text.len() < 2_000, "{what} to {path}: an answer repeats no body: {} bytes", text.len());
        }
    }
    // What an unknown key holds is nobody's business, however deep it is.
    assert_eq!(send(address, "POST", HOOK, &nested).await.status, 200);
    let large = "[1]".repeat(BODY_MAX_BYTES / 16 + 1);
    assert_eq!(send(address, "POST", generic, &large).await.status, 413, "a tree of it would not fit");
    assert!(inputs.try_recv().is_err(), "none of them reached the engine");
    let (alarms, answer) = send_and_record(address, &mut inputs, HOOK, WEBHOOK.to_owned()).await;
    assert_eq!((alarms.len(), answer.status), (2, 200));
}

#[tokio::test]
async fn a_message_that_is_cut_off_is_dropped_and_does_not_stop_the_others() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (address, _intake, mut inputs, _stop) = listening().await;
    let mut cut = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("POST {HOOK} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", WEBHOOK.len());
    cut.write_all(format!("{head}{}", &WEBHOOK[..100]).as_bytes()).await.unwrap();
    cut.shutdown().await.unwrap();
    let mut said = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), cut.read_to_end(&mut said)).await.unwrap();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
    let (alarms, answer) = send_and_record(address, &mut inputs, HOOK, WEBHOOK.to_owned()).await;
    assert_eq!((alarms.len(), answer.status), (2, 200));
}

#[tokio::test]
async fn strange_times_cost_no_alarm() {
    let (address, _intake, mut inputs, _stop) = listening().await;
    for (starts, claimed) in [
        (r#""0001-01-01T00:00:00Z""#, None),
        (r#""9999-12-30T00:00:00Z""#, Some("9999-12-30T00:00:00Z")),
        (r#""1999-12-31T23:59:59.5Z""#, Some("1999-12-31T23:59:59.5Z")),
        (r#""-9999-01-01T00:00:00Z""#, None),
        (r#""99999-01-01T00:00:00Z""#, None),
        (r#""soon""#, None),
        ("1e300", None),
        ("{}", None),
        ("null", None),
    ] {
        let body = format!(
            r#"{{"version":"4","alerts":[{{"status":"firing","labels":{{"alertname":"A"}},"startsAt":{starts},"endsAt":{starts}}}]}}"#
        );
        let (alarms, answer) = send_and_record(address, &mut inputs, HOOK, body).await;
        assert_eq!((answer.status, alarms[0].kind), (200, AlarmKind::Fired), "{starts}");
        let got = alarms[0].claimed_at.map(|time| time.to_string());
        assert_eq!((got.as_deref(), alarms[0].ends_at), (claimed, None), "{starts}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_words() {
    let (address, _intake, _inputs, _stop) = listening().await;
    let large = "x".repeat(BODY_MAX_BYTES + 1);
    for (method, path, body, status, says) in [
        ("POST", HOOK, "{}", 400, "`version` is missing"),
        ("POST", "/v1/emulate/alertmanager/api/v2/alerts", "{}", 400, "what Prometheus posts"),
        ("POST", "/v1/alarms/generic/a%20b", "{}", 400, "letters, digits"),
        ("POST", "/v1/alarms/generic/a", "[1]", 400, "is no object"),
        ("POST", HOOK, large.as_str(), 413, "16777216 bytes"),
        ("GET", HOOK, "", 405, "POST"),
        ("POST", "/v1/alarms", "{}", 404, "/v1/alarms/alertmanager"),
    ] {
        let answer = send(address, method, path, body).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!((answer.status, text.contains(says)), (status, true), "{path}: {text}");
        assert_eq!(answer.content_type().as_deref(), Some("application/problem+json"), "{path}");
    }
    assert_eq!(send(address, "POST", "/v1/emulate/alertmanager/api/v2/alerts", "[]").await.status, 200);
    assert_eq!(send(address, "GET", "/healthCheck", "").await.status, 200);
}

#[tokio::test]
async fn an_address_that_others_reach_or_that_is_in_use_is_refused() {
    let open = bind("0.0.0.0:0".parse().unwrap(), false).await.unwrap_err().to_string();
    assert!(open.contains("127.0.0.1"), "{open}");
    let first = bind("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
    let address = first.local_addr().unwrap();
    let used = bind(address, false).await.unwrap_err().to_string();
    assert!(used.contains(&address.to_string()) && used.contains("in use"), "{used}");
}

/// A port where nobody listens, and what an intake says that is to ask there.
fn deaf(kind: MonitorKind, poll: bool) -> (Intake, mpsc::Receiver<AlarmInput>) {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", taken.local_addr().unwrap());
    drop(taken);
    let (to_engine, inputs) = mpsc::channel(8);
    let matching = crate::scenario::expectation::AlarmMatch::default();
    let expected = vec![crate::scenario::expectation::Expectation {
        id: "slow".into(),
        matching,
        fault: None,
        within: "30s".parse().unwrap(),
        from: crate::scenario::expectation::CountedFrom::Effect,
        severity: None,
        receiver: None,
        ack_within: None,
        resolve_within: None,
        content: vec![],
    }];
    let alarms = Alarms { expected, sources: vec![AlarmSource { kind, url, poll }], ..Alarms::default() };
    (Intake::start(None, &alarms, wall, to_engine, CancellationToken::new()), inputs)
}

#[tokio::test]
async fn a_source_that_cannot_be_polled_is_told_once() {
    let (_intake, mut inputs) = deaf(MonitorKind::Alertmanager, true);
    let (alarms, journalled) = next_alarms(&mut inputs).await;
    assert!(journalled.is_none());
    assert_eq!((alarms[0].kind, alarms[0].source.as_str()), (AlarmKind::Blind, "poll/alertmanager"));
    assert!(alarms[0].annotations["summary"].contains("connection refused"), "{alarms:?}");
    let more = tokio::time::timeout(Duration::from_millis(1500), inputs.recv()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test]
async fn nothing_is_asked_before_faults_are_on_and_a_deaf_source_gives_no_cause() {
    let (intake, mut inputs) = deaf(MonitorKind::Prometheus, false);
    assert!(tokio::time::timeout(Duration::from_millis(200), inputs.recv()).await.is_err());
    intake.set_watching(true);
    let asked = tokio::time::timeout(Duration::from_secs(5), inputs.recv()).await.unwrap().unwrap();
    let AlarmInput::Asked { expectation, cause, evidence } = asked else { panic!("{asked:?}") };
    assert_eq!((expectation.as_str(), cause), ("slow", MissCause::Unknown));
    assert!(evidence.contains("connection refused"), "{evidence}");
}

#[tokio::test]
async fn what_a_server_hands_in_is_done_once_it_is_recorded_and_told_apart_from_a_repetition() {
    let (to, feed) = hand_in();
    let (to_engine, mut inputs) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let intake = Intake::start(Some(Source::Feed(feed)), &Alarms::default(), wall, to_engine, stop.clone());
    let alarms = crate::alarm::alertmanager::read(WEBHOOK.as_bytes(), wall()).unwrap();
    for (recorded, repeated) in [(false, false), (true, false), (true, true)] {
        let (to, said) = (to.clone(), alarms.clone());
        let handed = AbortOnDropHandle::new(tokio::spawn(async move { to.alarms(said).await }));
        let (alarms, journalled) = next_alarms(&mut inputs).await;
        assert!(alarms.iter().all(|alarm| alarm.repeat == repeated));
        assert!(!handed.is_finished(), "it is answered before it is recorded");
        if recorded {
            journalled.unwrap().send(()).unwrap();
        } else {
            drop(journalled);
        }
        assert_eq!(handed.await.unwrap().is_ok(), recorded);
    }
    stop.cancel();
    intake.ended().await;
    assert_eq!(to.alarms(alarms).await, Ok(false), "a drill that is over has nothing to do with them");
}
