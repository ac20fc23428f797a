//! The intake with an engine that answers, refuses, or is not there.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{AlarmInput, Intake, bind};
use crate::coordinator::clock::wall;
use crate::coordinator::http::{Answer, PreparedRequest, measure};
use crate::coordinator::secrets::Secrets;
use crate::drill::alarm::{Alarm, AlarmKind, MissCause};
use crate::scenario::expectation::{AlarmSource, Alarms, MonitorKind};
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
    let listener = bind("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (to_engine, inputs) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let intake = Intake::start(Some(listener), &Alarms::default(), wall, to_engine, stop.clone());
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

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_words() {
    let (address, _intake, _inputs, _stop) = listening().await;
    let large = "x".repeat(crate::alarm::BODY_MAX_BYTES + 1);
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
