//! What was planned otherwise: each field of the plan by its path, and each file that went into it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Row, Section, names};
use crate::report::Report;

/// How many fields are named; where more differ, the plans are of different things.
const FIELDS_MAX: usize = 100;

/// The fields that differ. The scenario and the seed stand among the conditions.
pub(super) fn fields(before: &Report, after: &Report) -> Section {
    let flat = |report: &Report| {
        let mut flat = BTreeMap::new();
        let whole = serde_json::json!({"plan": report.plan, "playbook": report.playbook});
        flatten(String::new(), &whole, &mut flat);
        flat
    };
    let (was, is) = (flat(before), flat(after));
    let mut rows: Vec<Row> = names(was.keys().map(String::as_str), is.keys().map(String::as_str))
        .into_iter()
        .filter(|path| !["plan.seed", "plan.scenario"].contains(path) && was.get(*path) != is.get(*path))
        .map(|path| {
            let name = path.strip_prefix("plan.").unwrap_or(path);
            Row::plain(name, was.get(path).cloned(), is.get(path).cloned())
        })
        .collect();
    rows.sort_by(|a, b| a.what.cmp(&b.what));
    if rows.len() > FIELDS_MAX {
        let left = rows.split_off(FIELDS_MAX).len();
        rows.push(Row { changed: true, ..Row::plain(format!("and {left} more fields"), None, None) });
    }
    Section { title: "Plan".to_owned(), rows }
}

/// Entries of a list go by their `id` or `name`, so that one that is put in front does not change all the others.
fn flatten(path: String, value: &Value, into: &mut BTreeMap<String, String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (key, value) in fields {
                flatten(below(key), value, into);
            }
        }
        Value::Array(entries) => {
            for (n, entry) in entries.iter().enumerate() {
                let name = ["id", "name"].iter().find_map(|key| entry[*key].as_str());
                let name = name.or_else(|| entry["spec"]["name"].as_str());
                flatten(below(&name.map_or_else(|| n.to_string(), str::to_owned)), entry, into);
            }
        }
        Value::String(text) => {
            into.insert(path, text.clone());
        }
        Value::Bool(_) | Value::Number(_) => {
            into.insert(path, value.to_string());
        }
    }
}

pub(super) fn files(before: &Report, after: &Report) -> Section {
    let text = |report: &'_ Report, path: &str| {
        report.inputs.iter().find(|input| input.path == path).map(|input| input.text.clone())
    };
    let paths = |report: &Report| report.inputs.iter().map(|input| input.path.clone()).collect::<Vec<_>>();
    let (was, is) = (paths(before), paths(after));
    let names = names(was.iter().map(String::as_str), is.iter().map(String::as_str));
    let rows = names.into_iter().map(|path| {
        let words = |word: &str| Some(word.to_owned());
        match (text(before, path), text(after, path)) {
            (Some(was), Some(is)) if was == is => Row::plain(path, words("the same"), words("the same")),
            (Some(_), Some(_)) => Row::plain(path, words("there"), words("changed")),
            (was, is) => Row::plain(path, was.and_then(|_| words("there")), is.and_then(|_| words("there"))),
        }
    });
    Section { title: "Files".to_owned(), rows: rows.collect() }
}
