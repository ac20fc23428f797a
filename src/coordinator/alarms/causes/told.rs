//! What Alertmanager does with an alarm that it holds, and why nobody was told of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::Found;
use super::config::Config;
use crate::alarm::timestamp::from_text;
use crate::coordinator::alarms::ask;
use crate::drill::alarm::MissCause;
use crate::fault::Period;
use crate::scenario::expectation::Expectation;

/// After its time a message may still be under way.
const SLACK: Duration = Duration::from_secs(2);

/// An alarm that Alertmanager holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Held {
    pub(super) labels: BTreeMap<String, String>,
    starts_at: String,
    fingerprint: String,
    receivers: Vec<Named>,
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    silenced_by: Vec<String>,
    inhibited_by: Vec<String>,
    muted_by: Vec<String>,
}

/// One Alertmanager as it is now.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) held: Vec<Held>,
    config: Option<Config>,
    /// Failed requests since faults are on, by kind of integration.
    failed: BTreeMap<String, f64>,
}

impl Told {
    /// Asks for all of it. `before` holds the counters when faults came on; without it no failure can be dated, and
    /// none is counted.
    pub(super) async fn ask(url: &str, before: Option<&BTreeMap<String, f64>>) -> Result<Self, String> {
        let body = ask::get(url, "/api/v2/alerts").await?;
        let held = serde_json::from_slice(&body)
            .map_err(|error| format!("the list of alarms is unreadable: {error}"))?;
        // Without these two fewer causes can be told apart; what the list says still holds.
        let config = ask::get(url, "/api/v2/status").await.ok().and_then(|body| config(&body));
        let mut failed = BTreeMap::new();
        if let Some(before) = before {
            failed = failures(url).await.unwrap_or_default();
            for (kind, count) in &mut failed {
                *count -= before.get(kind).copied().unwrap_or(0.0);
            }
            failed.retain(|_, count| *count > 0.0);
        }
        Ok(Self { held, config, failed })
    }

    /// Why nobody was told of this alarm, in the order of what comes first on its way.
    pub(super) fn why(&self, alarm: &Held, expectation: &Expectation, now: Timestamp) -> Found {
        let receivers: Vec<&str> = alarm.receivers.iter().map(|receiver| receiver.name.as_str()).collect();
        self.kept_back(alarm, now)
            .or_else(|| self.sent_elsewhere(&receivers, expectation))
            .or_else(|| self.failed(&receivers))
            .unwrap_or_else(|| self.waits(alarm, &receivers, now))
    }

    fn kept_back(&self, alarm: &Held, now: Timestamp) -> Option<Found> {
        let status = &alarm.status;
        if !status.silenced_by.is_empty() {
            let ids = status.silenced_by.join(", ");
            return Some(Found::new(MissCause::Silenced, "silence", format!("silenced by {ids}")));
        }
        if let Some(source) = status.inhibited_by.first() {
            let by = self.held.iter().find(|held| held.fingerprint == *source);
            let name =
                by.and_then(|held| held.labels.get("alertname")).map_or(source.as_str(), String::as_str);
            let evidence = format!("inhibited by the alarm `{name}` ({source})");
            return Some(Found::new(MissCause::Inhibited, "inhibition", evidence));
        }
        if !status.muted_by.is_empty() {
            let evidence = format!("muted by the time interval {}", status.muted_by.join(", "));
            return Some(Found::new(MissCause::Muted, "muted", evidence));
        }
        // Before 0.28 no interface says it; the configuration does.
        let config = self.config.as_ref()?;
        let mut reasons = alarm.receivers.iter().map(|receiver| config.muted(&receiver.name, now));
        let all: Option<Vec<String>> = reasons.by_ref().collect();
        let evidence = all.filter(|all| !all.is_empty())?.join("; ");
        Some(Found::new(MissCause::Muted, "muted", evidence))
    }

    fn sent_elsewhere(&self, receivers: &[&str], expectation: &Expectation) -> Option<Found> {
        let names = receivers.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        if let Some(wanted) = &expectation.receiver
            && !receivers.is_empty()
            && !receivers.contains(&wanted.as_str())
        {
            let evidence = format!("it goes to {names}; `{wanted}` is expected");
            return Some(Found::new(MissCause::WrongReceiver, "receiver", evidence));
        }
        let config = self.config.as_ref()?;
        let nobody = |name: &&str| config.integrations(name).is_some_and(<[String]>::is_empty);
        (!receivers.is_empty() && receivers.iter().all(nobody)).then(|| {
            let evidence = format!("it goes to {names}, which tells nobody: no integration is configured");
            Found::new(MissCause::WrongReceiver, "blackhole", evidence)
        })
    }

    fn failed(&self, receivers: &[&str]) -> Option<Found> {
        let config = self.config.as_ref()?;
        for receiver in receivers {
            for kind in config.integrations(receiver)? {
                let Some(count) = self.failed.get(kind) else { continue };
                let evidence = format!(
                    "{count} requests of the integration `{kind}` failed since faults are on; the receiver is `{receiver}`"
                );
                return Some(Found::new(MissCause::ReceiverFailed, "failed", evidence));
            }
        }
        None
    }

    fn waits(&self, alarm: &Held, receivers: &[&str], now: Timestamp) -> Found {
        let since = from_text(&alarm.starts_at);
        let age = since.and_then(|since| Duration::try_from(now.duration_since(since)).ok());
        let config = self.config.as_ref();
        let times = receivers.iter().find_map(|receiver| config?.group_times(receiver));
        if let (Some(age), Some((wait, interval))) = (age, times)
            && age < wait.max(interval) + SLACK
        {
            let evidence = format!(
                "active since {}, and its group is told after up to {} (group_wait) or every {} (group_interval)",
                alarm.starts_at,
                Period::from(wait),
                Period::from(interval)
            );
            return Found::new(MissCause::GroupedLate, "group", evidence);
        }
        let evidence = format!(
            "active in Alertmanager since {} for {}; no failure is counted, so it was told before or to an address that does not tell us",
            alarm.starts_at,
            receivers.join(", ")
        );
        Found::new(MissCause::Unknown, "active", evidence)
    }
}

fn config(body: &[u8]) -> Option<Config> {
    let status: serde_json::Value = serde_json::from_slice(body).ok()?;
    Config::read(status.pointer("/config/original")?.as_str()?)
}

/// The failed requests by kind of integration.
pub(super) async fn failures(url: &str) -> Result<BTreeMap<String, f64>, String> {
    let body = ask::get(url, "/metrics").await?;
    Ok(sums(&String::from_utf8_lossy(&body)))
}

fn sums(metrics: &str) -> BTreeMap<String, f64> {
    const NAME: &str = "alertmanager_notification_requests_failed_total{";
    let mut sums = BTreeMap::new();
    for line in metrics.lines() {
        let Some((labels, value)) = line.strip_prefix(NAME).and_then(|rest| rest.rsplit_once('}')) else {
            continue;
        };
        let kind =
            labels.split(',').find_map(|label| label.strip_prefix("integration=\"")?.strip_suffix('"'));
        let count = value.split_whitespace().next().and_then(|value| value.parse::<f64>().ok());
        if let (Some(kind), Some(count)) = (kind, count) {
            *sums.entry(kind.to_owned()).or_insert(0.0) += count;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_requests_are_summed_by_integration() {
        let metrics = "# HELP x\nalertmanager_notification_requests_failed_total{integration=\"webhook\"} 3\n\
            alertmanager_notification_requests_failed_total{integration=\"webhook\",receiver_name=\"a\"} 4\n\
            alertmanager_notification_requests_failed_total{integration=\"email\"} 0\nalertmanager_other 9\n";
        let expected = BTreeMap::from([("webhook".to_owned(), 7.0), ("email".to_owned(), 0.0)]);
        assert_eq!(sums(metrics), expected);
    }
}
