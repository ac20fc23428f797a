//! Reports and journals of game days, made from the record when they are asked for.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::Api;
use super::files::{Form, HTML, JSON, JUNIT, LINES, MARKDOWN, Tag, file, of_record};
use super::problem::Refused;
use super::sent::Names;
use super::table::Route;
use crate::gameday::CLOSED;
use crate::report::ReportError;
use crate::report::gameday::{self, DayReport};

pub(super) fn routes() -> Vec<Route> {
    let all = vec![
        Route::get("/v1/gamedays/{id}/report.html", "gameday_html", "Its report, for people", || {
            get(|api, names, headers| made(api, names, headers, Form::Html))
        })
        .file(HTML),
        Route::get("/v1/gamedays/{id}/report.md", "gameday_markdown", "Its report, as Markdown", || {
            get(|api, names, headers| made(api, names, headers, Form::Markdown))
        })
        .file(MARKDOWN),
        Route::get("/v1/gamedays/{id}/report.json", "gameday_json", "Its report, for programs", || {
            get(|api, names, headers| made(api, names, headers, Form::Json))
        })
        .file(JSON),
        Route::get("/v1/gamedays/{id}/junit.xml", "gameday_junit", "Its results, for CI", || {
            get(|api, names, headers| made(api, names, headers, Form::Junit))
        })
        .file(JUNIT),
        Route::get(
            "/v1/gamedays/{id}/journal.jsonl",
            "gameday_journal",
            "Its journal, byte for byte",
            || get(|api, names, headers| made(api, names, headers, Form::Journal)),
        )
        .file(LINES),
    ];
    all.into_iter().map(of_record).collect()
}

async fn made(
    State(api): State<Api>,
    names: Names,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Refused> {
    let id = names.id().to_owned();
    let (tag, body) = if form == Form::Journal {
        api.office.gameday(&id).await?;
        let journal = Bytes::from(api.office.journal(&id).await?);
        (Tag::of(&journal, form, CLOSED), journal)
    } else {
        // It tells of all drills of its scenarios, so it can change after its own journal was closed.
        let office = api.office.clone();
        let made = api.heavy(move || in_form(&office.day_report(&id)?, form)).await??;
        (Tag::of_made(&made, form), made)
    };
    let response = match tag.is_known(&headers) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => file(form, body),
    };
    Ok(tag.on(response))
}

fn in_form(report: &DayReport, form: Form) -> Result<Bytes, Refused> {
    let link = |_: u32, drill: &str| format!("/v1/drills/{drill}/report.html");
    let failed = |error: ReportError| Refused::new(500, "no report", error.to_string());
    Ok(match form {
        Form::Html => gameday::html(report, &link).into(),
        Form::Markdown => gameday::markdown(report, &link).into(),
        Form::Junit => gameday::junit(report).into(),
        Form::Json | Form::Journal => gameday::json(report).map_err(failed)?.into(),
    })
}
