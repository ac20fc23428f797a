//! What every page has around it, and what every answer says to the browser.

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::shown::Page;

/// Nothing from elsewhere, nothing inline, nobody around it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Adds what every answer of the pages says.
pub(super) async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let mut say = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    say(CONTENT_SECURITY_POLICY, POLICY);
    say(X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(REFERRER_POLICY, "same-origin");
    say(CACHE_CONTROL, "no-store");
    response
}

/// A page with its pieces.
pub(super) fn whole(status: u16, page: &Page) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Html(text(page))).into_response()
}

pub(super) fn text(page: &Page) -> String {
    let live = page.is_live.then(|| format!("/live?page={}", page.path));
    let (first, rest) =
        page.pieces.split_at(usize::from(page.pieces.first().is_some_and(|piece| piece.id == "halt")));
    let body = html! {
        header.top {
            p.brand { a href="/" { "firedrill" } }
            p.state #link role="status" { @if page.is_live { "as of the last load" } }
            @for piece in first { div.piece id=(piece.id) { (piece.markup) } }
        }
        main {
            @if let Some(why) = &page.why { p.wrong.banner role="alert" { (why) } }
            p.hidden #said role="status" aria-live="polite" {}
            @for piece in rest { div.piece id=(piece.id) { (piece.markup) } }
        }
        footer {
            form method="post" action="/logout" { button.plain { "Log out" } }
        }
    };
    framed(&page.title, live.as_deref(), body)
}

/// A page of its own kind, without live events.
pub(super) fn plain(status: u16, title: &str, main: Markup) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = html! {
        header.top { p.brand { a href="/" { "firedrill" } } }
        main { (main) }
    };
    (status, Html(framed(title, None, body))).into_response()
}

fn framed(title: &str, live: Option<&str>, body: Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · firedrill" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/assets/report.css";
                link rel="stylesheet" href="/assets/page.css";
                script src="/assets/page.js" defer {}
            }
            body data-live=[live] { (body) }
        }
    }
    .into_string()
}
