//! Alarms of a real Prometheus and a real Alertmanager: every way in, and why the ones that stay away do.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

mod demo;
mod drill;
mod lab;
mod routes;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firedrill::coordinator::alarms::{ALARM_QUEUE, AlarmInput, Intake, Source, bind};
use firedrill::coordinator::clock::wall;
use firedrill::drill::alarm::{Alarm, AlarmKind, MissCause};
use firedrill::fault::{Glob, Period};
use firedrill::scenario::expectation::{
    AlarmMatch, AlarmSource, Alarms, CountedFrom, Expectation, MonitorKind,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use lab::Service;
use support::{requires, temp_dir};

/// Each alarm that stays away, why, and who should get it.
const MISSED: [(&str, MissCause, Option<&str>); 12] = [
    ("LabTypo", MissCause::NoSuchRule, None),
    ("LabBroken", MissCause::RuleUnhealthy, None),
    ("LabNoData", MissCause::NoData, None),
    ("LabBelow", MissCause::BelowThreshold, None),
    ("LabPending", MissCause::PendingOnly, None),
    // Fired by a Prometheus of its own, whose Alertmanager is not there.
    ("LabLost", MissCause::NotHandedOver, None),
    ("LabSilenced", MissCause::Silenced, None),
    ("LabInhibited", MissCause::Inhibited, None),
    ("LabMuted", MissCause::Muted, None),
    ("LabGrouped", MissCause::GroupedLate, None),
    ("LabFailed", MissCause::ReceiverFailed, None),
    ("LabElsewhere", MissCause::WrongReceiver, Some("pager")),
];

fn expectation(name: &str, receiver: Option<&str>) -> Expectation {
    Expectation {
        id: name.to_owned(),
        matching: AlarmMatch(BTreeMap::from([("alertname".to_owned(), Glob(name.to_owned()))])),
        fault: None,
        within: Period::from_secs(60),
        from: CountedFrom::Effect,
        severity: None,
        receiver: receiver.map(str::to_owned),
        ack_within: None,
        resolve_within: None,
        content: vec![],
    }
}

fn source(kind: MonitorKind, url: &str, poll: bool) -> AlarmSource {
    AlarmSource { kind, url: url.to_owned(), poll }
}

/// What an intake has told.
#[derive(Debug, Default)]
struct Heard {
    alarms: Vec<Alarm>,
    causes: BTreeMap<String, (MissCause, String)>,
}

impl Heard {
    fn said(&self, name: &str, source: &str, kind: AlarmKind) -> Option<&Alarm> {
        let fits = |alarm: &&Alarm| alarm.name() == name && alarm.source == source && alarm.kind == kind;
        self.alarms.iter().find(fits)
    }
}

/// An intake, and an engine that records at once what it tells.
struct Taken {
    intake: Intake,
    stop: CancellationToken,
    heard: Arc<Mutex<Heard>>,
}

impl Taken {
    fn start(listener: Option<tokio::net::TcpListener>, alarms: &Alarms) -> Self {
        let (to_engine, mut inputs) = mpsc::channel(ALARM_QUEUE);
        let stop = CancellationToken::new();
        let intake = Intake::start(listener.map(Source::Listener), alarms, wall, to_engine, stop.clone());
        let heard = Arc::new(Mutex::new(Heard::default()));
        let into = Arc::clone(&heard);
        // Ends when the intake does.
        tokio::spawn(async move {
            while let Some(input) = inputs.recv().await {
                let mut heard = into.lock().unwrap();
                match input {
                    AlarmInput::Alarms { alarms, journalled } => {
                        heard.alarms.extend(alarms);
                        journalled.map(|journalled| journalled.send(()));
                    }
                    AlarmInput::Asked { expectation, cause, evidence } => {
                        heard.causes.insert(expectation, (cause, evidence));
                    }
                }
            }
        });
        Self { intake, stop, heard }
    }

    /// Waits until enough was told; true when it was within the time.
    fn until(&self, within: Duration, enough: impl Fn(&Heard) -> bool) -> bool {
        support::happens_within(within, || enough(&self.heard.lock().unwrap()))
    }

    fn said(&self, name: &str, source: &str, kind: AlarmKind) -> Option<Alarm> {
        self.heard.lock().unwrap().said(name, source, kind).cloned()
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(5), self.intake.ended()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_alarms_arrive_by_every_way_and_missed_ones_are_told_apart() {
    if !requires(&["prometheus", "prometheus-alertmanager"]) {
        return;
    }
    let dir = temp_dir();
    let (service, service_port, _serving) = Service::start().await;
    let listen = || async { bind("127.0.0.1:0".parse().unwrap(), false).await.unwrap() };
    let (hooked, emulated) = (listen().await, listen().await);
    let hook = format!("http://{}/v1/alarms/alertmanager", hooked.local_addr().unwrap());
    let emulator = emulated.local_addr().unwrap().port();
    let (alertmanager, _alertmanager) = lab::alertmanager(dir.path(), &hook, service_port);
    let tells = [(alertmanager, ""), (emulator, "/v1/emulate/alertmanager"), (service_port, "")];
    let (prometheus, _prometheus) = lab::prometheus(dir.path(), service_port, &tells);
    let apart = temp_dir();
    let dead = support::free_port();
    let (lonely, _lonely) = lab::prometheus_of("LabLost", apart.path(), service_port, &[(dead, "")]);
    lab::wait_for_prometheus(&prometheus, tells.len());
    lab::wait_for_prometheus(&lonely, 1);
    let alertmanager = format!("http://127.0.0.1:{alertmanager}");
    silence(&alertmanager, "LabSilenced").await;

    let sources = |poll| {
        vec![
            source(MonitorKind::Alertmanager, &alertmanager, poll),
            source(MonitorKind::Prometheus, &prometheus, poll),
        ]
    };
    let asked = || [sources(false), vec![source(MonitorKind::Prometheus, &lonely, false)]].concat();
    let missed = MISSED.iter().map(|(name, _, receiver)| expectation(name, *receiver));
    let expected: Vec<Expectation> =
        missed.chain([expectation("LabArrives", None), expectation("LabNowhere", None)]).collect();
    let told = Taken::start(Some(hooked), &Alarms { expected, sources: asked(), ..Alarms::default() });
    let seen = Taken::start(Some(emulated), &Alarms { sources: sources(true), ..Alarms::default() });
    // The same where the drill, too, knows only the Alertmanager that is not there.
    let sources_of_lost = vec![
        source(MonitorKind::Alertmanager, &format!("http://127.0.0.1:{dead}"), false),
        source(MonitorKind::Prometheus, &lonely, false),
    ];
    let lost = vec![expectation("LabLost", None)];
    let lost = Taken::start(None, &Alarms { expected: lost, sources: sources_of_lost, ..Alarms::default() });

    service.set(1, 1);
    told.intake.set_watching(true);
    lost.intake.set_watching(true);
    let _ = told.until(Duration::from_secs(25), |told| {
        let right = |(name, cause, _): &(&str, MissCause, _)| {
            told.causes.get(*name).is_some_and(|(found, _)| found == cause)
        };
        let nowhere = told.causes.get("LabNowhere").is_some_and(|found| found.0 == MissCause::WrongReceiver);
        MISSED.iter().all(right)
            && nowhere
            && told.said("LabPartner", "alertmanager", AlarmKind::Fired).is_some()
    });
    matrix(&told.heard.lock().unwrap().causes);
    told.intake.set_watching(false);
    let is_lost =
        |lost: &Heard| lost.causes.get("LabLost").is_some_and(|why| why.0 == MissCause::NotHandedOver);
    assert!(lost.until(Duration::from_secs(10), is_lost), "{:#?}", lost.heard);
    lost.end().await;

    it_arrives_by_every_way(&told, &seen);
    they_end(&service, &told, &seen);
    record(&service);
    told.end().await;
    seen.end().await;
}

/// One alarm, by the webhook and by every other way in, has one key and says the same.
fn it_arrives_by_every_way(told: &Taken, seen: &Taken) {
    let arrived = told.said("LabArrives", "alertmanager", AlarmKind::Fired).expect("the webhook");
    assert_eq!(arrived.receiver.as_deref(), Some("hook"));
    assert_eq!(arrived.labels["severity"], "page");
    assert_eq!(arrived.annotations["summary"], "it is 1");
    assert!(arrived.claimed_at.unwrap() <= arrived.received_at && arrived.ends_at.is_none());
    assert!(seen.until(Duration::from_secs(10), |seen| by_all(seen, AlarmKind::Fired)), "{:#?}", seen.heard);
    for way in WAYS {
        let alarm = seen.said("LabArrives", way, AlarmKind::Fired).unwrap();
        assert_eq!(alarm.key, arrived.key, "one alarm has one key, also by {way}");
        assert_eq!(alarm.polled_every.is_some(), way.starts_with("poll"), "{way}");
    }
    // Prometheus says it again every few seconds.
    let again = |seen: &Heard| seen.alarms.iter().any(|alarm| alarm.repeat && alarm.source == "prometheus");
    assert!(seen.until(Duration::from_secs(10), again));
}

/// The ways in beside the webhook.
const WAYS: [&str; 3] = ["prometheus", "poll/alertmanager", "poll/prometheus"];

fn by_all(seen: &Heard, kind: AlarmKind) -> bool {
    WAYS.iter().all(|way| seen.said("LabArrives", way, kind).is_some())
}

/// First one of a group is over, then the other.
fn they_end(service: &Service, told: &Taken, seen: &Taken) {
    service.set(1, 0);
    let partly = |told: &Heard| told.said("LabPartner", "alertmanager", AlarmKind::Resolved).is_some();
    assert!(told.until(Duration::from_secs(10), partly));
    assert!(told.said("LabArrives", "alertmanager", AlarmKind::Resolved).is_none());
    service.set(0, 0);
    let over = |told: &Heard| told.said("LabArrives", "alertmanager", AlarmKind::Resolved).is_some();
    assert!(told.until(Duration::from_secs(10), over));
    assert!(told.said("LabArrives", "alertmanager", AlarmKind::Resolved).unwrap().ends_at.is_some());
    assert!(seen.until(Duration::from_secs(10), |seen| by_all(seen, AlarmKind::Resolved)));
}

/// Prints what was produced against what was found, and fails where they differ.
fn matrix(causes: &BTreeMap<String, (MissCause, String)>) {
    let mut wrong = Vec::new();
    println!("{:<13} {:<24} {:<24} evidence", "alarm", "produced", "found");
    for (name, produced, _) in MISSED.into_iter().chain([("LabNowhere", MissCause::WrongReceiver, None)]) {
        let (found, evidence) = causes.get(name).map_or(("nothing", ""), |(found, why)| (found.word(), why));
        println!("{name:<13} {:<24} {found:<24} {evidence}", produced.word());
        if found != produced.word() {
            wrong.push(format!("{name}: {} was found as {found}: {evidence}", produced.word()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn silence(alertmanager: &str, name: &str) {
    let body = serde_json::json!({
        "matchers": [{"name": "alertname", "value": name, "isRegex": false}],
        "startsAt": wall().to_string(),
        "endsAt": (wall() + Duration::from_secs(600)).to_string(),
        "createdBy": "test", "comment": "produces a miss",
    });
    let address = alertmanager.trim_start_matches("http://").parse().unwrap();
    let answer = support::request(address, "POST", "/api/v2/silences", &body.to_string()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// With `UPDATE_GOLDEN=1` writes what the real servers sent to the files that the adapters are tested with.
fn record(service: &Service) {
    if std::env::var("UPDATE_GOLDEN").is_err() {
        return;
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/alarms");
    let webhooks = service.posted("/webhook");
    let of_group = |alarms: usize, status: &str| {
        let fits = |body: &&String| {
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            let alerts = body["alerts"].as_array().unwrap();
            body["groupLabels"]["team"] == "pay"
                && alerts.len() == alarms
                && alerts.iter().any(|alert| alert["status"] == status)
        };
        webhooks.iter().find(fits).cloned().unwrap()
    };
    std::fs::write(folder.join("webhook-firing.json"), of_group(2, "firing")).unwrap();
    std::fs::write(folder.join("webhook-partly-resolved.json"), of_group(2, "resolved")).unwrap();
    std::fs::write(folder.join("webhook-resolved.json"), of_group(1, "resolved")).unwrap();
    let posted = service.posted("/api/v2/alerts");
    std::fs::write(folder.join("prometheus-firing.json"), &posted[0]).unwrap();
    std::fs::write(folder.join("prometheus-resolved.json"), posted.last().unwrap()).unwrap();
}
