//! Alertmanager's configuration, as far as it decides who is told when.

use std::time::Duration;

use serde_json::Value;

use super::mute_times::{self, Interval};
use crate::fault::Period;
use crate::text::{Json, Problems, Source, read};

/// No routing tree is deeper.
const DEPTH_MAX: usize = 32;

/// Receivers, routes and times.
#[derive(Clone, Debug, Default)]
pub(super) struct Config {
    /// Each receiver with the kinds of its integrations: `webhook`, `pagerduty`, …
    receivers: Vec<(String, Vec<String>)>,
    routes: Vec<Route>,
}

/// One route with all that it inherits.
#[derive(Clone, Debug)]
struct Route {
    receiver: String,
    wait: Duration,
    interval: Duration,
    /// Names and times in which it tells nobody.
    muted: Vec<(String, Interval)>,
    /// Names and times outside of which it tells nobody.
    active: Vec<(String, Interval)>,
}

impl Config {
    /// Reads the text of `config.original`. What is not understood is as if it were not there.
    pub(super) fn read(text: &str) -> Option<Self> {
        let source = Source::new("alertmanager.yml", text);
        let root = read::<Json>(&source, &mut Problems::new())?.0;
        let mut config = Self { receivers: Vec::new(), routes: Vec::new() };
        for receiver in list(&root, "receivers") {
            let kinds = receiver.as_object()?.iter().filter_map(|(key, value)| {
                let kind = key.strip_suffix("_configs")?;
                value.as_array().is_some_and(|all| !all.is_empty()).then(|| kind.to_owned())
            });
            config.receivers.push((text_of(receiver, "name")?.to_owned(), kinds.collect()));
        }
        let times = mute_times::read(list(&root, "time_intervals").chain(list(&root, "mute_time_intervals")));
        let top = Route {
            receiver: String::new(),
            wait: Duration::from_secs(30),
            interval: Duration::from_secs(300),
            muted: Vec::new(),
            active: Vec::new(),
        };
        config.walk(root.get("route")?, &top, &times, 0);
        Some(config)
    }

    fn walk(&mut self, written: &Value, above: &Route, times: &[(String, Interval)], depth: usize) {
        let named = |key: &str| -> Vec<(String, Interval)> {
            let names: Vec<&str> = list(written, key).filter_map(Value::as_str).collect();
            times.iter().filter(|(name, _)| names.contains(&name.as_str())).cloned().collect()
        };
        let time = |key: &str, inherited| {
            text_of(written, key)
                .and_then(|text| text.parse::<Period>().ok())
                .map_or(inherited, |period| period.duration())
        };
        let route = Route {
            receiver: text_of(written, "receiver").unwrap_or(&above.receiver).to_owned(),
            wait: time("group_wait", above.wait),
            interval: time("group_interval", above.interval),
            // Times are not inherited.
            muted: named("mute_time_intervals"),
            active: named("active_time_intervals"),
        };
        if depth < DEPTH_MAX {
            for child in list(written, "routes") {
                self.walk(child, &route, times, depth + 1);
            }
        }
        self.routes.push(route);
    }

    /// The kinds of a receiver's integrations; `None`: the receiver is not known here.
    pub(super) fn integrations(&self, receiver: &str) -> Option<&[String]> {
        self.receivers.iter().find(|(name, _)| name == receiver).map(|(_, kinds)| kinds.as_slice())
    }

    /// The longest `group_wait` and `group_interval` of the routes to a receiver.
    pub(super) fn group_times(&self, receiver: &str) -> Option<(Duration, Duration)> {
        let routes = self.routes.iter().filter(|route| route.receiver == receiver);
        routes
            .map(|route| (route.wait, route.interval))
            .reduce(|one, other| (one.0.max(other.0), one.1.max(other.1)))
    }

    /// Why nobody behind a receiver is told now: every route to it is within a mute time, or outside its active ones.
    pub(super) fn muted(&self, receiver: &str, now: jiff::Timestamp) -> Option<String> {
        let mut why = None;
        for route in self.routes.iter().filter(|route| route.receiver == receiver) {
            let muted = route.muted.iter().find(|(_, times)| times.holds(now));
            why = match muted {
                Some((name, _)) => {
                    Some(format!("the time interval `{name}` mutes the route to `{receiver}`"))
                }
                None if !route.active.is_empty()
                    && !route.active.iter().any(|(_, times)| times.holds(now)) =>
                {
                    let names: Vec<&str> = route.active.iter().map(|(name, _)| name.as_str()).collect();
                    Some(format!("the route to `{receiver}` is active only in {}", names.join(", ")))
                }
                None => return None,
            };
        }
        why
    }
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text_of<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_waits_and_mute_times_are_read() {
        let config = Config::read(
            "route:\n  receiver: main\n  group_wait: 0s\n  group_interval: 1s\n  routes:\n  - receiver: late\n    group_wait: 5m\n  - receiver: night\n    mute_time_intervals: [always]\n  - receiver: day\n    active_time_intervals: [never]\n\
             receivers:\n- name: main\n  webhook_configs:\n  - url: http://h/\n- name: hole\n- name: late\n- name: night\n- name: day\n\
             time_intervals:\n- name: always\n  time_intervals:\n  - times:\n    - {start_time: \"00:00\", end_time: \"24:00\"}\n- name: never\n  time_intervals:\n  - years: [\"1999\"]\n",
        )
        .unwrap();
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        assert_eq!(config.integrations("main").unwrap(), ["webhook"]);
        assert_eq!(config.integrations("hole").unwrap().len(), 0);
        assert_eq!(config.integrations("nobody"), None);
        assert_eq!(config.group_times("late"), Some((Duration::from_secs(300), Duration::from_secs(1))));
        assert!(config.muted("night", now).unwrap().contains("always"));
        assert!(config.muted("day", now).unwrap().contains("never"));
        assert_eq!(config.muted("main", now), None);
        assert!(Config::read("no: routes").is_none());
        assert!(Config::read("{{{").is_none());
    }
}
