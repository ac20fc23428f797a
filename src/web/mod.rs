//! The pages of `firedrill serve`: what runs now, what is due, what was, the lever. Server-rendered, live by server-sent
//! events, and whole without a script: every page can be reloaded, every button is a plain form.

mod act;
mod asks;
mod drill;
mod fields;
mod gameday;
mod layout;
mod live;
mod login;
mod pictures;
mod refused;
mod shown;
mod told;
mod wall;
mod when;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use axum::http::request::Parts;
use axum::http::{Method, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use jiff::tz::TimeZone;
use tokio::sync::Semaphore;

use crate::coordinator::office::Office;
use fields::Kept;
use pictures::Pictures;
use shown::Shown;

/// The longest form, in bytes.
const FORM_MAX_BYTES: usize = 64 * 1024;

/// Who is let in. What stands behind it also guards the API, so that one session opens both.
pub trait Door: Send + Sync {
    /// A token was handed in: the `Set-Cookie` of a new session, or why not.
    fn enter(&self, token: &str, parts: &Parts) -> Result<String, String>;

    /// The `Set-Cookie` that ends the session.
    fn leave(&self, headers: &HeaderMap) -> String;

    /// Who asks; an error when it is nobody who is known, or when what changes something comes from another page.
    fn who(&self, parts: &Parts) -> Result<String, String>;
}

/// What every page is made from.
#[derive(Clone)]
struct Web {
    office: Office,
    door: Arc<dyn Door>,
    pictures: Arc<Pictures>,
    followed: Arc<Semaphore>,
    zone: TimeZone,
}

/// Who asks, once the door let them in.
#[derive(Clone, Debug)]
struct Who(String);

/// Every page, with its assets and its live events.
pub fn router(office: Office, door: Arc<dyn Door>, zone: TimeZone) -> Router {
    let followed = Arc::new(Semaphore::new(live::FOLLOWED_MAX));
    let web = Web { office, door, pictures: Arc::default(), followed, zone };
    let inside = Router::new()
        .route("/", get(wall_page))
        .route("/drills/{id}", get(drill_page))
        .route("/gamedays/{id}", get(gameday_page))
        .route("/live", get(live::events))
        .route("/act", get(|| async { Redirect::to("/") }).post(act::act))
        .route_layer(middleware::from_fn_with_state(web.clone(), let_in));
    Router::new()
        .route("/login", get(login::page).post(login::enter))
        .route("/logout", get(|| async { Redirect::to("/") }).post(login::leave))
        .route("/assets/{name}", get(asset))
        .merge(inside)
        .layer(DefaultBodyLimit::max(FORM_MAX_BYTES))
        .layer(middleware::map_response(layout::guarded))
        .with_state(web)
}

/// Pages are for those who are known; the others are shown the way in and come back to where they wanted to go.
async fn let_in(State(web): State<Web>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match web.door.who(&parts) {
        Ok(who) => {
            parts.extensions.insert(Who(who));
            next.run(Request::from_parts(parts, body)).await
        }
        Err(why) if parts.method == Method::GET => login::way_in(&parts.uri, &why),
        Err(why) => login::turned_away(&why),
    }
}

async fn wall_page(State(web): State<Web>) -> Response {
    page(&web, &Shown::Wall).await
}

async fn drill_page(State(web): State<Web>, Path(id): Path<String>) -> Response {
    page(&web, &Shown::Drill(id)).await
}

async fn gameday_page(State(web): State<Web>, Path(id): Path<String>) -> Response {
    page(&web, &Shown::GameDay(id)).await
}

async fn page(web: &Web, shown: &Shown) -> Response {
    match shown.look(web, &Kept::nothing()).await {
        Ok(page) => layout::whole(200, &page),
        Err(refusal) => refused::page(&refusal),
    }
}

async fn asset(Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "report.css" => ("text/css; charset=utf-8", crate::report::STYLE),
        "page.css" => ("text/css; charset=utf-8", include_str!("assets/page.css")),
        "page.js" => ("text/javascript; charset=utf-8", include_str!("assets/page.js")),
        _ => return (axum::http::StatusCode::NOT_FOUND, "no such file\n").into_response(),
    };
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text).into_response()
}

/// The pairs of a form, and of a query.
fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(bytes).into_owned().collect()
}

fn query(uri: &Uri) -> Vec<(String, String)> {
    pairs(uri.query().unwrap_or_default().as_bytes())
}
