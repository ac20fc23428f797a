//! What the pager posts: Alertmanager's webhook, version 4, written here on purpose, so that whoever reads it is not
//! tested with its own writer.

use serde_json::{Value, json};

use super::pager::Message;
use super::series::Labels;
use super::standing::Alarm;

/// What the receiver is told beside the alarms.
pub(super) struct Envelope<'a> {
    pub(super) receiver: &'a str,
    /// Where the watchman's page is.
    pub(super) url: &'a str,
}

/// The body of a message; `time` writes a time since the watchman began as text.
pub(super) fn body(
    message: &Message,
    envelope: &Envelope<'_>,
    time: impl Fn(std::time::Duration) -> String,
) -> Value {
    let alarms = &message.alarms;
    let is_firing = alarms.iter().any(|alarm| alarm.resolved_at.is_none());
    let alert = |alarm: &Alarm| {
        let never = "0001-01-01T00:00:00Z".to_owned();
        json!({
            "status": if alarm.resolved_at.is_none() { "firing" } else { "resolved" },
            "labels": alarm.labels,
            "annotations": alarm.annotations,
            "startsAt": time(alarm.fired_at.unwrap_or(alarm.active_at)),
            "endsAt": alarm.resolved_at.map_or(never, &time),
            "generatorURL": envelope.url,
            "fingerprint": fingerprint(&alarm.labels),
        })
    };
    json!({
        "version": "4",
        "groupKey": format!("{{}}:{{alertname=\"{}\"}}", message.group),
        "truncatedAlerts": 0,
        "status": if is_firing { "firing" } else { "resolved" },
        "receiver": envelope.receiver,
        "groupLabels": { "alertname": message.group },
        "commonLabels": common(alarms.iter().map(|alarm| &alarm.labels)),
        "commonAnnotations": common(alarms.iter().map(|alarm| &alarm.annotations)),
        "externalURL": envelope.url,
        "alerts": alarms.iter().map(alert).collect::<Vec<_>>(),
    })
}

/// What all have.
fn common<'a>(mut all: impl Iterator<Item = &'a Labels>) -> Labels {
    let first = all.next().cloned().unwrap_or_default();
    all.fold(first, |mut common, labels| {
        common.retain(|name, value| labels.get(name) == Some(value));
        common
    })
}

/// The name of a label set: FNV-1a over names and values, as Prometheus makes it.
fn fingerprint(labels: &Labels) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for (name, value) in labels {
        for text in [name, value] {
            for byte in text.bytes().chain([0xff]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::pager::{Pager, Times};
    use super::super::{rules, series, standing};
    use super::*;

    #[test]
    fn a_message_says_what_fires_since_when_and_what_is_over() {
        let text = "groups: [{name: g, rules: [{alert: A, expr: 'a > 0', labels: {severity: page}}]}]";
        let rule = rules::read(text).unwrap()[0].rules[0].clone();
        let (mut store, mut standing) = (series::Store::default(), standing::Standing::default());
        let interval = Duration::from_secs(1);
        let mut pager = Pager::new(Times { wait: Duration::ZERO, interval, repeat: Duration::from_secs(60) });
        let mut bodies = Vec::new();
        for (second, page) in ["a{n=\"1\"} 1\na{n=\"2\"} 1", "a{n=\"1\"} 0\na{n=\"2\"} 1"].iter().enumerate()
        {
            let at = Duration::from_secs(second as u64 + 3);
            store.keep(at, &Labels::new(), series::read(page, &Labels::new()).unwrap());
            pager.take(at, standing.evaluate(&rule, &store, at));
            for message in pager.due(at) {
                pager.went(at, &message, true);
                let envelope = Envelope { receiver: "duty", url: "http://w/" };
                bodies.push(body(&message, &envelope, |time| format!("T{}", time.as_secs())));
            }
        }
        let [first, second] = &bodies[..] else { panic!("{bodies:?}") };
        assert_eq!(
            (&first["status"], &first["receiver"], &first["version"]),
            (&"firing".into(), &"duty".into(), &"4".into())
        );
        assert_eq!(first["commonLabels"], json!({"alertname": "A", "severity": "page"}));
        assert_eq!(first["alerts"][0]["startsAt"], "T3");
        assert_eq!(first["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
        let second = &second["alerts"];
        assert_eq!((&second[0]["status"], &second[0]["endsAt"]), (&"resolved".into(), &"T4".into()));
        assert_eq!((&second[1]["status"], &second[1]["startsAt"]), (&"firing".into(), &"T3".into()));
        assert_ne!(second[0]["fingerprint"], second[1]["fingerprint"]);
    }

    #[test]
    fn a_label_set_has_the_name_that_prometheus_gives_it() {
        let labels = [("alertname", "LabArrives"), ("severity", "page"), ("team", "pay")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(fingerprint(&labels), "2cb0de01cc8c87ec");
    }
}
