//! A file of alerting rules, as Prometheus reads it. What the watchman cannot do is refused.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::lengths;
use super::promql::{self, Expr};
use super::series::Labels;
use super::yaml;

const FILE_MAX_BYTES: usize = 256 * 1024;
const RULES_MAX: usize = 200;

/// Rules that are evaluated together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) name: String,
    /// How often; absent: as often as the watchman does.
    pub(super) interval: Option<Duration>,
    pub(super) rules: Vec<Rule>,
}

/// An alerting rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    pub(super) name: String,
    /// The expression as it is written.
    pub(super) query: String,
    pub(super) expr: Expr,
    /// How long it has to be true before it fires.
    pub(super) pending: Duration,
    /// How long it fires on after it was true.
    pub(super) keeps: Duration,
    pub(super) labels: Labels,
    pub(super) annotations: Labels,
}

/// Reads a file. An error names the group and the rule.
pub(super) fn read(text: &str) -> Result<Vec<Group>, String> {
    if text.len() > FILE_MAX_BYTES {
        return Err(format!("it has {} bytes; at most {FILE_MAX_BYTES} are read", text.len()));
    }
    let root = yaml::read(text)?;
    let root = map(&root, "the file", &["groups"])?;
    let mut groups: Vec<Group> = Vec::new();
    for (number, written) in list(root, "groups").iter().enumerate() {
        let group = group(written).map_err(|why| format!("group {}: {why}", number + 1))?;
        if groups.iter().any(|other| other.name == group.name) {
            return Err(format!("the group `{}` stands twice", group.name));
        }
        groups.push(group);
    }
    let rules: usize = groups.iter().map(|group| group.rules.len()).sum();
    if rules > RULES_MAX {
        return Err(format!("it has {rules} rules; at most {RULES_MAX} are read"));
    }
    Ok(groups)
}

fn group(written: &Value) -> Result<Group, String> {
    let group = map(written, "it", &["name", "interval", "rules"])?;
    let name = text(group, "name")?.ok_or("`name` is missing")?.to_owned();
    let interval = length(group, "interval")?.filter(|interval| !interval.is_zero());
    let rules = list(group, "rules").iter().map(rule).collect::<Result<_, _>>()?;
    Ok(Group { name, interval, rules })
}

fn rule(written: &Value) -> Result<Rule, String> {
    if let Some(name) = written.get("record").and_then(Value::as_str) {
        return Err(format!("`record: {name}`: the watchman of the demo reads alerting rules only"));
    }
    let keys = ["alert", "expr", "for", "keep_firing_for", "labels", "annotations"];
    let rule = map(written, "a rule", &keys)?;
    let name = text(rule, "alert")?.ok_or("a rule without `alert`")?.to_owned();
    let of = |why: String| format!("the rule `{name}`: {why}");
    let query = text(rule, "expr").map_err(of)?.ok_or_else(|| of("`expr` is missing".to_owned()))?;
    let query = query.trim().to_owned();
    let expr = promql::read(&query).map_err(of)?;
    if expr.is_scalar() {
        return Err(of(format!("`{query}` is a number and no series")));
    }
    Ok(Rule {
        expr,
        pending: length(rule, "for").map_err(of)?.unwrap_or_default(),
        keeps: length(rule, "keep_firing_for").map_err(of)?.unwrap_or_default(),
        labels: texts(rule, "labels").map_err(of)?,
        annotations: texts(rule, "annotations").map_err(of)?,
        query,
        name,
    })
}

fn map<'v>(value: &'v Value, what: &str, keys: &[&str]) -> Result<&'v Map<String, Value>, String> {
    let map = value.as_object().ok_or_else(|| format!("{what} is no map with {}", keys.join(", ")))?;
    match map.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(unknown) => Err(format!("`{unknown}` is not known here; there are {}", keys.join(", "))),
        None => Ok(map),
    }
}

fn list<'v>(map: &'v Map<String, Value>, key: &str) -> &'v [Value] {
    map.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'v>(map: &'v Map<String, Value>, key: &str) -> Result<Option<&'v str>, String> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{key}` is no text")),
    }
}

fn length(map: &Map<String, Value>, key: &str) -> Result<Option<Duration>, String> {
    let Some(text) = text(map, key)? else { return Ok(None) };
    let read =
        lengths::read(text).ok_or_else(|| format!("`{key}: {text}` is no length of time, like `5s`"))?;
    Ok(Some(read))
}

/// Labels or annotations. Templates are refused: half of a template language would say wrong things.
fn texts(map: &Map<String, Value>, key: &str) -> Result<Labels, String> {
    let Some(written) = map.get(key).filter(|value| !value.is_null()) else { return Ok(BTreeMap::new()) };
    let written = written.as_object().ok_or_else(|| format!("`{key}` is no map"))?;
    let pair = |(name, value): (&String, &Value)| match value {
        Value::String(text) if text.contains("{{") => {
            Err(format!("`{name}` is a template; the watchman of the demo reads fixed texts"))
        }
        Value::String(text) => Ok((name.clone(), text.clone())),
        _ => Err(format!("`{name}` is no text")),
    };
    written.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_with_all_that_it_says() {
        let groups = read(
            "groups:\n- name: shop\n  interval: 500ms\n  rules:\n  - alert: Slow\n    expr: |\n      a > 1\n    for: 2s\n    \
             keep_firing_for: 1m\n    labels: {severity: page}\n    annotations:\n      summary: It is slow\n  \
             - {alert: Gone, expr: up == 0}\n- name: empty\n",
        )
        .unwrap();
        assert_eq!((groups.len(), groups[0].interval), (2, Some(Duration::from_millis(500))));
        let [slow, gone] = &groups[0].rules[..] else { panic!("{groups:?}") };
        assert_eq!((slow.name.as_str(), slow.query.as_str()), ("Slow", "a > 1"));
        assert_eq!((slow.pending, slow.keeps), (Duration::from_secs(2), Duration::from_secs(60)));
        assert_eq!(
            (slow.labels["severity"].as_str(), slow.annotations["summary"].as_str()),
            ("page", "It is slow")
        );
        assert_eq!((gone.pending, gone.labels.len()), (Duration::ZERO, 0));
    }

    #[test]
    fn what_the_watchman_cannot_do_is_refused_by_name() {
        let of = |rule: &str| format!("groups: [{{name: g, rules: [{rule}]}}]");
        for (text, words) in [
            ("rule_files: []".to_owned(), "`rule_files` is not known"),
            ("- a".to_owned(), "no map"),
            ("groups: [{rules: []}]".to_owned(), "group 1: `name` is missing"),
            ("groups: [{name: a}, {name: a}]".to_owned(), "twice"),
            (of("{record: r, expr: a}"), "`record: r`"),
            (of("{alert: A}"), "the rule `A`: `expr` is missing"),
            (of("{alert: A, expr: '1 + 1'}"), "no series"),
            (of("{alert: A, expr: a and b}"), "the rule `A`: the watchman"),
            (of("{alert: A, expr: a, for: 5}"), "`for: 5`"),
            (of("{alert: A, expr: a, labels: {x: '{{ $value }}'}}"), "template"),
            (of("{alert: A, expr: a, four: 5s}"), "`four` is not known"),
        ] {
            let why = read(&text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }
}
