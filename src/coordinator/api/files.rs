//! Reports and journals of drills and game days, made from the record when they are asked for.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

use super::Api;
use super::problem::Refused;
use super::sent::Names;
use super::table::Route;
use crate::drill::journal::{CLOSED, Line, whole_lines};
use crate::report::{self, Report, ReportError};

/// What a report may do in a browser: show itself. It brings its style and its few lines of script along.
const REPORT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
     img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const MARKDOWN: &str = "text/markdown; charset=utf-8";
pub(super) const JSON: &str = "application/json";
pub(super) const JUNIT: &str = "application/xml";
pub(super) const LINES: &str = "application/jsonl";

pub(super) fn routes() -> Vec<Route> {
    let drills = vec![
        Route::get("/v1/drills/{id}/report.html", "drill_html", "Its report, for people", || {
            get(|api, names, headers| drill(api, names, headers, Form::Html))
        })
        .file(HTML),
        Route::get("/v1/drills/{id}/report.md", "drill_markdown", "Its report, as Markdown", || {
            get(|api, names, headers| drill(api, names, headers, Form::Markdown))
        })
        .file(MARKDOWN),
        Route::get("/v1/drills/{id}/report.json", "drill_json", "Its report, for programs", || {
            get(|api, names, headers| drill(api, names, headers, Form::Json))
        })
        .file(JSON),
        Route::get("/v1/drills/{id}/junit.xml", "drill_junit", "Its results, for CI", || {
            get(|api, names, headers| drill(api, names, headers, Form::Junit))
        })
        .file(JUNIT),
        Route::get("/v1/drills/{id}/journal.jsonl", "drill_journal", "Its journal, byte for byte", || {
            get(|api, names, headers| drill(api, names, headers, Form::Journal))
        })
        .file(LINES),
    ];
    drills.into_iter().map(of_record).collect()
}

/// What all that is made from a record can answer besides: that it is known, or that the record has no report yet.
pub(super) fn of_record(route: Route) -> Route {
    let is_record = route.path.ends_with("/journal.jsonl");
    route.tag("reports").problems(if is_record { &[304] } else { &[304, 409] })
}

/// In which form something is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Html,
    Markdown,
    Json,
    Junit,
    Journal,
}

impl Form {
    const fn media(self) -> &'static str {
        match self {
            Self::Html => HTML,
            Self::Markdown => MARKDOWN,
            Self::Json => JSON,
            Self::Junit => JUNIT,
            Self::Journal => LINES,
        }
    }
}

async fn drill(
    State(api): State<Api>,
    names: Names,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Refused> {
    api.office.drill(names.id()).await?;
    let journal = Bytes::from(api.office.journal(names.id()).await?);
    let tag = Tag::of(&journal, form, CLOSED);
    if tag.is_known(&headers) {
        return Ok(tag.on(StatusCode::NOT_MODIFIED.into_response()));
    }
    let made = match form {
        Form::Journal => journal,
        _ => api.heavy(move || drill_form(&journal, form)).await?.map_err(|error| {
            let why = format!("the journal of `{}` has no report: {}", names.id(), chain(&error));
            Refused::new(409, "no report", why)
        })?,
    };
    Ok(tag.on(file(form, made)))
}

fn drill_form(journal: &[u8], form: Form) -> Result<Bytes, ReportError> {
    let report = Report::of(journal)?;
    Ok(match form {
        Form::Html => report::html(&report).into(),
        Form::Markdown => report::markdown(&report).into(),
        Form::Junit => report::junit(&report).into(),
        Form::Json | Form::Journal => report::json(&report)?.into(),
    })
}

fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(error.to_string(), |all, error| format!("{all}: {error}"))
}

pub(super) fn file(form: Form, body: Bytes) -> Response {
    let kind = [(header::CONTENT_TYPE, form.media()), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    let mut response = (kind, body).into_response();
    if form == Form::Html {
        let policy = HeaderValue::from_static(REPORT_POLICY);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Which state of a journal something was made from: a report is a pure function of it and of this program.
pub(super) struct Tag {
    tag: String,
    closed: bool,
}

impl Tag {
    pub(super) fn of(journal: &[u8], form: Form, closing: &str) -> Self {
        let last = whole_lines(journal).last().and_then(|(_, raw)| serde_json::from_slice::<Line>(raw).ok());
        let (head, closed) = last.map_or_else(Default::default, |line| (line.hash, line.kind == closing));
        let version = env!("CARGO_PKG_VERSION");
        Self { tag: format!("\"{version}-{form:?}-{head}\""), closed }
    }

    /// Of what tells of more than one journal, and can change as long as any of them does.
    pub(super) fn of_made(made: &[u8], form: Form) -> Self {
        let digest: String = Sha256::digest(made).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self { tag: format!("\"{form:?}-{digest}\""), closed: false }
    }

    pub(super) fn is_known(&self, headers: &HeaderMap) -> bool {
        let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        known.flat_map(|list| list.split(',')).any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.tag
        })
    }

    pub(super) fn on(&self, mut response: Response) -> Response {
        // What is closed does not change; what a newer program makes of it is asked for once a day.
        let keep = if self.closed { "private, max-age=86400, immutable" } else { "no-cache" };
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}
