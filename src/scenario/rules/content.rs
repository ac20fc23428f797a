//! What an alarm says to the person whom it wakes.

use super::Monitoring;
use super::file::{Rule, Text};
use crate::scenario::expectation::Expectation;

/// What an alarm should say: its name, and where it may stand.
const WANTED: [(&str, &[&str]); 5] = [
    ("what is wrong (`summary`)", &["summary"]),
    ("why it matters (`description`)", &["description", "message"]),
    ("what to do (`runbook_url`)", &["runbook_url", "runbook"]),
    ("whose it is (`team` or `owner`)", &["team", "owner"]),
    ("where to look (`dashboard`)", &["dashboard", "dashboard_url", "dashboardURL", "grafana_dashboard"]),
];

/// Whether an alarm of this rule carries a label or an annotation of this name; nothing when a label that the rule
/// does not set may still come from its series.
pub(super) fn carries(rule: &Rule, name: &str) -> bool {
    let says = |text: &Text| text.fixed().is_none_or(|text| !text.trim().is_empty());
    name == "alertname"
        || rule.open
        || [&rule.labels, &rule.annotations].iter().any(|all| all.get(name).is_some_and(says))
}

/// Says at the rule what its alarm leaves open, apart from what the expectation asks for: that is said there.
pub(super) fn lint(monitoring: &mut Monitoring, rule: usize, expectation: &Expectation) {
    let Some(rule) = monitoring.rules.get(rule) else { return };
    let asked =
        |names: &[&str]| names.iter().any(|name| expectation.content.iter().any(|wanted| wanted == name));
    let says = |(_, names): &&(&str, &[&str])| names.iter().any(|name| carries(rule, name));
    let count = WANTED.iter().filter(says).count();
    let missing = WANTED.iter().filter(|wanted| !says(wanted) && !asked(wanted.1));
    let missing: Vec<&str> = missing.map(|(what, _)| *what).collect();
    let (at, name) = (rule.at, rule.name.clone());
    let address = rule.annotations.get("runbook_url").and_then(Text::fixed).map(str::trim);
    let broken = address.filter(|text| !text.is_empty() && !is_address(text)).map(str::to_owned);
    let Some(file) = monitoring.files.get_mut(rule.file) else { return };
    if !missing.is_empty() {
        let message = format!(
            "the alarm `{name}` says {count} of {} things; it does not say {}",
            WANTED.len(),
            missing.join(", ")
        );
        file.problems
            .warning("alarm-content", at, message)
            .help("whoever is woken by it needs these; add them under `annotations`");
    }
    if let Some(text) = broken {
        let message =
            format!("the `runbook_url` {} of the alarm `{name}` is no address", crate::text::quote(&text));
        file.problems.warning("alarm-content", at, message).help("write it whole: `https://…`");
    }
}

fn is_address(text: &str) -> bool {
    text.strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .is_some_and(|rest| !rest.is_empty())
}
