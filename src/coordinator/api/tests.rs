use std::collections::BTreeSet;

use serde_json::Value;

use super::table::{Verb, all};
use super::*;

#[test]
fn each_route_has_one_name_and_one_place() {
    let routes = all();
    let names: BTreeSet<_> = routes.iter().map(|route| route.id).collect();
    let places: BTreeSet<_> = routes.iter().map(|route| (route.path, route.verb)).collect();
    assert_eq!((names.len(), places.len()), (routes.len(), routes.len()));
    assert!(routes.iter().all(|route| !route.tag.is_empty()));
}

#[test]
fn the_page_of_the_api_lists_every_route_and_no_other() {
    let page = include_str!("../../../docs/api.md");
    let told: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| `GET ") || line.starts_with("| `POST ")).collect();
    let rows = all().into_iter().map(|route| {
        let verb = if route.verb == Verb::Get { "GET" } else { "POST" };
        format!("| `{verb} {}` | `{}` | {} |", route.path, route.id, route.summary)
    });
    let rows: Vec<String> = rows.collect();
    assert_eq!(told, rows, "docs/api.md, Routes");
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for reference in found {
        let path = reference.strip_prefix('#').expect("it stays in the document");
        assert!(document.pointer(path).is_some(), "{reference}");
    }
}

#[test]
fn the_document_says_of_every_route_who_may_ask_and_what_can_go_wrong() {
    let document = document();
    for route in all() {
        let verb = if route.verb == Verb::Get { "get" } else { "post" };
        let operation = &document["paths"][route.path][verb];
        assert_eq!(operation["operationId"], route.id);
        assert_eq!(
            operation["security"] == serde_json::json!([]),
            route.path == "/healthCheck",
            "{}",
            route.path
        );
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key(&route.status.to_string()) && responses.contains_key("500"));
    }
}
