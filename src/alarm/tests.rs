//! Bodies that real servers sent, bodies like those of other versions, and bodies that nobody should send.

use jiff::Timestamp;
use proptest::prelude::*;

use super::generic::Mapping;
use super::polled::Polled;
use super::{BodyError, Seen, alertmanager, prometheus};
use crate::drill::alarm::{Alarm, AlarmKind};

const FIRING: &[u8] = include_bytes!("../../tests/files/alarms/webhook-firing.json");
const PARTLY: &[u8] = include_bytes!("../../tests/files/alarms/webhook-partly-resolved.json");
const RESOLVED: &[u8] = include_bytes!("../../tests/files/alarms/webhook-resolved.json");
const POSTED_FIRING: &[u8] = include_bytes!("../../tests/files/alarms/prometheus-firing.json");
const POSTED_RESOLVED: &[u8] = include_bytes!("../../tests/files/alarms/prometheus-resolved.json");

fn now() -> Timestamp {
    "2026-11-21T23:00:00Z".parse().unwrap()
}

fn kinds(alarms: &[Alarm]) -> Vec<(&str, AlarmKind)> {
    alarms.iter().map(|alarm| (alarm.name(), alarm.kind)).collect()
}

#[test]
fn a_recorded_webhook_is_read_alarm_by_alarm() {
    let alarms = alertmanager::read(FIRING, now()).unwrap();
    assert_eq!(kinds(&alarms), [("LabArrives", AlarmKind::Fired), ("LabPartner", AlarmKind::Fired)]);
    let first = &alarms[0];
    assert_eq!(first.source, "alertmanager");
    assert_eq!(first.receiver.as_deref(), Some("hook"));
    assert_eq!(first.key, super::fingerprint(&first.labels));
    assert!(first.group_key.as_deref().unwrap().contains("team=\"pay\""));
    assert_eq!((first.ends_at, first.received_at), (None, now()));
    assert!(first.claimed_at.is_some() && !first.repeat && first.body_sha256.len() == 64);

    let alarms = alertmanager::read(PARTLY, now()).unwrap();
    assert_eq!(kinds(&alarms), [("LabArrives", AlarmKind::Fired), ("LabPartner", AlarmKind::Resolved)]);
    let alarms = alertmanager::read(RESOLVED, now()).unwrap();
    assert_eq!(kinds(&alarms), [("LabArrives", AlarmKind::Resolved)]);
    assert!(alarms[0].ends_at.unwrap() > alarms[0].claimed_at.unwrap());
}

#[test]
fn a_recorded_post_of_prometheus_fires_until_its_end() {
    let text = std::str::from_utf8(POSTED_FIRING).unwrap();
    let entries: serde_json::Value = serde_json::from_str(text).unwrap();
    let end: Timestamp = entries[0]["endsAt"].as_str().unwrap().parse().unwrap();
    let before = prometheus::read(POSTED_FIRING, end - std::time::Duration::from_millis(1)).unwrap();
    assert_eq!((before[0].kind, before[0].ends_at), (AlarmKind::Fired, None));
    let after = prometheus::read(POSTED_FIRING, end).unwrap();
    assert_eq!((after[0].kind, after[0].ends_at), (AlarmKind::Resolved, Some(end)));
    let resolved = prometheus::read(POSTED_RESOLVED, now()).unwrap();
    assert!(!resolved.is_empty() && resolved.iter().all(|alarm| alarm.kind == AlarmKind::Resolved));
}

#[test]
fn what_other_versions_add_or_leave_out_is_accepted() {
    let body = br#"{"version":"4","receiver":"r","notification_reason":"repeat interval elapsed","routeLabels":{"a":"b"},"new":{"x":[1]},
        "alerts":[{"status":"firing","labels":{"alertname":"A"},"annotations":null,"startsAt":"2026-11-21T12:00:00.5+0100","endsAt":"0001-01-01T00:00:00Z","more":1}]}"#;
    let alarms = alertmanager::read(body, now()).unwrap();
    assert!(alarms[0].repeat);
    assert_eq!(alarms[0].key, super::fingerprint(&alarms[0].labels));
    assert_eq!(alarms[0].claimed_at, Some("2026-11-21T11:00:00.5Z".parse().unwrap()));
    let least = br#"{"version":"4","alerts":[{"status":"resolved","labels":{}}]}"#;
    let alarms = alertmanager::read(least, now()).unwrap();
    assert_eq!((alarms[0].kind, alarms[0].claimed_at), (AlarmKind::Resolved, None));
    assert!(prometheus::read(b"[]", now()).unwrap().is_empty());
}

#[test]
fn a_bad_body_is_refused_with_what_was_expected() {
    let nested = "[".repeat(100_000);
    for (body, says) in [
        ("", "Alertmanager's webhook, version `4`"),
        ("{", "line 1 column"),
        ("alerts: []", "Alertmanager's webhook"),
        (nested.as_str(), "Alertmanager's webhook"),
        ("[]", "Alertmanager's webhook"),
        ("{}", "`version` is missing; expected is `4`"),
        (r#"{"version":"1","alerts":[]}"#, "`version` is `1`; expected is `4`"),
        (r#"{"version":4,"alerts":[]}"#, "expected a string"),
        (r#"{"version":"4"}"#, "`alerts` is missing"),
        (r#"{"version":"4","alerts":[{"labels":{}}]}"#, "`alerts[0].status` is missing"),
        (
            r#"{"version":"4","alerts":[{"labels":{},"status":"odd\n"}]}"#,
            "expected is `firing` or `resolved`",
        ),
        (r#"{"version":"4","alerts":[{"labels":{"a":1},"status":"firing"}]}"#, "expected a string"),
    ] {
        let error = alertmanager::read(body.as_bytes(), now()).unwrap_err().to_string();
        assert!(error.contains(says), "{}: {error}", &body[..body.len().min(60)]);
        assert!(error.len() < 600, "{error}");
    }
    let huge = vec![b' '; super::BODY_MAX_BYTES + 1];
    assert!(matches!(alertmanager::read(&huge, now()), Err(BodyError::TooLarge { .. })));
    let error = prometheus::read(br#"[{"labels":{"a":""}}]"#, now()).unwrap_err().to_string();
    assert!(error.contains("`[0].labels` is empty"), "{error}");
    assert!(prometheus::read(b"{}", now()).is_err());
}

#[test]
fn any_json_is_read_by_a_mapping() {
    let read = |body: &str| Mapping::default().read("shop", body.as_bytes(), now());
    let alarms = read(
        r#"[{"alertname":"A","status":"FIRING","severity":"page","labels":{"n":1,"deep":{}},"startsAt":1420452193166},
            {"name":"B","state":"ok","key":"k1","receiver":"ops","endsAt":"2026-11-21 10:00:00Z"},
            {"AlarmName":"C","NewStateValue":"INSUFFICIENT_DATA"},{"title":"D","status":"acknowledged"}]"#,
    )
    .unwrap();
    assert_eq!(
        kinds(&alarms),
        [
            ("A", AlarmKind::Fired),
            ("B", AlarmKind::Resolved),
            ("C", AlarmKind::Blind),
            ("D", AlarmKind::Acknowledged)
        ]
    );
    assert_eq!(alarms[0].source, "generic/shop");
    assert_eq!((alarms[0].labels["n"].as_str(), alarms[0].labels["severity"].as_str()), ("1", "page"));
    assert_eq!(alarms[0].claimed_at.unwrap().to_string(), "2015-01-05T10:03:13.166Z");
    assert_eq!((alarms[1].key.as_str(), alarms[1].receiver.as_deref()), ("k1", Some("ops")));
    assert!(alarms[1].ends_at.is_some());
    for (body, says) in [
        ("1", "is no object"),
        (r#"{"status":"firing"}"#, "without a name"),
        (r#"{"name":"x"}"#, "without a status"),
        (r#"{"name":"x","status":"purple"}"#, "`purple`"),
        (r#"[{"name":"x","status":"ok"},[]]"#, "`$[1]`"),
        ("{]", "a JSON object"),
    ] {
        let error = read(body).unwrap_err().to_string();
        assert!(error.contains(says), "{body}: {error}");
    }

    let places = |all: &[(&str, &str)]| all.iter().map(|(f, p)| ((*f).to_owned(), (*p).to_owned())).collect();
    let mapping =
        Mapping::with(&places(&[("name", "$.event.what"), ("status", "$.event['how now']")])).unwrap();
    let body = br#"{"event":{"what":"Slow","how now":"down"}}"#;
    assert_eq!(kinds(&mapping.read("x", body, now()).unwrap()), [("Slow", AlarmKind::Fired)]);
    assert!(Mapping::with(&places(&[("nome", "$.a")])).unwrap_err().to_string().contains("is no field"));
    assert!(Mapping::with(&places(&[("name", "a")])).unwrap_err().to_string().contains("is no JSON path"));
}

#[test]
fn what_was_said_before_is_a_repetition_and_what_got_lost_is_not() {
    let read = || alertmanager::read(FIRING, now()).unwrap();
    let repeats = |alarms: &[Alarm]| alarms.iter().map(|alarm| alarm.repeat).collect::<Vec<_>>();
    let mut seen = Seen::new(3);
    let mut first = read();
    let marks = seen.mark(&mut first);
    assert_eq!((repeats(&first), marks.len()), (vec![false, false], 2));
    let mut again = read();
    assert!(seen.mark(&mut again).is_empty());
    assert_eq!(repeats(&again), [true, true]);
    let mut elsewhere = read();
    elsewhere.truncate(1);
    elsewhere[0].receiver = Some("other".into());
    seen.mark(&mut elsewhere);
    assert_eq!(repeats(&elsewhere), [false], "it reached somebody else for the first time");
    seen.forget(&marks);
    let mut sent_again = read();
    seen.mark(&mut sent_again);
    assert_eq!(repeats(&sent_again), [false, false]);
    // The memory holds three; the oldest, told to `other`, still fits, and then is forgotten.
    let mut more = alertmanager::read(RESOLVED, now()).unwrap();
    seen.mark(&mut more);
    elsewhere[0].repeat = false;
    seen.mark(&mut elsewhere);
    assert_eq!(repeats(&elsewhere), [false]);
}

fn listed(name: &str, starts: &str, state: &str, receivers: &[&str]) -> serde_json::Value {
    let receivers: Vec<_> = receivers.iter().map(|name| serde_json::json!({"name": name})).collect();
    serde_json::json!({"labels": {"alertname": name}, "annotations": {}, "startsAt": starts, "receivers": receivers,
        "status": {"state": state, "silencedBy": [], "inhibitedBy": []}})
}

#[test]
fn a_poll_tells_what_changed_since_the_last_one() {
    let mut polled = Polled::default();
    let mut poll = |alerts: Vec<serde_json::Value>| {
        let body = serde_json::to_vec(&alerts).unwrap();
        let alarms = polled.alertmanager(&body, now()).unwrap();
        alarms
            .into_iter()
            .map(|alarm| (alarm.name().to_owned(), alarm.kind, alarm.receiver))
            .collect::<Vec<_>>()
    };
    let (one, two) = ("2026-11-21T10:00:00Z", "2026-11-21T10:05:00Z");
    let said = |name: &str, kind, receiver: &str| (name.to_owned(), kind, Some(receiver.to_owned()));
    let a = |starts| listed("A", starts, "active", &["x", "y"]);
    assert_eq!(
        poll(vec![a(one), listed("S", one, "suppressed", &["x"])]),
        [said("A", AlarmKind::Fired, "x"), said("A", AlarmKind::Fired, "y")]
    );
    assert!(poll(vec![a(one), listed("S", one, "suppressed", &["x"])]).is_empty());
    assert_eq!(
        poll(vec![listed("A", one, "suppressed", &["x", "y"]), listed("S", one, "active", &["x"])]),
        [said("S", AlarmKind::Fired, "x")],
        "one that is silenced later is not over"
    );
    assert_eq!(
        poll(vec![a(two)]),
        [
            said("A", AlarmKind::Fired, "x"),
            said("A", AlarmKind::Fired, "y"),
            said("S", AlarmKind::Resolved, "x")
        ]
    );
    assert_eq!(poll(vec![]), [said("A", AlarmKind::Resolved, "x"), said("A", AlarmKind::Resolved, "y")]);
    assert!(polled.alertmanager(b"{}", now()).is_err());
}

#[test]
fn a_poll_of_prometheus_tells_only_what_fires() {
    let mut polled = Polled::default();
    let mut poll = |state: &str| {
        let body = format!(
            r#"{{"status":"success","data":{{"alerts":[{{"labels":{{"alertname":"A"}},"annotations":{{}},"state":"{state}","activeAt":"2026-11-21T10:00:00.123456789Z","value":"1e+00"}}]}}}}"#
        );
        let alarms = polled.prometheus(body.as_bytes(), now()).unwrap();
        alarms.into_iter().map(|alarm| alarm.kind).collect::<Vec<_>>()
    };
    assert!(poll("pending").is_empty());
    assert_eq!(poll("firing"), [AlarmKind::Fired]);
    assert!(poll("firing").is_empty());
    assert_eq!(poll("pending"), [AlarmKind::Resolved]);
}

fn read_all(body: &[u8]) {
    let _ = alertmanager::read(body, now());
    let _ = prometheus::read(body, now());
    let _ = Mapping::default().read("any", body, now());
    let _ = Polled::default().alertmanager(body, now());
    let _ = Polled::default().prometheus(body, now());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_all(&body);
    }

    #[test]
    fn no_change_of_a_real_body_makes_it_panic(
        which in 0_usize..5,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = [FIRING, PARTLY, RESOLVED, POSTED_FIRING, POSTED_RESOLVED][which].to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        read_all(&body);
        body.truncate(cut.index(body.len()));
        read_all(&body);
    }
}
