//! The document of the API (OpenAPI 3.1), made from the table of routes and the types that they take and give.

use std::collections::BTreeSet;

use bytes::Bytes;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::sent::NAME_PATTERN;
use super::table::{Gives, Guard, Route, Takes, Verb, all};
use super::wire::{PERSON_PATTERN, Problem};

/// The document, for people and tools.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let mut paths = Map::new();
    let mut used = BTreeSet::new();
    for route in all() {
        let verb = match route.verb {
            Verb::Get => "get",
            Verb::Post => "post",
        };
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[verb] = operation(&route, &mut schemas, &mut used);
    }
    let problem = schemas.subschema_for::<Problem>();
    let responses: Map<String, Value> = used
        .into_iter()
        .map(|status| {
            let content = json!({"application/problem+json": {"schema": problem}});
            (status.to_string(), json!({"description": meaning(status), "content": content}))
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "firedrill",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Game days, drills, alarms and reports of `firedrill serve`. Errors are RFC 9457 problems.",
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "responses": responses,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Printed at the first start."},
                "session": {"type": "apiKey", "in": "cookie", "name": "firedrill_session",
                    "description": "The page's own; with it only the page may change anything."},
                "tokenInUrl": {"type": "apiKey", "in": "query", "name": "token",
                    "description": "Of the alarm intake alone."},
            },
        },
    })
}

/// The document as it is served.
pub(super) fn text() -> Bytes {
    let mut text = serde_json::to_vec_pretty(&document()).unwrap_or_default();
    text.push(b'\n');
    text.into()
}

fn operation(route: &Route, schemas: &mut SchemaGenerator, used: &mut BTreeSet<u16>) -> Value {
    let mut operation = json!({
        "operationId": route.id,
        "tags": [route.tag],
        "summary": route.summary,
        "security": match route.guard {
            Guard::Open => json!([]),
            Guard::Admin => json!([{"token": []}, {"session": []}]),
            // None is needed where only this host can reach the listener.
            Guard::Intake => json!([{}, {"token": []}, {"tokenInUrl": []}]),
        },
    });
    let parameters = parameters(route, schemas);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    match route.takes {
        Takes::Nothing => {}
        Takes::Json(schema) => {
            operation["requestBody"] =
                json!({"required": true, "content": {"application/json": {"schema": schema(schemas)}}});
        }
        Takes::Perhaps(schema) => {
            operation["requestBody"] =
                json!({"required": false, "content": {"application/json": {"schema": schema(schemas)}}});
        }
        Takes::Alarms(what) => {
            operation["requestBody"] = json!({"required": true, "description": what, "content": {"application/json": {"schema": {}}}});
        }
    }
    let mut responses = Map::new();
    responses.insert(route.status.to_string(), done(route, schemas));
    for status in problems(route) {
        let response = match status {
            200 => done(route, schemas),
            304 => json!({"description": meaning(status)}),
            _ => {
                used.insert(status);
                json!({"$ref": format!("#/components/responses/{status}")})
            }
        };
        responses.insert(status.to_string(), response);
    }
    operation["responses"] = responses.into();
    operation
}

fn parameters(route: &Route, schemas: &mut SchemaGenerator) -> Vec<Value> {
    let mut all: Vec<Value> = route
        .places()
        .map(|name| {
            let schema = json!({"type": "string", "pattern": NAME_PATTERN});
            json!({"name": name, "in": "path", "required": true, "schema": schema})
        })
        .collect();
    if let Some(query) = route.query {
        let schema = query(schemas);
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        // The parameters are written out; the object that holds them is no part of the document.
        let object = name.and_then(|name| schemas.definitions_mut().remove(name));
        let properties = object.as_ref().and_then(|object| object["properties"].as_object());
        for (name, schema) in properties.into_iter().flatten() {
            let mut schema = schema.clone();
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            all.push(json!({"name": name, "in": "query", "description": description, "schema": schema}));
        }
    }
    if matches!(route.gives, Gives::Events) && route.query.is_some() {
        let schema = json!({"type": "integer", "minimum": 0});
        let description = "The line that was seen last, as browsers say it when they come back.";
        all.push(
            json!({"name": "Last-Event-ID", "in": "header", "description": description, "schema": schema}),
        );
    }
    if route.verb == Verb::Post && route.guard == Guard::Admin {
        let schema = json!({"type": "string", "pattern": PERSON_PATTERN, "minLength": 1, "maxLength": 100});
        let description = "The person in whose stead it is asked; stands in the record.";
        all.push(
            json!({"name": "In-Stead-Of", "in": "header", "description": description, "schema": schema}),
        );
    }
    all
}

fn done(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let described = |description: &str| json!({"description": description});
    let bare = |media: &str| media.split(';').next().unwrap_or(media).to_owned();
    let mut response = match route.gives {
        Gives::Json(schema) => {
            let mut response = described("As asked.");
            response["content"] = json!({"application/json": {"schema": schema(schemas)}});
            response
        }
        Gives::Nothing if route.status == 202 => described("Told; it ends in order."),
        Gives::Nothing => described("Done, and on record."),
        Gives::Events => {
            let mut response = described(
                "Events until the end of the record: `id` is the line's number, `event` its kind, `data` the line.",
            );
            response["content"] = json!({"text/event-stream": {"schema": {"type": "string"}}});
            response
        }
        Gives::File(media) | Gives::Text(media) => {
            let mut response = described("As asked.");
            let schema = if bare(media) == "application/json" {
                json!({"type": "object"})
            } else {
                json!({"type": "string"})
            };
            response["content"] = json!({bare(media): {"schema": schema}});
            response
        }
    };
    if matches!(route.gives, Gives::File(_)) {
        let text = || json!({"schema": {"type": "string"}});
        response["headers"] = json!({"ETag": text(), "Cache-Control": text()});
    }
    response
}

/// The problems that a route can answer with: those of its row, and those that follow from it.
fn problems(route: &Route) -> BTreeSet<u16> {
    let mut all: BTreeSet<u16> = route.problems.iter().copied().collect();
    all.extend([421, 500, 503]);
    if route.guard == Guard::Admin {
        all.extend([400, 401, 403, 429]);
    }
    if route.guard == Guard::Intake {
        all.extend([400, 401, 403, 413, 429]);
    }
    if route.places().next().is_some() && route.guard == Guard::Admin {
        all.extend([400, 404]);
    }
    if route.query.is_some() {
        all.insert(400);
    }
    if matches!(route.takes, Takes::Json(_) | Takes::Perhaps(_)) {
        all.extend([400, 413, 415, 422]);
    }
    all
}

const fn meaning(status: u16) -> &'static str {
    match status {
        304 => "What the `ETag` names is what would be sent.",
        400 => "It cannot be read: the path, the query, a header, or the body, which is no JSON.",
        401 => "No token, or a wrong one.",
        403 => "A cookie, but not from our own page.",
        404 => "There is no such thing.",
        409 => "Not as things stand.",
        413 => "The body is too large.",
        415 => "The body is not JSON.",
        421 => "The `Host` is not this one.",
        422 => {
            "The body was read, and is not what is expected here; `problems` says what is wrong with files."
        }
        429 => "Too many wrong tokens from this address; `Retry-After` says how long to wait.",
        500 => "A mistake of ours.",
        _ => "Not now; ask again.",
    }
}
