//! The way in: the token once, then a session.

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::{HeaderValue, LOCATION, SET_COOKIE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

use super::shown::Shown;
use super::{FORM_MAX_BYTES, Web, layout, pairs, query};

/// To the login page, and from there to where they wanted to go.
pub(super) fn way_in(uri: &Uri, _why: &str) -> Response {
    let to = if Shown::at(uri.path()).is_some() { uri.path() } else { "/" };
    Redirect::to(&format!("/login?to={to}")).into_response()
}

/// What was sent is not taken: it came from nobody who is known, or from another page.
pub(super) fn turned_away(why: &str) -> Response {
    let main = html! {
        section.hero.doubtful {
            h1 { "Not taken" }
            p.sentence { "Nothing was done: " (why) "." }
            p { "Go back and try again; where that does not help, " a href="/login" { "log in again" } "." }
        }
    };
    layout::plain(403, "Not taken", main)
}

fn form(status: u16, to: &str, wrong: Option<&str>) -> Response {
    let main = html! {
        section.login {
            h1 { "Log in" }
            p { "The admin token was printed when this server was started for the first time. It begins with " code { "fd_" } "." }
            form method="post" action="/login" {
                input type="hidden" name="to" value=(to);
                label.field.wide for="token" {
                    span { "Token" }
                    input #token name="token" type="password" required autocomplete="current-password" maxlength="200" autofocus
                        aria-describedby=[wrong.map(|_| "wrong")];
                }
                @if let Some(wrong) = wrong { p.wrong #wrong role="alert" { (wrong) } }
                button.main { "Log in" }
            }
        }
    };
    layout::plain(status, "Log in", main)
}

fn wanted(pairs: &[(String, String)]) -> String {
    let to = pairs.iter().find(|(name, _)| name == "to").map_or("/", |(_, to)| to.as_str());
    Shown::at(to).map_or_else(|| "/".to_owned(), |shown| shown.path())
}

pub(super) async fn page(uri: Uri) -> Response {
    form(200, &wanted(&query(&uri)), None)
}

pub(super) async fn enter(State(web): State<Web>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, FORM_MAX_BYTES).await else {
        return form(413, "/", Some("That is too long for a token."));
    };
    let bytes: Bytes = bytes;
    let pairs = pairs(&bytes);
    let token = pairs.iter().find(|(name, _)| name == "token").map_or("", |(_, token)| token.trim());
    let to = wanted(&pairs);
    match web.door.enter(token, &parts) {
        Ok(cookie) => gone(&to, &cookie),
        Err(why) => form(403, &to, Some(&why)),
    }
}

pub(super) async fn leave(State(web): State<Web>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    match web.door.who(&parts) {
        Ok(_) => gone("/login", &web.door.leave(&parts.headers)),
        Err(why) => turned_away(&why),
    }
}

fn gone(to: &str, cookie: &str) -> Response {
    let (Ok(to), Ok(cookie)) = (HeaderValue::from_str(to), HeaderValue::from_str(cookie)) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    (StatusCode::SEE_OTHER, [(LOCATION, to), (SET_COOKIE, cookie)]).into_response()
}
