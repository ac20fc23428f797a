//! What Prometheus says about its alerting rules, and which of them an expectation means.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::scenario::expectation::{AlarmMatch, Expectation};

/// An alerting rule and its state.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) query: String,
    /// Its `for:` in seconds.
    pub(super) duration: f64,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) health: String,
    pub(super) last_error: String,
    pub(super) alerts: Vec<RuleAlert>,
}

/// A set of labels for which a rule is pending or fires.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RuleAlert {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) state: String,
    pub(super) active_at: String,
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    rules: Vec<Rule>,
}

/// Reads `GET /api/v1/rules?type=alert`.
pub(super) fn read(body: &[u8]) -> Result<Vec<Rule>, String> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| format!("its list of rules is unreadable: {error}"))?;
    Ok(answer.data.groups.into_iter().flat_map(|group| group.rules).collect())
}

/// Whether a rule may fire what is expected: its name and its fixed labels fit. Labels that it does not fix come from
/// its series, and may fit.
pub(super) fn may_fire(rule: &Rule, matching: &AlarmMatch) -> bool {
    misfit(rule, matching).is_none()
}

/// The first label of a rule that does not fit.
fn misfit<'r>(rule: &'r Rule, matching: &AlarmMatch) -> Option<(&'r str, &'r str)> {
    if matching.0.get("alertname").is_some_and(|pattern| !pattern.matches(&rule.name)) {
        return Some(("alertname", &rule.name));
    }
    let fixed = rule.labels.iter().filter(|(_, value)| !value.contains("{{"));
    let mut misfits = fixed
        .filter(|(name, value)| matching.0.get(name.as_str()).is_some_and(|pattern| !pattern.matches(value)));
    misfits.next().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// The words for an expectation that no rule fits.
pub(super) fn no_such_rule(rules: &[Rule], expectation: &Expectation) -> String {
    let names = &expectation.matching.0;
    let near = rules.iter().find(|rule| names.get("alertname").is_some_and(|glob| glob.matches(&rule.name)));
    match near.and_then(|rule| Some((rule, misfit(rule, &expectation.matching)?))) {
        Some((rule, (label, value))) => {
            let wanted = names.get(label).map_or("", |glob| glob.0.as_str());
            format!("the rule `{}` has the label {label}=\"{value}\"; \"{wanted}\" is expected", rule.name)
        }
        None => format!("none of the {} alerting rules fits {}", rules.len(), labels_words(names)),
    }
}

fn labels_words(labels: &BTreeMap<String, crate::fault::Glob>) -> String {
    let each: Vec<String> = labels.iter().map(|(name, glob)| format!("{name}=\"{}\"", glob.0)).collect();
    format!("{{{}}}", each.join(", "))
}
