//! How a rule stands: inactive, pending for as long as its `for:` says, firing, resolved.

use std::collections::BTreeMap;
use std::time::Duration;

use super::eval::{self, Value, Vector};
use super::rules::Rule;
use super::series::{Labels, NAME, Store};

/// No rule has more alarms; one that would is unhealthy.
const ALARMS_MAX: usize = 100;

/// One alarm of a rule: a set of labels for which it is, or was, true.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alarm {
    pub(super) labels: Labels,
    pub(super) annotations: Labels,
    pub(super) value: f64,
    /// Since when it is true.
    pub(super) active_at: Duration,
    /// Since when it fires; absent: it is pending.
    pub(super) fired_at: Option<Duration>,
    /// Since when it is over.
    pub(super) resolved_at: Option<Duration>,
    /// When it was last true.
    last_true: Duration,
}

/// How a rule stands.
#[derive(Debug, Default)]
pub(super) struct Standing {
    alarms: BTreeMap<Labels, Alarm>,
    /// Why it could not be evaluated last time.
    pub(super) error: Option<String>,
    /// When it was evaluated last.
    pub(super) evaluated_at: Option<Duration>,
}

impl Standing {
    /// The alarms that are pending or fire.
    pub(super) fn active(&self) -> impl Iterator<Item = &Alarm> {
        self.alarms.values()
    }

    /// `firing`, `pending` or `inactive`: the most that one of its alarms is.
    pub(super) fn word(&self) -> &'static str {
        if self.active().any(|alarm| alarm.fired_at.is_some()) {
            "firing"
        } else if self.alarms.is_empty() {
            "inactive"
        } else {
            "pending"
        }
    }

    /// Evaluates the rule; returns the alarms that fire, and those that are over just now.
    pub(super) fn evaluate(&mut self, rule: &Rule, store: &Store, at: Duration) -> Vec<Alarm> {
        self.evaluated_at = Some(at);
        let found = match eval::evaluate(&rule.expr, store, at) {
            Ok(Value::Vector(found)) => labelled(rule, found),
            Ok(Value::Scalar(_)) => Err("it is a number and no series".to_owned()),
            Err(why) => Err(why),
        };
        match found {
            Ok(found) => {
                self.error = None;
                self.advance(rule, found, at)
            }
            // A rule that cannot be evaluated says nothing, neither that it is true nor that it is over.
            Err(why) => {
                self.error = Some(why);
                Vec::new()
            }
        }
    }

    /// What it had fired, over now: the rule is gone.
    pub(super) fn ended(self, at: Duration) -> Vec<Alarm> {
        let firing = self.alarms.into_values().filter(|alarm| alarm.fired_at.is_some());
        firing.map(|alarm| Alarm { resolved_at: Some(at), ..alarm }).collect()
    }

    fn advance(&mut self, rule: &Rule, found: BTreeMap<Labels, f64>, at: Duration) -> Vec<Alarm> {
        for (labels, value) in &found {
            let alarm = self.alarms.entry(labels.clone()).or_insert_with(|| Alarm {
                labels: labels.clone(),
                annotations: rule.annotations.clone(),
                value: *value,
                active_at: at,
                fired_at: None,
                resolved_at: None,
                last_true: at,
            });
            (alarm.value, alarm.last_true) = (*value, at);
        }
        let mut told = Vec::new();
        self.alarms.retain(|labels, alarm| {
            let is_true = found.contains_key(labels);
            if is_true && alarm.fired_at.is_none() && at - alarm.active_at >= rule.pending {
                alarm.fired_at = Some(at);
            }
            let is_over = !is_true && (alarm.fired_at.is_none() || at - alarm.last_true >= rule.keeps);
            if is_over {
                alarm.resolved_at = Some(at);
            }
            if alarm.fired_at.is_some() {
                told.push(alarm.clone());
            }
            !is_over
        });
        told
    }
}

/// The labels of the alarms that a rule makes of what its expression gives.
fn labelled(rule: &Rule, found: Vector) -> Result<BTreeMap<Labels, f64>, String> {
    if found.len() > ALARMS_MAX {
        return Err(format!("it gives {} series; at most {ALARMS_MAX} may be alarms", found.len()));
    }
    let mut alarms = BTreeMap::new();
    for (mut labels, value) in found {
        labels.remove(NAME);
        labels.extend(rule.labels.clone());
        labels.insert("alertname".to_owned(), rule.name.clone());
        labels.retain(|_, value| !value.is_empty());
        if alarms.insert(labels, value).is_some() {
            return Err("two of its series make an alarm with the same labels".to_owned());
        }
    }
    Ok(alarms)
}

#[cfg(test)]
mod tests {
    use super::super::{rules, series};
    use super::*;

    const TARGET: &str = "job";

    /// What a rule over the gauge `a` says at each second, given the gauge's value then.
    fn course(rule: &str, values: &[u32]) -> Vec<(&'static str, usize)> {
        let text = format!("groups: [{{name: g, rules: [{{alert: A, {rule}}}]}}]");
        let rule = rules::read(&text).unwrap()[0].rules[0].clone();
        let (mut store, mut standing) = (Store::default(), Standing::default());
        let target = Labels::from([(TARGET.to_owned(), "shop".to_owned())]);
        let mut words = Vec::new();
        for (second, value) in values.iter().enumerate() {
            let at = Duration::from_secs(second as u64);
            store.keep(at, &target, series::read(&format!("a {value}"), &target).unwrap());
            let over = standing.evaluate(&rule, &store, at);
            words.push((standing.word(), over.iter().filter(|alarm| alarm.resolved_at.is_some()).count()));
        }
        words
    }

    #[test]
    fn a_rule_is_pending_for_its_for_fires_and_is_over() {
        assert_eq!(
            course("expr: a > 0, for: 2s", &[0, 1, 1, 1, 1, 0, 0]),
            [
                ("inactive", 0),
                ("pending", 0),
                ("pending", 0),
                ("firing", 0),
                ("firing", 0),
                ("inactive", 1),
                ("inactive", 0)
            ]
        );
        assert_eq!(course("expr: a > 0", &[1, 0]), [("firing", 0), ("inactive", 1)]);
    }

    #[test]
    fn what_is_true_for_too_short_a_time_never_fires_and_begins_anew() {
        assert_eq!(
            course("expr: a > 0, for: 2s", &[1, 1, 0, 1, 1, 1]),
            [("pending", 0), ("pending", 0), ("inactive", 0), ("pending", 0), ("pending", 0), ("firing", 0)]
        );
    }

    #[test]
    fn a_rule_may_fire_on_after_it_was_true() {
        assert_eq!(
            course("expr: a > 0, keep_firing_for: 2s", &[1, 0, 0, 1, 0, 0]),
            [("firing", 0), ("firing", 0), ("inactive", 1), ("firing", 0), ("firing", 0), ("inactive", 1)]
        );
    }

    #[test]
    fn an_alarm_has_the_labels_of_its_series_and_of_its_rule() {
        let text =
            "groups: [{name: g, rules: [{alert: A, expr: 'a > 0', labels: {severity: page, job: ''}}]}]";
        let rule = rules::read(text).unwrap()[0].rules[0].clone();
        let (mut store, mut standing) = (Store::default(), Standing::default());
        let target = Labels::from([(TARGET.to_owned(), "shop".to_owned())]);
        store.keep(Duration::ZERO, &target, series::read("a{b=\"c\"} 1", &target).unwrap());
        let told = standing.evaluate(&rule, &store, Duration::ZERO);
        let labels: Vec<(&str, &str)> =
            told[0].labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(labels, [("alertname", "A"), ("b", "c"), ("severity", "page")]);
    }

    #[test]
    fn a_rule_that_cannot_be_evaluated_is_unhealthy_and_lets_its_alarms_stand() {
        let text = "groups: [{name: g, rules: [{alert: A, expr: 'b / a > 0'}]}]";
        let rule = rules::read(text).unwrap()[0].rules[0].clone();
        let (mut store, mut standing) = (Store::default(), Standing::default());
        let keep = |store: &mut Store, at, text: &str| {
            let none = Labels::new();
            store.keep(Duration::from_secs(at), &none, series::read(text, &none).unwrap());
        };
        keep(&mut store, 0, "a 1\nb 1");
        assert_eq!(standing.evaluate(&rule, &store, Duration::ZERO).len(), 1);
        // The label that tells two series apart is the one that the rule writes over.
        let same = "groups: [{name: g, rules: [{alert: A, expr: 'a > 0', labels: {x: z}}]}]";
        let same = rules::read(same).unwrap()[0].rules[0].clone();
        keep(&mut store, 1, "a{x=\"1\"} 1\na{x=\"2\"} 1");
        assert!(standing.evaluate(&same, &store, Duration::from_secs(1)).is_empty());
        assert!(standing.error.as_ref().unwrap().contains("same labels"));
        assert_eq!(standing.word(), "firing");
    }
}
