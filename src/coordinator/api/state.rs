//! How things stand, and the lever.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json};
use http::{StatusCode, header};

use super::auth::Caller;
use super::events::{self, Stream};
use super::problem::Refused;
use super::sent::{Perhaps, Sent};
use super::table::Route;
use super::wire::{Halt, Health, Reason, Standing};
use super::{Api, metrics};

/// The type of the metrics.
pub(super) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn routes() -> Vec<Route> {
    let tag = "server";
    vec![
        Route::get("/healthCheck", "health", "Whether it answers", || get(health))
            .open()
            .gives::<Health>(200),
        Route::get("/metrics", "metrics", "Numbers for Prometheus", || get(numbers)).text(OPEN_METRICS),
        Route::get("/v1/openapi.json", "openapi", "This document", || get(openapi)).text("application/json"),
        Route::get("/v1/status", "status", "How things stand", || get(status)).gives::<Standing>(200),
        Route::get("/v1/changes", "changes", "An event whenever a list would show something else", || {
            get(changes)
        })
        .events(),
        Route::post("/v1/halt", "halt", "Stop every drill and game day, and let none begin", || post(halt))
            .perhaps::<Halt>()
            .status(202),
        Route::post("/v1/halt/release", "release", "Let drills begin again", || post(release))
            .takes::<Reason>()
            .problems(&[409]),
    ]
    .into_iter()
    .map(|route| route.tag(tag))
    .collect()
}

async fn health() -> Json<Health> {
    Json(Health { status: "ok".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() })
}

async fn numbers(State(api): State<Api>) -> Result<Response, Refused> {
    let text = metrics::text(&api).await?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

async fn openapi(State(api): State<Api>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], api.document()).into_response()
}

async fn status(State(api): State<Api>) -> Result<Json<Standing>, Refused> {
    Ok(Json(api.office.standing().await?))
}

async fn changes(State(api): State<Api>) -> Result<Response, Refused> {
    events::answer(&api, Stream::Changes(api.office.changes()))
}

async fn halt(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    // Nobody in a hurry is turned away for a missing body.
    Perhaps(Halt { reason }): Perhaps<Halt>,
) -> Result<StatusCode, Refused> {
    api.office.halt(&caller.who, &reason).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn release(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Sent(Reason { reason }): Sent<Reason>,
) -> Result<StatusCode, Refused> {
    api.office.release(&caller.who, &reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
