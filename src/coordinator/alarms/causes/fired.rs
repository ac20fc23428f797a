//! What Prometheus does with the rules of an expected alarm, and why none of them fires.

use jiff::Timestamp;

use super::Found;
use super::promql::{Parts, take_apart};
use super::rules::{self, Rule};
use crate::coordinator::alarms::ask;
use crate::drill::alarm::MissCause;
use crate::fault::Period;
use crate::scenario::expectation::Expectation;

/// So many values or names are shown.
const SHOWN_MAX: usize = 3;

/// How far an expected alarm came in Prometheus.
#[derive(Debug)]
pub(super) enum Fired {
    /// It fires, since then.
    Yes(String),
    /// It does not, and this is why.
    No(Found),
}

/// Finds out. The rule that came furthest counts.
pub(super) async fn ask(url: &str, rules: &[Rule], expectation: &Expectation) -> Fired {
    let candidates: Vec<&Rule> =
        rules.iter().filter(|rule| rules::may_fire(rule, &expectation.matching)).collect();
    if candidates.is_empty() {
        let evidence = rules::no_such_rule(rules, expectation);
        return Fired::No(Found::new(MissCause::NoSuchRule, "rule", evidence));
    }
    let alerts = || {
        let all = candidates.iter().flat_map(|rule| rule.alerts.iter().map(move |alert| (*rule, alert)));
        all.filter(|(_, alert)| expectation.matching.fits(&alert.labels))
    };
    if let Some((_, alert)) = alerts().find(|(_, alert)| alert.state == "firing") {
        return Fired::Yes(alert.active_at.clone());
    }
    if let Some(rule) = candidates.iter().find(|rule| rule.health == "err") {
        let evidence = format!("the rule `{}` cannot be evaluated: {}", rule.name, clean(&rule.last_error));
        return Fired::No(Found::new(MissCause::RuleUnhealthy, "health", evidence));
    }
    if let Some((rule, alert)) = alerts().find(|(_, alert)| alert.state == "pending") {
        let evidence = format!(
            "the rule `{}` is pending since {}; it fires after {} (`for:`)",
            rule.name,
            alert.active_at,
            seconds(rule.duration)
        );
        return Fired::No(Found::new(MissCause::PendingOnly, "pending", evidence));
    }
    if candidates.iter().all(|rule| rule.health == "unknown") {
        let evidence = format!("the rule `{}` was not evaluated yet", candidates[0].name);
        return Fired::No(Found::new(MissCause::Unknown, "unevaluated", evidence));
    }
    Fired::No(inactive(url, candidates[0]).await)
}

/// Why a healthy rule is inactive: its parts have no values, or values that do not cross its threshold.
async fn inactive(url: &str, rule: &Rule) -> Found {
    let parts = take_apart(&rule.query);
    let mut empty = Vec::new();
    for selector in &parts.selectors {
        match values(url, selector).await {
            Ok(values) if values.is_empty() => empty.push(selector.as_str()),
            Ok(_) => {}
            Err(why) => return Found::new(MissCause::Unknown, "unreachable", why),
        }
    }
    let shown = match compared(url, &parts).await {
        Some((shown, true)) => shown,
        // A side of the comparison has no value, or there is none; then nothing but its selectors can tell.
        Some((_, false)) if !empty.is_empty() => return no_data(url, rule, &empty).await,
        None if !empty.is_empty() && empty.len() == parts.selectors.len() => {
            return no_data(url, rule, &empty).await;
        }
        Some((shown, false)) => shown,
        None => "its expression gives nothing, and every series that it names has values".to_owned(),
    };
    let evidence = format!("the rule `{}` is inactive: {shown}", rule.name);
    Found::new(MissCause::BelowThreshold, "threshold", evidence)
}

/// What stands on both sides of the comparison, and whether each side has a value.
async fn compared(url: &str, parts: &Parts) -> Option<(String, bool)> {
    let (left, operator, right) = parts.comparison.as_ref()?;
    let (mut there, mut sides) = (true, Vec::new());
    for side in [left, right] {
        if take_apart(side).selectors.is_empty() || side.starts_with("on") || side.starts_with("ignoring") {
            sides.push(side.clone());
            continue;
        }
        let values = values(url, side).await.ok()?;
        there &= !values.is_empty();
        sides.push(match values.len() {
            0 => format!("nothing (`{side}`)"),
            _ => format!("{} (`{side}`)", values.into_iter().take(SHOWN_MAX).collect::<Vec<_>>().join(", ")),
        });
    }
    Some((format!("{} is not {operator} {}", sides[0], sides[1]), there))
}

async fn no_data(url: &str, rule: &Rule, empty: &[&str]) -> Found {
    let names = empty.iter().take(SHOWN_MAX).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mut evidence = format!("the rule `{}` sees no data: {names} has no series", rule.name);
    if let Ok(down) = targets_down(url).await
        && !down.is_empty()
    {
        evidence.push_str("; targets that are down: ");
        evidence.push_str(&down.join("; "));
    }
    Found::new(MissCause::NoData, "no data", evidence)
}

/// The values of an instant query.
async fn values(url: &str, query: &str) -> Result<Vec<String>, String> {
    let body = ask::get(url, &format!("/api/v1/query?query={}", ask::query_value(query))).await?;
    let answer: serde_json::Value =
        serde_json::from_slice(&body).map_err(|error| format!("an answer is unreadable: {error}"))?;
    let value = |sample: &serde_json::Value| sample.get(1)?.as_str().map(str::to_owned);
    let Some(result) = answer.pointer("/data/result") else { return Ok(Vec::new()) };
    if answer.pointer("/data/resultType").and_then(serde_json::Value::as_str) == Some("scalar") {
        return Ok(value(result).into_iter().collect());
    }
    let series = result.as_array().into_iter().flatten();
    Ok(series.filter_map(|series| value(series.get("value")?)).collect())
}

/// The targets that Prometheus cannot read, each with its reason.
async fn targets_down(url: &str) -> Result<Vec<String>, String> {
    let body = ask::get(url, "/api/v1/targets?state=active").await?;
    let answer: serde_json::Value = serde_json::from_slice(&body)
        .map_err(|error| format!("the list of targets is unreadable: {error}"))?;
    let text = |target: &serde_json::Value, path| {
        target.pointer(path).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    let targets = answer.pointer("/data/activeTargets").and_then(serde_json::Value::as_array);
    let down = targets.into_iter().flatten().filter(|target| text(target, "/health") == "down");
    let words = down
        .map(|target| format!("{} {}", text(target, "/labels/instance"), clean(&text(target, "/lastError"))));
    Ok(words.take(SHOWN_MAX).collect())
}

fn clean(text: &str) -> String {
    const SHOWN_MAX_BYTES: usize = 300;
    let clean = ask::without_secrets(text);
    clean[..clean.floor_char_boundary(SHOWN_MAX_BYTES)].to_owned()
}

fn seconds(seconds: f64) -> Period {
    Period::from(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// When something began, for sentences; the text as it came where it is no time.
pub(super) fn began(since: &str, now: Timestamp) -> String {
    let since_time = crate::alarm::timestamp::from_text(since);
    let age = since_time.and_then(|since| std::time::Duration::try_from(now.duration_since(since)).ok());
    match age {
        Some(age) => format!("for {}", Period::from_secs(age.as_secs())),
        None => format!("since {since}"),
    }
}
